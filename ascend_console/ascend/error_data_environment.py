"""Signs of the environment: libraries, Python packages, permissions, memory; and exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ascend_console.ascend import error_remedies as fix
from ascend_console.ascend.error_data_inference import sign

if TYPE_CHECKING:
    from ascend_console.ascend.error_data_inference import SignRow
    from ascend_console.ascend.error_remedies import Words

_MEMORY = (
    ("the host ran out of memory and the system killed the tool",
     "主机内存不足，系统终止了工具进程"),
    (fix.HOST_MEMORY, fix.ONE_COMPILER),
)  # fmt: skip
_CRASH = (
    ("the tool crashed: mostly versions or the soc_version do not belong together",
     "工具崩溃：多为版本或 soc_version 不匹配"),
    (fix.DOCTOR, fix.RIGHT_SOC, fix.RECONVERT),
)  # fmt: skip
_NOT_FOUND = (
    ("the tool is not installed, or the environment of CANN is not loaded",
     "工具未安装，或未加载 CANN 环境"),
    (fix.SOURCE_ENV, fix.DOCTOR),
)  # fmt: skip

SIGNS: tuple[SignRow, ...] = (
    sign("killed", "Killed|Out of memory: Kill|oom-kill", *_MEMORY,
         pattern=r"(?:^|\s)Killed(?:\s|$)|Out of memory: Kill|oom-kill"),
    sign("crashed", "Segmentation fault|(core dumped)", *_CRASH),
    sign("disk_full", "No space left on device|Disk quota exceeded",
         ("the disk is full", "磁盘已满"),
         (("Free some space, in the output folder and in /tmp too.",
           "清理输出目录和 /tmp 的空间。"),)),
    sign("other_ais_bench", "No module named 'ais_bench.infer'|ais_bench: error: ",
         ("another product is called ais_bench too (it evaluates language models), and this is it",
          "当前的 ais_bench 是同名的另一个产品（大模型评测工具）"),
         (("Install the inference tool of Ascend/tools, or name it: ASCEND_CONSOLE_AIS_BENCH.",
           "安装 Ascend/tools 的推理工具，或用 ASCEND_CONSOLE_AIS_BENCH 指定。"), fix.DOCTOR),
         pattern=r"No module named 'ais_bench\.infer'|ais_bench: error: .{0,40}--models"),
    sign("aclruntime", "No module named 'aclruntime'",
         ("the Python of ais_bench has no aclruntime", "ais_bench 所用的 Python 没有 aclruntime"),
         (("Install the wheel for this Python and machine: aclruntime-…-cp3X-…-linux_ARCH.whl; "
           "`ascend-console doctor` names it.",
           "安装与当前 Python 和架构匹配的 aclruntime-…-cp3X-…-linux_ARCH.whl，"
           "ascend-console doctor 会给出名称。"), fix.SOURCE_ENV)),
    sign("module", "No module named ",
         ("the Python that runs the tool has no module {module}",
          "运行工具的 Python 缺少模块 {module}"), (fix.SOURCE_ENV, fix.PYTHON, fix.DOCTOR),
         pattern=r"No module named '?(?!aclruntime|ais_bench)(?P<module>[\w.]{1,80})'?"),
    sign("numpy", "was removed in the NumPy 2.0|numpy.core.multiarray failed to import",
         ("numpy 2 is installed, and this CANN needs an older one",
          "安装了 numpy 2，而当前 CANN 需要更低版本"),
         (("Install it for the tool's Python: pip install 'numpy<2'",
           "在工具所用的 Python 中执行 pip install 'numpy<2'。"),)),
    sign("python_new", "cannot pickle 'FrameLocalsProxy' object",
         ("this Python (3.13 or newer) is too new for the operator compiler",
          "Python（3.13 及以上）对算子编译器来说版本过高"),
         (("Put Python 3.8 to 3.11 first on PATH, or name it: ASCEND_CONSOLE_PYTHON.",
           "将 Python 3.8 至 3.11 放在 PATH 最前，或用 ASCEND_CONSOLE_PYTHON 指定。"),)),
    sign("driver_library", "libascend_hal.so",
         ("the driver's library is not found: no driver is installed, or it is not on "
          "LD_LIBRARY_PATH",
          "找不到驱动库：未安装驱动或不在 LD_LIBRARY_PATH 中"),
         (("Source CANN's set_env.sh: without a driver it adds stub libraries, so that atc runs.",
           "source CANN 的 set_env.sh：无驱动时会使用桩库，atc 可以运行。"),
          ("Add /usr/local/Ascend/driver/lib64 and lib64/driver to LD_LIBRARY_PATH.",
           "将 /usr/local/Ascend/driver/lib64 及其 driver 子目录加入 LD_LIBRARY_PATH。")),
         pattern=r"libascend_hal\.so\S{0,20}: cannot open shared object file"),
    sign("library", "cannot open shared object file",
         ("the library {library} is not found: the environment of CANN is not loaded",
          "找不到库 {library}：未加载 CANN 环境"), (fix.SOURCE_ENV, fix.DOCTOR),
         pattern=r"(?P<library>lib(?!ascend_hal)[\w.+\-]{1,80}\.so[\w.]{0,20}): cannot open "
         r"shared object file"),
    sign("static_tls", "cannot allocate memory in static TLS block",
         ("a library was loaded too late for its thread storage (aarch64)",
          "库加载过晚，静态 TLS 空间不足（aarch64）"),
         (("Preload the library that the message names: LD_PRELOAD=/path/libgomp.so.1",
           "预加载提示中的库：LD_PRELOAD=/path/libgomp.so.1"),)),
    sign("glibc", "version `GLIBC",
         ("the tool was built for a newer system than this one", "工具要求更新的系统 glibc"),
         (("Use the package for this system, or a container image of the vendor.",
           "使用适配当前系统的安装包，或厂商提供的容器镜像。"),),
         pattern=r"version `GLIBC\w{0,4}_[0-9.]{1,10}' not found"),
    sign("env_init", "[Init][Env]init env failed",
         ("the operator compiler cannot start its Python", "算子编译器无法初始化 Python 环境"),
         (fix.PYTHON, fix.SOURCE_ENV, fix.DOCTOR)),
    sign("source_sh", "source: not found",
         ("set_env.sh was loaded by sh, and it needs bash",
          "用 sh 加载了 set_env.sh，而它需要 bash"),
         (("Run it in bash: bash -c '. /usr/local/Ascend/ascend-toolkit/set_env.sh; …'",
           "在 bash 中执行：bash -c '. /usr/local/Ascend/ascend-toolkit/set_env.sh; …'"),)),
    sign("not_found", "not found", *_NOT_FOUND,
         pattern=r"(?:^|[\s:])(?:atc|aoe|msame|msprof|ais_bench|benchmark\.\w{1,12})"
         r": (?:command not found|not found)"),
    sign("not_executable", ": Permission denied",
         ("the tool has no execute permission", "工具没有执行权限"),
         (("Give it: chmod u+x FILE", "执行 chmod u+x FILE。"),),
         pattern=r"(?:atc|msame|benchmark\.\w{1,12}): Permission denied"),
    sign("folder_rights", "PermissionError: |access real path failed|kernel_meta",
         ("the tool may not write into its working folder", "工具对工作目录没有写权限"),
         (fix.OWN_FOLDER, fix.WRITABLE),
         pattern=r"PermissionError: |access real path failed|kernel_meta.{0,80}Permission"),
    sign("cann_provider", "CANN failure ",
         ("the CANN provider of ONNX Runtime failed", "ONNX Runtime 的 CANN Provider 出错"),
         (fix.SOURCE_ENV, fix.DOCTOR, fix.OPSET),
         pattern=r"CANN failure [0-9]{6}"),
    sign("arguments", "error: unrecognized arguments: ",
         ("this generation of the tool does not know {flag}", "当前版本的工具不支持 {flag}"),
         (("Leave it out, or install a newer ais_bench and aclruntime.",
           "去掉该选项，或安装更新的 ais_bench 和 aclruntime。"),),
         pattern=r"error: unrecognized arguments: (?P<flag>\S{1,80})"),
)  # fmt: skip

EXITS: dict[int, tuple[Words, tuple[Words, ...]]] = {
    124: (("the tool did not end in its time: the device hangs, or it waits for one",
           "工具超时未结束：设备无响应或在等待设备"), (fix.WHO_USES, fix.WAIT, fix.PLOG)),
    126: (("the tool has no execute permission", "工具没有执行权限"),
          (("Give it: chmod u+x FILE", "执行 chmod u+x FILE。"),)),
    127: _NOT_FOUND,
    134: _CRASH,
    137: _MEMORY,
    139: _CRASH,
}  # fmt: skip
