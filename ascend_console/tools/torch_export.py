"""From a torch module to an ONNX file of opset 11, and the module's own results beside it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import ConversionFailed
from ascend_console.tools.files import atomic_path
from ascend_console.tools.torch_checkpoint import require_torch

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from ascend_console.core.specs import ModelSpec

OPSET = 11
# The published exports name the free batch so; conversion commands and tests look for it.
BATCH_SYMBOL = "-1"


def export_onnx(module: Any, spec: ModelSpec, output: Path, *, batch_size: int | None) -> None:
    """Write `module` as one ONNX file with the published tensor names, weights inside.

    `batch_size` None leaves the batch free. Raises ConversionFailed with the exporter's reason,
    ToolFailed where the file cannot be written.
    """
    require_torch()
    import torch

    shape = (batch_size or 1, *spec.input.shape)
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            # The exporter announces its age; only it writes opset 11.
            warnings.simplefilter("ignore")
            data = _export(module.eval(), torch.zeros(shape), spec, batch_size is None)
    except (RuntimeError, ValueError, TypeError, AttributeError, NotImplementedError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ConversionFailed(
            "export.failed",
            "torch could not export {model} to ONNX: {reason}",
            hint="Check that the installed torch is one of the tested versions "
            "(pip install -c constraints.txt); report the message if it is.",
            model=spec.title,
            reason=reason[0][:300],
        ) from error
    with atomic_path(output) as temporary:
        temporary.write_bytes(data)


def _export(module: Any, sample: Any, spec: ModelSpec, free_batch: bool) -> bytes:
    import io

    import torch

    names = (spec.input.name, spec.output.name)
    stream = io.BytesIO()
    torch.onnx.export(
        module,
        (sample,),
        stream,  # type: ignore[arg-type]  # the legacy exporter writes to streams, untyped
        input_names=[names[0]],
        output_names=[names[1]],
        dynamic_axes={name: {0: BATCH_SYMBOL} for name in names} if free_batch else None,
        opset_version=OPSET,
        do_constant_folding=True,
        # The default exporter writes opset 18 with its weights in a second file.
        dynamo=False,
    )
    return stream.getvalue()


def torch_logits(module: Any, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """The module's output for one batch, computed on the CPU in float32."""
    require_torch()
    import numpy as np
    import torch

    with torch.inference_mode():
        output = module.eval()(torch.from_numpy(np.ascontiguousarray(batch, np.float32)))
    result: NDArray[np.float32] = output.numpy().copy()
    return result
