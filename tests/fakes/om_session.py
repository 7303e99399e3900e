"""A fake om on this machine's CPU: what it takes and gives, and one execution with its true time.

`Refused` is what the runtime answers; each tool prints it in its own way.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.fakes import fake_om
from tests.fakes.fake_om import OPEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tests.fakes.fake_om import OmTensor

WORDS = ("device_error", "busy", "no_memory", "wrong_soc", "zeros", "nan", "half", "hang",
         "deaf", "killed", "crash")  # fmt: skip
"""The variants of the runtime, which all three tools know."""

_EVERY_DEVICE = ""
_BAD_ARGUMENT = "[1][ACL: invalid parameter]"
_INDENT = " " * 8
_TRACE = f"{_INDENT}TraceBack (most recent call last):"


class Refused(RuntimeError):
    """An answer of the runtime; `block` are the lines that it prints by itself."""

    def __init__(self, text: str, *block: str) -> None:
        super().__init__(text)
        self.block = block


def open_device(device: int, words: Mapping[str, str]) -> None:
    """Refused where a variant says that the device, or every device, is out of order."""
    reasons = {
        "device_error": "EL0003: The argument is invalid.",
        "busy": f"EL0005: The device {device} is busy or is being reset.",
    }
    for word, reason in reasons.items():
        if words.get(word) in (_EVERY_DEVICE, str(device)):
            raise Refused(
                "[507033][device setup error]",
                reason,
                f"{_INDENT}Solution: Look at the device and at who uses it.",
                _TRACE,
                f"{_INDENT}open device {device} failed, runtime result = 507033."
                "[FUNC:ReportCallError][FILE:log_inner.cpp]",
            )


def _check_load(soc_version: str, words: Mapping[str, str], soc: str | None) -> None:
    if "no_memory" in words:
        raise Refused(
            "[207001][memory allocation error]",
            "EL0004: Failed to allocate memory.",
            f"{_INDENT}Possible Cause: The device has too little free memory.",
            _TRACE,
            f"{_INDENT}Call rtMalloc fail, runtime result = 207001, size:4294967296",
        )
    if "wrong_soc" in words or (soc and soc != soc_version):
        raise Refused(
            _BAD_ARGUMENT,
            "E19999: Inner Error!",
            "E19999  index:0 >= stream_list.size():0, check invalid[FUNC:SetStream]",
            _TRACE,
            f"{_INDENT}Task index:0 init failed, ret:-1.[FUNC:InitTaskInfo]",
        )


def described(tensor: OmTensor) -> str:
    """Name, shape, type, size and real size, as the model table has them."""
    return f"{tensor.name}  {tensor.shape}  {tensor.dtype}  {tensor.nbytes}  {tensor.nbytes}"


class OmSession:
    """A loaded fake om. `inputs` have open sizes until a gear or a shape is chosen."""

    def __init__(self, path: str, words: Mapping[str, str], soc: str | None) -> None:
        import onnxruntime

        try:
            self.facts, data = fake_om.read(Path(path))
        except (OSError, ValueError) as error:
            raise Refused(_BAD_ARGUMENT) from error
        _check_load(self.facts.soc_version, words, soc)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"])
        self.inputs, self.outputs = self.facts.inputs, self.facts.outputs

    @property
    def is_open(self) -> bool:
        """Whether a size still has to be chosen."""
        return any(OPEN in tensor.shape for tensor in self.inputs)

    def choose_by(self, *, batch: int, size: str, dims: str, shape: str) -> None:
        """The gear or shape of the first option that was given, spelled as the tools take it."""
        if batch:
            self._choose_batch(batch)
        elif size:
            height, width = map(int, size.split(","))
            self._choose_size(height, width)
        elif dims:
            self._choose_dims(dims)
        elif shape:
            self.choose(parsed_shapes(shape))

    def choose(self, shapes: Mapping[str, Sequence[int]]) -> None:
        """Fix the shapes of inputs, by name."""
        self.inputs = tuple(
            replace(tensor, shape=tuple(shapes.get(tensor.name, tensor.shape)))
            for tensor in self.facts.inputs
        )

    def _choose_batch(self, size: int) -> None:
        """The gear of a batch size; Refused where the om was not made for it."""
        gears = (self.facts.gears or {}).get("dynamic_batch_size")
        if gears is None:
            raise Refused(
                _BAD_ARGUMENT,
                "[ERROR] the dynamic_batch_size parameter is not specified for model conversion",
                "[WARN] Check failed:processModel->CheckDynamicBatchSize, ret:1",
            )
        self._in_gears("dymBatch", str(size), gears.split(","))
        self.choose({item.name: (size, *item.shape[1:]) for item in self.facts.inputs})

    def _choose_size(self, height: int, width: int) -> None:
        """The gear of an image size; Refused where the om was not made for it."""
        gears = (self.facts.gears or {}).get("dynamic_image_size")
        if gears is None:
            raise Refused(
                _BAD_ARGUMENT,
                "[ERROR] the dynamic_image_size parameter is not specified for model conversion",
            )
        self._in_gears("dymHW", f"{height},{width}", gears.split(";"))
        first, *others = self.facts.inputs
        shape = (*first.shape[:2], height, width)
        self.choose({first.name: shape} | {item.name: item.shape for item in others})

    def _choose_dims(self, text: str) -> None:
        """The gear of dimensions, `in:1,600;in2:1,600`; Refused where the om has no such one."""
        shapes = parsed_shapes(text)
        given = [str(side) for item in self.facts.inputs
                 for side, fixed in zip(shapes.get(item.name, item.shape), item.shape, strict=True)
                 if fixed == OPEN]  # fmt: skip
        gears = (self.facts.gears or {}).get("dynamic_dims", "")
        self._in_gears("dymDims", ",".join(given), gears.split(";"))
        self.choose(shapes)

    @staticmethod
    def _in_gears(option: str, wanted: str, gears: Sequence[str]) -> None:
        if wanted not in [gear.replace(" ", "") for gear in gears]:
            raise Refused(_BAD_ARGUMENT, f"[ERROR] the {option} parameter is not correct")

    def execute(self, buffers: Sequence[NDArray[Any]]) -> tuple[list[NDArray[Any]], float, float]:
        """Outputs, and when the execution began and ended (seconds of the monotonic clock).

        The bytes of a buffer count, not its type or shape.
        """
        fed = {}
        for index, (tensor, buffer) in enumerate(zip(self.inputs, buffers, strict=True)):
            if buffer.nbytes != tensor.nbytes:
                raise Refused(
                    _BAD_ARGUMENT,
                    f"[ERROR] Check i:{index} name:{tensor.name} in size:{buffer.nbytes} "
                    f"needsize:{tensor.nbytes} not match",
                    "[ERROR] Check InVector failed ret:1",
                )
            raw = np.frombuffer(np.ascontiguousarray(buffer).tobytes(), tensor.dtype)
            fed[tensor.name] = raw.reshape(tensor.shape)
        if self.facts.aipp:
            images = fed.pop(self.inputs[0].name)
            made = fake_om.after_aipp(self.facts, images)
            fed[self.facts.model_input.name] = made.astype(self.facts.model_input.dtype)
        start_s = time.monotonic()
        try:
            outputs = self._session.run(None, fed)
        except Exception as error:  # shapes that the ONNX does not take
            text = "[ERROR] execute model failed, modelId is 1"
            raise Refused(_BAD_ARGUMENT, text) from error
        return list(outputs), start_s, time.monotonic()


def parsed_shapes(text: str) -> dict[str, tuple[int, ...]]:
    """`in:1,3,8,8;in2:1,600` by name; a name may hold colons."""
    pairs = (part.rpartition(":") for part in text.split(";"))
    return {name: tuple(map(int, sizes.split(","))) for name, _, sizes in pairs}


def altered(outputs: Sequence[NDArray[Any]], words: Mapping[str, str]) -> list[NDArray[Any]]:
    """The outputs as a variant wants them: `zeros`, `nan`, `half` (rounded to float16)."""
    made = [np.array(output) for output in outputs]
    for output in made:
        if "zeros" in words:
            output[...] = 0
        if "nan" in words and output.dtype.kind == "f":
            output[...] = np.nan
        if "half" in words and output.dtype.kind == "f":
            output[...] = output.astype(np.float16)
    return made
