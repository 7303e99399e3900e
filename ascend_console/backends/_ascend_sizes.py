"""What an om takes and gives: bytes of a sample, and the options that choose its gear."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from ascend_console.backends._ascend_om import OmFacts
    from ascend_console.core.backend import TensorInfo


def sample_shape(tensor: TensorInfo) -> tuple[int, ...] | None:
    """The shape of one sample, without the batch; None where a size of it is open."""
    sizes = tuple(size for size in tensor.shape[1:] if size is not None and size > 0)
    return sizes if len(sizes) == len(tensor.shape) - 1 else None


def sample_bytes(tensor: TensorInfo) -> int | None:
    """Bytes of one sample; None where a size of it is open."""
    import numpy as np

    shape = sample_shape(tensor)
    return None if shape is None else math.prod(shape) * np.dtype(tensor.dtype).itemsize


def closed_shape(tensor: TensorInfo) -> tuple[int, ...]:
    """The shape of one sample; UserError where a size besides the batch is open."""
    shape = sample_shape(tensor)
    if shape is None:
        raise UserError(
            "ascend.open_size",
            "the size of {name} is open besides the batch: {shape}",
            hint="Convert again with numbers: --input-shape 'NAME:1,3,224,224'.",
            name=tensor.name,
            shape="x".join(str(size) if size and size > 0 else "?" for size in tensor.shape),
        )
    return shape


def image_size(tensor: TensorInfo) -> tuple[int, int]:
    """Width and height in pixels of an input of images, channels first or last.

    UserError for an input that is no image.
    """
    shape = closed_shape(tensor)
    if len(shape) != 3:
        raise UserError(
            "ascend.no_image",
            "benchmark runs models of images, and the input {name} is none: {shape}",
            hint="Choose another tool: --infer-tool ais_bench.",
            name=tensor.name,
            shape="x".join(map(str, shape)),
        )
    last = shape[2] in (1, 3, 4) and shape[0] not in (1, 3, 4)
    return (shape[1], shape[0]) if last else (shape[2], shape[1])


def check_tensors(artifact: OmFacts, batch_size: int) -> None:
    """UserError for an om that cannot be run so: unknown tensors, several inputs, another batch."""
    if not artifact.inputs or not artifact.outputs:
        raise UserError(
            "ascend.om_tensors",
            "inputs and outputs of {om} are not known",
            hint="Convert it again: `ascend-console convert` writes them beside the om.",
            om=artifact.path,
        )
    if len(artifact.inputs) > 1:
        raise UserError(
            "ascend.several_inputs",
            "{om} takes {count} inputs, and one file a sample fills one: {names}",
            hint="Run it with the tool itself: one folder for each input.",
            om=artifact.path,
            count=len(artifact.inputs),
            names=", ".join(tensor.name for tensor in artifact.inputs),
        )
    if artifact.batch_size not in (None, batch_size):
        raise UserError(
            "ascend.batch_size",
            "{om} has the batch size {own}, not {wanted}",
            hint="Leave --batch-size out, or convert for {wanted}.",
            om=artifact.path,
            own=artifact.batch_size,
            wanted=batch_size,
        )


def gear_options(artifact: OmFacts, batch_size: int) -> dict[str, Any]:
    """The fields of a request that choose the sizes of an om that was made without fixed ones.

    Empty for a static one. UserError where more than the batch is open: nobody says which size.
    """
    if artifact.shape_kind == "static":
        return {}
    if artifact.shape_kind == "dynamic_batch":
        return {"dym_batch": batch_size}
    sizes = {tensor.name: (batch_size, *closed_shape(tensor)) for tensor in artifact.inputs}
    if artifact.shape_kind == "dynamic_image":
        _, _, height, width = sizes[artifact.inputs[0].name]
        return {"dym_hw": f"{height},{width}"}
    text = ";".join(f"{name}:{','.join(map(str, shape))}" for name, shape in sizes.items())
    if artifact.shape_kind == "dynamic_dims":
        return {"dym_dims": text}
    for tensor in artifact.outputs:
        closed_shape(tensor)
    each = tuple(batch_size * (sample_bytes(tensor) or 0) for tensor in artifact.outputs)
    return {"dym_shape": text, "output_size": each}
