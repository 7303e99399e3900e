"""The format of a fake `.om`, which every fake tool that reads or writes one shares.

The four letters of a real om, a line that says what it is, eight bytes with the length of a JSON
object, that object (OmFacts), and the ONNX file that stands for the model, with its batch fixed to
that of `--input_shape`; ONNX Runtime executes it. With gears or a dynamic shape it stays open.
"""

from __future__ import annotations

import json
import os
import struct
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tests.fakes.acting import TEST_DOUBLE

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

MAGIC = b"IMOD"
_HEAD = MAGIC + f" {TEST_DOUBLE} of an om\n".encode()
OPEN = -1


@dataclass(frozen=True)
class OmTensor:
    """An input or output as the om has it; sizes that are open are -1."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def nbytes(self) -> int:
        """The size of a file of it; 0 where a size is open."""
        import numpy as np

        sizes = 0 if OPEN in self.shape else int(np.prod(self.shape, dtype=np.int64))
        return sizes * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, kw_only=True)
class OmFacts:
    """What an om is. `inputs` are those that a caller fills: 8-bit images (N, H, W, C) with AIPP.

    `model_input` is the first input of the ONNX inside. `gears` is the option and its value, and
    such an om has one more input than the ONNX. `dynamic`: no size is fixed, and none has gears.
    """

    soc_version: str
    atc_version: str
    command: str
    framework: int
    precision_mode: str
    batch: int | None
    inputs: tuple[OmTensor, ...]
    outputs: tuple[OmTensor, ...]
    model_input: OmTensor
    aipp: dict[str, Any] | None = None
    gears: dict[str, str] | None = None
    dynamic: bool = False
    onnx_bytes: int = 0


def _tensor(document: dict[str, Any]) -> OmTensor:
    return OmTensor(document["name"], tuple(document["shape"]), document["dtype"])


def write(path: Path, facts: OmFacts, onnx_bytes: bytes) -> None:
    """Write an om that only its owner may read, as atc does."""
    text = json.dumps({**asdict(facts), "onnx_bytes": len(onnx_bytes)}).encode()
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(_HEAD + struct.pack("<Q", len(text)) + text + onnx_bytes)


def read(path: Path) -> tuple[OmFacts, bytes]:
    """The facts and the ONNX of an om; ValueError for a real one, a damaged or a cut one."""
    data = path.read_bytes()
    if not data.startswith(_HEAD) or len(data) < len(_HEAD) + 8:
        raise ValueError(f"{path} is no fake om")
    (length,) = struct.unpack_from("<Q", data, len(_HEAD))
    start = len(_HEAD) + 8
    text, onnx_bytes = data[start : start + length], data[start + length :]
    if len(text) < length or len(onnx_bytes) != (document := json.loads(text))["onnx_bytes"]:
        raise ValueError(f"{path} is cut")
    for name in ("inputs", "outputs"):
        document[name] = tuple(map(_tensor, document[name]))
    document["model_input"] = _tensor(document["model_input"])
    return OmFacts(**document), onnx_bytes


def after_aipp(facts: OmFacts, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the ONNX gets of 8-bit images (N, H, W, C): swap, crop, mean and scale, padding.

    ValueError for the forms that no test needs: YUV420SP, XRGB, and colour conversion.
    """
    import numpy as np

    aipp = facts.aipp or {}
    if aipp.get("input_format") not in ("RGB888_U8", "YUV400_U8") or aipp.get("csc_switch"):
        raise ValueError("a fake om has AIPP of RGB888_U8 and YUV400_U8 without csc only")
    if aipp.get("rbuv_swap_switch"):
        images = images[..., ::-1]
    if aipp.get("crop"):
        top, left = aipp.get("load_start_pos_h", 0), aipp.get("load_start_pos_w", 0)
        images = images[:, top : top + aipp["crop_size_h"], left : left + aipp["crop_size_w"]]
    channels = images.shape[-1]

    def each(key: str, default: float) -> NDArray[np.float32]:
        values = [aipp.get(f"{key}_chn_{channel}", default) for channel in range(channels)]
        return np.array(values, np.float32)

    floats = (images.astype(np.float32) - each("mean", 0) - each("min", 0)) * each("var_reci", 1)
    if aipp.get("padding"):
        sides = [aipp.get(f"{side}_padding_size", 0) for side in ("top", "bottom", "left", "right")]
        pads = ((0, 0), (sides[0], sides[1]), (sides[2], sides[3]), (0, 0))
        floats = np.pad(floats, pads, constant_values=aipp.get("padding_value", 0))
    return np.ascontiguousarray(floats.transpose(0, 3, 1, 2))
