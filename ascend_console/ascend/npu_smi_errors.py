"""What npu-smi says when it cannot answer, and what to do about it.

DCMI codes are -8000 - k, npu-smi's own are -9000 - k with the same k; a code is kept as printed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ascend_console.ascend.advice import Advice
from ascend_console.ascend.npu_smi_text import lines_of
from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

_RIGHTS_EN = "Run it as root, or as a member of the driver's group: usermod -aG HwHiAiUser USER."
_RIGHTS_ZH = "以 root 身份运行，或将用户加入驱动的运行组：usermod -aG HwHiAiUser 用户名。"
_CONTAINER_EN = (
    "In a container, pass /dev/davinciN of this device and mount "
    "/dev/davinci_manager /dev/devmm_svm /dev/hisi_hdc /usr/local/dcmi /usr/local/bin/npu-smi "
    "/usr/local/Ascend/driver/lib64 /usr/local/Ascend/driver/version.info /etc/ascend_install.info."
)
_CONTAINER_ZH = (
    "在容器中需映射该设备的 /dev/davinciN，并挂载 "
    "/dev/davinci_manager /dev/devmm_svm /dev/hisi_hdc /usr/local/dcmi /usr/local/bin/npu-smi "
    "/usr/local/Ascend/driver/lib64 /usr/local/Ascend/driver/version.info "
    "/etc/ascend_install.info。"
)
_OTHER_EN = "Stop the container or process that holds the device: a device has one container."
_OTHER_ZH = "停止占用该设备的容器或进程：一个设备只能分配给一个容器。"
_REBOOT_EN = "After a driver or firmware update, reboot the host; then try `npu-smi info` there."
_REBOOT_ZH = "升级驱动或固件后请重启主机，然后在主机上执行 npu-smi info。"
_LATER_EN = "Wait a minute and try again; if it stays, reset the device or reboot the host."
_LATER_ZH = "等待一分钟后重试；若仍失败，请复位设备或重启主机。"
_IDS_EN = "List the devices that exist with `npu-smi info -l` and `npu-smi info -m`."
_IDS_ZH = "用 npu-smi info -l 和 npu-smi info -m 查看实际存在的设备。"
_TABLE_EN = "Use `npu-smi info`, which every product answers."
_TABLE_ZH = "改用 npu-smi info，所有产品都支持。"

_VISIBLE = ((_CONTAINER_EN, _OTHER_EN, _RIGHTS_EN, _REBOOT_EN),
            (_CONTAINER_ZH, _OTHER_ZH, _RIGHTS_ZH, _REBOOT_ZH))  # fmt: skip
_HELD = ((_OTHER_EN, _CONTAINER_EN), (_OTHER_ZH, _CONTAINER_ZH))
_RIGHTS = ((_RIGHTS_EN, _CONTAINER_EN), (_RIGHTS_ZH, _CONTAINER_ZH))
_LATER = ((_LATER_EN, _REBOOT_EN), (_LATER_ZH, _REBOOT_ZH))
_IDS = ((_IDS_EN,), (_IDS_ZH,))
_TABLE = ((_TABLE_EN,), (_TABLE_ZH,))

_Remedies = tuple[tuple[str, ...], tuple[str, ...]]

_DCMI: dict[int, tuple[str, str, str, _Remedies]] = {
    1: ("parameter", "a parameter is not valid", "参数无效", _IDS),
    2: ("permission", "this user may not do that", "没有操作权限", _RIGHTS),
    3: ("memory", "the driver could not get memory", "驱动申请内存失败", _LATER),
    4: ("secure", "a function of the driver failed", "驱动的安全函数执行失败", _LATER),
    5: ("inner", "the driver sees no device that it may use: it is held by another container, not "
        "passed to this one, or the driver does not run",
        "驱动没有可用的设备：设备被其他容器占用、未映射到本容器，或驱动未运行", _VISIBLE),
    6: ("timeout", "the driver did not answer in time", "驱动响应超时", _LATER),
    7: ("device_id", "there is no device of this number", "设备编号无效", _IDS),
    8: ("no_device", "the device does not exist", "设备不存在", _IDS),
    9: ("ioctl", "a call into the driver failed", "驱动的 ioctl 调用失败", _VISIBLE),
    10: ("send", "no message could be sent to the device", "向设备发送消息失败", _LATER),
    11: ("receive", "no message came back from the device", "未收到设备返回的消息", _LATER),
    12: ("not_ready", "the device is not ready yet", "设备尚未就绪", _LATER),
    13: ("container", "the device does not answer that in a container", "容器内不支持该操作",
         (("Ask on the host instead.",), ("请在主机上执行。",))),
    14: ("file", "a file of the driver could not be read or written", "驱动文件读写失败", _RIGHTS),
    15: ("reset", "the device could not be reset", "设备复位失败", _LATER),
    16: ("aborted", "the operation was aborted", "操作被中止", _LATER),
    17: ("upgrading", "the device is being upgraded", "设备正在升级", _LATER),
    20: ("occupied", "the device is in use by another container or process",
         "设备正被其他容器或进程使用", _HELD),
    22: ("partition", "the device is partitioned otherwise", "设备的切分不符合要求", _IDS),
    23: ("config", "a configuration does not exist", "配置信息不存在", _IDS),
    255: ("unsupported", "this product does not support that", "该产品不支持此操作", _TABLE),
}  # fmt: skip

_NOT_FOUND = Advice(
    "npu_smi.not_found",
    "npu-smi is not on PATH",
    "PATH 中没有 npu-smi",
    (
        "Install the driver, or add /usr/local/sbin and /usr/local/bin to PATH.",
        "In a container, mount /usr/local/bin/npu-smi and the driver from the host.",
    ),
    (
        "安装驱动，或将 /usr/local/sbin 和 /usr/local/bin 加入 PATH。",
        "在容器中需从主机挂载 /usr/local/bin/npu-smi 和驱动。",
    ),
)

# In the order of trust: what ends the tool before what it says on the way.
_SENTENCES: tuple[tuple[re.Pattern[str], Advice], ...] = (
    (re.compile(r"\bnpu-smi: (?:command )?not found|npu-smi: No such file or directory"),
     _NOT_FOUND),
    (re.compile(r"error while loading shared libraries: lib(?:dcmi|drvdsmi|ascend_hal)\S*"),
     Advice("npu_smi.library", "a library of the driver is not found", "找不到驱动的动态库",
            _VISIBLE[0][:1], _VISIBLE[1][:1])),
    (re.compile(r"There is no NPU card on this server"),
     Advice("npu_smi.no_card", "the host has no NPU, or its driver does not see it",
            "主机没有 NPU，或驱动未识别到", *_VISIBLE)),
    (re.compile(r"(?:This )?device does not support querying .+", re.IGNORECASE),
     Advice("npu_smi.query_unsupported", "this product does not answer that query",
            "该产品不支持此查询", *_TABLE)),
    (re.compile(r"Invalid card id|Error parameter of -[a-z]\b|Command or option is not found"),
     Advice("npu_smi.usage", "npu-smi does not take these options", "npu-smi 不接受这些选项",
            *_IDS)),
    (re.compile(r"npu-smi: Permission denied"),
     Advice("npu_smi.denied", "this user may not start npu-smi", "没有执行 npu-smi 的权限",
            *_RIGHTS)),
    (re.compile(r"DrvMngGetConsoleLogLevel failed"),
     Advice("npu_smi.driver_silent", "the driver does not answer", "驱动没有响应", *_VISIBLE)),
)  # fmt: skip
_SHOWN_CHARACTERS = 160
_CODE = re.compile(r"\bret(?:urn code)? {0,3}(?:is|=|:)? {0,3}(-[89]\d{3})(?!\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class NpuSmiFailure:
    """npu-smi could not answer. `code` is a DCMI code as printed, `message` its own line."""

    code: str | None
    message: str
    advice: Advice

    def error(self) -> UserError:
        """The error of a parser that met this text instead of an answer."""
        return UserError(
            "npu_smi.failed",
            "{where}npu-smi says {said!r}: {cause}",
            hint="{remedy}",
            where="",
            said=self.message[:_SHOWN_CHARACTERS],
            cause=self.advice.cause_en,
            remedy=self.advice.remedies_en[0],
            code=self.code or "",
            cause_id=self.advice.id,
        )


def dcmi_advice(code: int) -> Advice | None:
    """What a code of DCMI (-8000 - k) or of npu-smi (-9000 - k) means; None if it has none."""
    kind = -code % 1000
    if -code // 1000 not in {8, 9} or kind not in _DCMI:
        return None
    name, cause_en, cause_zh, remedies = _DCMI[kind]
    return Advice(f"npu_smi.dcmi_{name}", cause_en, cause_zh, *remedies)


def _with_code(lines: list[str]) -> Iterator[NpuSmiFailure]:
    for line in lines:
        if found := _CODE.search(line):
            advice = dcmi_advice(int(found[1])) or Advice(
                "npu_smi.dcmi_other", f"DCMI code {found[1]}", f"DCMI 返回码 {found[1]}", *_VISIBLE
            )
            yield NpuSmiFailure(found[1], line, advice)


def _with_sentence(lines: list[str]) -> Iterator[NpuSmiFailure]:
    for pattern, advice in _SENTENCES:
        for line in lines:
            if pattern.search(line):
                yield NpuSmiFailure(None, line, advice)


def find_npu_smi_failure(text: str) -> NpuSmiFailure | None:
    """The failure that a text of npu-smi speaks of; None where it speaks of none.

    Meant for texts without an answer: the driver prints some of these lines above good tables.
    """
    lines = [line for line in lines_of(text) if not line.startswith("#")]
    return next(_with_code(lines), None) or next(_with_sentence(lines), None)
