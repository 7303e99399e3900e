"""Remedies that many errors share, each in English and Chinese."""

from __future__ import annotations

Words = tuple[str, str]

INSPECT = (
    "See the model's real inputs and outputs: ascend-console inspect FILE.onnx",
    "查看模型真实的输入输出：ascend-console inspect FILE.onnx",
)
OPTION = (
    "Correct the option that the message names, or leave it out.",
    "修改提示中的选项，或去掉该选项。",
)
QUOTE = (
    "Put the whole value in quotes, since the shell ends a command at ';'.",
    "用引号括住整个取值：shell 会把 ';' 当作命令结束符。",
)
GEARS = (
    "Give one kind of gears, 2 to 100 different ones, and -1 in --input-shape where they stand.",
    "只使用一种分档方式，2 到 100 个互不相同的档位，并在 --input-shape 对应轴写 -1。",
)
SHAPE = (
    "Write --input-shape as NAME:N,C,H,W with whole numbers, ';' between inputs.",
    "--input-shape 写成 NAME:N,C,H,W，使用整数，多个输入用 ';' 分隔。",
)
PATHS = (
    "Check that the file exists, is not empty and may be read; use an absolute path.",
    "检查文件存在、非空且可读，并使用绝对路径。",
)
WRITABLE = (
    "Choose an output folder that exists and that you may write to, with free space.",
    "选择已存在、可写且空间充足的输出目录。",
)
BROKEN_FILE = (
    "Make or download the model again; a Git LFS pointer or a cut download cannot be read.",
    "重新导出或下载模型；Git LFS 指针文件或不完整的文件无法解析。",
)
FRAMEWORK = (
    "Use --framework=5 for ONNX, 3 for TensorFlow, 1 for MindSpore, 0 for Caffe.",
    "ONNX 用 --framework=5，TensorFlow 用 3，MindSpore 用 1，Caffe 用 0。",
)
OPSET = (
    "Export the model again with opset 11 (or 13): that is what every CANN version reads.",
    "用 opset 11（或 13）重新导出模型，各版本 CANN 都支持。",
)
SIMPLIFY = (
    "Fold constants and simplify the ONNX, so that helper operators disappear.",
    "对 ONNX 做常量折叠和简化，去掉辅助算子。",
)
REWRITE = (
    "Rewrite the operator with supported ones, or install the package of the custom operator.",
    "用已支持的算子改写该算子，或安装自定义算子包。",
)
RIGHT_SOC = (
    "Check --soc-version: it is 'Ascend' and the Name column of `npu-smi info`.",
    "检查 --soc-version：应为 'Ascend' 加上 npu-smi info 的 Name 列。",
)
OPS_PACKAGE = (
    "Install the operator (ops, kernels) package of this chip in the version of the toolkit.",
    "安装与 toolkit 版本一致的该芯片算子包（ops、kernels）。",
)
SOURCE_ENV = (
    "Run `source /usr/local/Ascend/ascend-toolkit/set_env.sh` in bash, then start again.",
    "在 bash 中执行 source /usr/local/Ascend/ascend-toolkit/set_env.sh 后重试。",
)
DOCTOR = (
    "Let `ascend-console doctor` check CANN, its Python packages, driver and devices.",
    "用 ascend-console doctor 检查 CANN、Python 依赖、驱动和设备。",
)
PYTHON = (
    "Install what CANN's Python needs: pip install attrs cython 'numpy<2' decorator sympy cffi "
    "pyyaml pathlib2 psutil protobuf==3.20.0 scipy requests absl-py",
    "安装 CANN 所需的 Python 包：pip install attrs cython 'numpy<2' decorator sympy cffi pyyaml "
    "pathlib2 psutil protobuf==3.20.0 scipy requests absl-py",
)
OWN_FOLDER = (
    "Run each conversion in a writable folder of its own; two in one folder disturb each other.",
    "每次转换使用独立且可写的工作目录；同一目录并行转换会互相干扰。",
)
FUSION_OFF = (
    "Switch the pass off: --atc-option fusion_switch_file=FILE with the line `NAME:off`.",
    "关闭该融合规则：--atc-option fusion_switch_file=FILE，文件中写 `规则名:off`。",
)
HOST_MEMORY = (
    "Free memory on the host, or convert on a larger machine: atc needs no NPU.",
    "释放主机内存，或在内存更大的机器上转换：atc 不需要 NPU。",
)
ONE_COMPILER = (
    "Set TE_PARALLEL_COMPILER=1 and MAX_COMPILE_CORE_NUMBER=1, which need less memory.",
    "设置 TE_PARALLEL_COMPILER=1 和 MAX_COMPILE_CORE_NUMBER=1 以减少内存占用。",
)
PLOG = (
    "Read the newest plog: ~/ascend/log/debug/plog (CANN 5.0: ~/ascend/log/plog).",
    "查看最新的 plog：~/ascend/log/debug/plog（CANN 5.0 为 ~/ascend/log/plog）。",
)
RECONVERT = (
    "Convert the model again with the CANN version and the soc_version of this machine.",
    "使用本机的 CANN 版本和 soc_version 重新转换模型。",
)
OM_INFO = (
    "See what the om was made for: ascend-console inspect FILE.om",
    "查看 om 的目标芯片和版本：ascend-console inspect FILE.om",
)
SMALLER_BATCH = (
    "Use a smaller batch size, or a device with more free memory.",
    "减小 batch size，或换用空闲内存更多的设备。",
)
WHO_USES = (
    "See who uses the device and its memory: ascend-console devices",
    "查看设备及内存被谁占用：ascend-console devices",
)
WAIT = (
    "End processes that are left over on the device, wait 10 seconds and try again.",
    "结束设备上残留的进程，等待 10 秒后重试。",
)
DEVICE_NUMBER = (
    "Check the device number: in a container that holds one device it is 0.",
    "检查设备编号：容器内只有一个设备时编号为 0。",
)
CONTAINER = (
    "In a container, pass /dev/davinciN, /dev/davinci_manager, /dev/devmm_svm and /dev/hisi_hdc, "
    "and mount the driver.",
    "在容器中映射 /dev/davinciN、/dev/davinci_manager、/dev/devmm_svm、/dev/hisi_hdc 并挂载驱动。",
)
RIGHTS = (
    "Join the driver's group: usermod -aG HwHiAiUser USER, then log in again.",
    "将用户加入驱动运行组：usermod -aG HwHiAiUser 用户名，然后重新登录。",
)
DRIVER = (
    "Install the driver and firmware that belong to this CANN version, then reboot.",
    "安装与当前 CANN 版本配套的驱动和固件，然后重启。",
)
PRECISION = (
    "Try another precision: --precision fp32.",
    "更换精度：--precision fp32。",
)
KEEP_FOR_VENDOR = (
    "Keep the log, the plog and extra-info/ for the vendor; msaicerr of the toolkit reads them.",
    "保留日志、plog 和 extra-info/ 以便联系技术支持；可用 toolkit 的 msaicerr 分析。",
)
INPUT_BYTES = (
    "Compare one file's bytes with shape x item size: 2 times is float32 for float16, 4 times "
    "float32 for uint8 (AIPP), batch times a wrong batch size.",
    "比较单个文件字节数与 shape 乘以元素大小：2 倍为 float32 与 float16，4 倍为 float32 与 uint8"
    "（AIPP），batch 倍为 batch size 不符。",
)
