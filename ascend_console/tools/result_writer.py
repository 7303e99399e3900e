"""Writing inference results in the layout of ais_bench, and the summary beside their folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError
from ascend_console.core.stats import device_throughput, percentile
from ascend_console.tools.result_set import image_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ascend_console.tools.result_decode import Outfmt


def txt_bytes(values: NDArray[Any]) -> bytes:
    """Text of one result: a line for each row of the last axis, `%f ` or `%d ` for each value."""
    form = "%f " if values.dtype.kind == "f" else "%d "
    rows = values.reshape(-1, values.shape[-1]).tolist()
    line = form * values.shape[-1]
    return "".join(f"{line % tuple(row)}\n" for row in rows).encode()


class ResultWriter:
    """Writes `<stem>_<output>.<ext>` for each image into a folder.

    Files are written plainly: give a folder from `files.atomic_folder`, which is whole or absent,
    and in `final` the place that it gets in the end. A system that cannot write raises OSError.
    """

    def __init__(self, folder: Path, outfmt: Outfmt, *, final: Path | None = None) -> None:
        self._folder = folder
        self._final = final or folder
        self._outfmt = outfmt
        self._inputs: dict[str, str] = {}
        self._outputs = 0

    def write(self, inputs: Sequence[str], outputs: Sequence[NDArray[Any]]) -> None:
        """Write the results of one batch; `inputs` are the paths of its real images, in order.

        Outputs have the batch first; rows beyond the inputs are padding and dropped. UserError
        where a stem comes twice or an output has fewer rows than there are inputs.
        """
        import numpy as np

        self._outputs = len(outputs)
        for output in outputs:
            if output.ndim == 0 or len(output) < len(inputs):
                raise UserError(
                    "results.batch_axis",
                    "an output of shape {shape} holds no result for each of {count} images",
                    hint="Its first axis must be the batch.",
                    shape=output.shape,
                    count=len(inputs),
                )
        for row, path in enumerate(inputs):
            stem = image_key(path)
            if stem in self._inputs or not stem:
                raise UserError(
                    "results.collision",
                    "{first!r} and {second!r} have the same name up to the first dot, "
                    "so their results would overwrite each other",
                    hint="Rename one of them.",
                    first=self._inputs.get(stem, ""),
                    second=path,
                )
            self._inputs[stem] = path
            for index, output in enumerate(outputs):
                sample = np.ascontiguousarray(output[row : row + 1])
                self._write_one(self._folder / self._name(stem, index), sample)

    def _name(self, stem: str, index: int) -> str:
        return f"{stem}_{index}.{self._outfmt.lower()}"

    def _write_one(self, path: Path, sample: NDArray[Any]) -> None:
        import numpy as np

        if self._outfmt == "NPY":
            np.save(path, sample, allow_pickle=False)
        else:
            path.write_bytes(txt_bytes(sample) if self._outfmt == "TXT" else sample.tobytes())

    @property
    def filesinfo(self) -> dict[str, dict[str, list[str]]]:
        """Inputs and outputs of each sample, in order, as the vendor's summary lists them."""
        return {
            str(number): {
                "infiles": [path],
                "outfiles": [
                    str(self._final / self._name(stem, index)) for index in range(self._outputs)
                ],
            }
            for number, (stem, path) in enumerate(self._inputs.items())
        }


def _times(times_ms: Sequence[float]) -> dict[str, float | int | None]:
    """Statistics under the vendor's keys; null where nothing was timed."""
    ordered = sorted(times_ms)
    if not ordered:
        keys = ("min", "max", "mean", "median", "percentile(99%)")
        return dict.fromkeys(keys, None) | {"count": 0}
    return {
        "min": ordered[0],
        "max": ordered[-1],
        "mean": sum(ordered) / len(ordered),
        "median": percentile(ordered, 50),
        "percentile(99%)": percentile(ordered, 99),
        "count": len(ordered),
    }


def summary_document(
    filesinfo: dict[str, dict[str, list[str]]],
    *,
    args: Sequence[str],
    compute_ms: Sequence[float],
    batch_size: int,
    pid: int,
    h2d_ms: Sequence[float] = (),
    d2h_ms: Sequence[float] = (),
) -> dict[str, Any]:
    """The content of `<folder>_summary.json`, with the vendor's keys.

    `compute_ms` has one time for each execution, warm-up left out. A runtime that copies nothing
    to a device has no H2D and D2H times; they are null, never 0.
    """
    mean = sum(compute_ms) / len(compute_ms) if compute_ms else 0.0
    return {
        "filesinfo": filesinfo,
        "args": list(args),
        "NPU_compute_time": _times(compute_ms),
        "H2D_latency": _times(h2d_ms),
        "D2H_latency": _times(d2h_ms),
        "throughput": device_throughput(batch_size, mean) if mean else None,
        "npu_compute_time_list": list(compute_ms),
        "pid": pid,
    }
