"""What a return code of AscendCL means and what to do about it."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from ascend_console.ascend.acl_codes import CODES
from ascend_console.ascend.advice import Advice

# A number counts as a code only behind words that announce one: logs are full of six digits.
_ANNOUNCED = re.compile(
    r"(?:\b(?:ret|failure)\s{0,3}[=:]?|\b(?:ret ?code|return ?code|result|error|error ?code|code)"
    r"\s{0,3}(?:[=:]|is\b))\s{0,3}\[?([1-5][0-9]{5})(?![0-9]|\.[0-9])",
    re.IGNORECASE,
)

_DEVICE_EN = (
    "Check the device number: in a container that holds one device it is 0; `npu-smi info -m` "
    "lists the logic ids.",
    "Unset ASCEND_RT_VISIBLE_DEVICES inside a container.",
    "End processes that are left over on the device; `npu-smi info` lists them.",
    "Compare the driver's version with what this CANN version needs.",
)
_DEVICE_ZH = (
    "检查设备编号：容器内只有一个设备时编号为 0；npu-smi info -m 可查看逻辑 ID。",
    "在容器内取消 ASCEND_RT_VISIBLE_DEVICES。",
    "结束设备上残留的进程，npu-smi info 可查看。",
    "检查驱动版本是否满足当前 CANN 版本的要求。",
)
_MEMORY_EN = (
    "Use a smaller batch size.",
    "Choose a device with more free memory; `npu-smi info` shows it, and who uses the rest.",
)
_MEMORY_ZH = (
    "减小 batch size。",
    "换用空闲内存更多的设备；npu-smi info 可查看内存和占用进程。",
)
_CHIP_EN = (
    "Convert the model again with --soc-version of this device and with this CANN version.",
    "Update CANN if it is older than the chip.",
)
_CHIP_ZH = (
    "使用当前设备的 --soc-version 和当前 CANN 版本重新转换模型。",
    "若 CANN 早于该芯片，请升级 CANN。",
)
_MODEL_EN = (
    "Convert the model again with this CANN version; a copy that was cut fails too.",
    "Check that the model is for this chip: --soc-version.",
)
_MODEL_ZH = (
    "使用当前 CANN 版本重新转换模型；文件不完整也会失败。",
    "检查模型的 --soc-version 是否为当前芯片。",
)
_INPUT_EN = (
    "Compare the input's bytes with shape times item size: twice as many is float32 for float16, "
    "four times float32 for uint8 (AIPP), batch times a wrong batch size.",
    "A model with gears needs its gear set: batch size, height and width, or dims.",
)
_INPUT_ZH = (
    "比较输入字节数与 shape 乘以元素大小：2 倍为 float32 与 float16，"
    "4 倍为 float32 与 uint8（AIPP），batch 倍为 batch size 不符。",
    "动态分档模型需要设置档位：batch size、高宽或 dims。",
)
_EXECUTE_EN = (
    "Use a smaller batch size, or another precision.",
    "Look for `fault kernel_name=` in the plog files under ~/ascend/log: it names the operator.",
)
_EXECUTE_ZH = (
    "减小 batch size，或更换精度模式。",
    "在 ~/ascend/log 下的 plog 中查找 fault kernel_name=，其中有出错的算子。",
)
_RIGHTS_EN = (
    "Run as a member of the driver's group: usermod -aG HwHiAiUser USER, then log in again.",
    "In a container, pass the device and /dev/davinci_manager, /dev/devmm_svm, /dev/hisi_hdc.",
)
_RIGHTS_ZH = (
    "将用户加入驱动的运行组：usermod -aG HwHiAiUser 用户名，然后重新登录。",
    "在容器中映射设备以及 /dev/davinci_manager、/dev/devmm_svm、/dev/hisi_hdc。",
)
_SETUP_EN = ("Source CANN's set_env.sh in the shell that starts the tool.",)
_SETUP_ZH = ("在启动工具的 shell 中 source CANN 的 set_env.sh。",)
_PROFILING_EN = ("Run one profiling at a time, and not from inside the program as well.",)
_PROFILING_ZH = ("同一时间只运行一个 Profiling，程序内部也不要开启。",)

_Remedies = tuple[tuple[str, ...], tuple[str, ...]]

_FOR_CODES: dict[_Remedies, tuple[int, ...]] = {
    (_DEVICE_EN, _DEVICE_ZH): (107001, 200002, 207004, 507010, 507033, 507899, 507901),
    (_MEMORY_EN, _MEMORY_ZH): (200000, 207001, 207018, 245000, 245001, 245002),
    (_CHIP_EN, _CHIP_ZH): (507008, 507009),
    (_MODEL_EN, _MODEL_ZH): (
        100012, 100013, 100014, 100015, 100016, 145000, 145002, 145006,
        545001, 545002, 545003, 545004, 545005,
    ),
    (_INPUT_EN, _INPUT_ZH): (100000, 100017, 100018, 100019, 107000, 145011, 145012, 145013),
    (_EXECUTE_EN, _EXECUTE_ZH): (
        507011, 507014, 507015, 507016, 507017, 507018, 507034, 507035, 507036, 507042, 507043,
        507044, 507045, 545601,
    ),
    (_RIGHTS_EN, _RIGHTS_ZH): (207006,),
    (_SETUP_EN, _SETUP_ZH): (100039, 145019, 148049, 500001, 500002),
    (_PROFILING_EN, _PROFILING_ZH): (100010, 100042, 148046, 148047, 200007, 507021),
}  # fmt: skip
_BY_CODE = {code: remedies for remedies, codes in _FOR_CODES.items() for code in codes}
# First digit: 1 how it was called, 2 resources, 3 business, 5 inside the software or the device.
_BY_FAMILY: dict[str, _Remedies] = {
    "1": (
        ("Check files, paths and options of the command; the lines above say which.",),
        ("检查命令的文件、路径和选项，详见上面的输出。",),
    ),
    "2": (
        ("End other work on the device, or use a smaller batch size.",),
        ("结束设备上的其他任务，或减小 batch size。",),
    ),
    "3": (("Free some space.",), ("释放存储空间。",)),
    "5": (
        ("Read the newest plog file under ~/ascend/log/debug/plog; keep it for the vendor.",),
        ("查看 ~/ascend/log/debug/plog 下最新的 plog，并保留以便联系技术支持。",),
    ),
}


@dataclass(frozen=True, slots=True)
class AclCode:
    """A return code with its name in the headers."""

    code: int
    name: str
    advice: Advice


@functools.cache
def _known() -> dict[int, AclCode]:
    return {
        code: AclCode(
            code,
            f"ACL_ERROR_{name}",
            Advice(
                f"acl.{code}",
                cause_en,
                cause_zh,
                *_BY_CODE.get(code, _BY_FAMILY[str(code)[0]]),
            ),
        )
        for code, name, cause_en, cause_zh in CODES
    }


def acl_code(code: int) -> AclCode | None:
    """What a return code means; None for one that is not known."""
    return _known().get(code)


def acl_codes_in(text: str) -> tuple[AclCode, ...]:
    """The known codes that a text announces (`ret=507033`, `error code is 507011`), in order.

    Each once; other six-digit numbers are left alone.
    """
    found = (acl_code(int(match[1])) for match in _ANNOUNCED.finditer(text))
    return tuple(dict.fromkeys(code for code in found if code is not None))
