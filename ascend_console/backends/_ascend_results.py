"""Result files of the inference tools: brought together, counted, and read."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from ascend_console.ascend.benchmark import parse_text_result
from ascend_console.backends._ascend_sizes import sample_bytes, sample_shape
from ascend_console.core.errors import Interrupted, ToolFailed, UserError
from ascend_console.tools import files
from ascend_console.tools.label_files import some

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ascend_console.backends._ascend_om import OmFacts
    from ascend_console.core.backend import TensorInfo
    from ascend_console.core.specs import Cancel

_LOOK_EACH = 64


def check_results(
    artifact: OmFacts,
    inputs: Sequence[Path],
    found: Sequence[tuple[Path, ...]],
    *,
    tool: str,
    logs: Path,
) -> None:
    """ToolFailed where an input has no results, or results of another size than the om's."""
    missing = [path.name for path, results in zip(inputs, found, strict=True) if not results]
    if missing:
        raise ToolFailed(
            "ascend.results_missing",
            "{tool} gave results for {found} of {total} inputs; none for {names}",
            hint="Look into its log in {logs}, and run it again.",
            tool=tool,
            found=len(inputs) - len(missing),
            total=len(inputs),
            names=some(missing),
            logs=logs,
        )
    for output, tensor in enumerate(artifact.outputs):
        wanted = sample_bytes(tensor)
        sizes = {path: results[output].stat().st_size
                 for path, results in zip(inputs, found, strict=True)}  # fmt: skip
        odd = [path for path, size in sizes.items() if wanted is not None and size != wanted]
        if odd:
            raise ToolFailed(
                "ascend.result_size",
                "{tool} gave {count} results of another size than the {bytes} bytes of the output "
                "{output}, such as {size} bytes for {names}",
                hint="Free some space if the disk was full; else check the om's outputs: "
                "`ascend-console inspect {om}`.",
                tool=tool,
                count=len(odd),
                bytes=wanted,
                output=tensor.name,
                size=sizes[odd[0]],
                names=some(path.name for path in odd),
                om=artifact.path,
            )


def collect_results(
    found: Sequence[tuple[Path, ...]], output: Path, cancel: Cancel
) -> tuple[tuple[Path, ...], ...]:
    """Move results into the new folder `output`, as `<number of the input>_<output>.bin`.

    The folder is whole or absent. ToolFailed where the system cannot write it.
    """
    made = []
    with files.atomic_folder(output) as folder:
        for number, results in enumerate(found):
            if number % _LOOK_EACH == 0 and cancel.is_set():
                raise Interrupted
            names = [f"{number:06d}_{place}{path.suffix}" for place, path in enumerate(results)]
            for path, name in zip(results, names, strict=True):
                shutil.move(path, folder / name)
            made.append(tuple(output / name for name in names))
    return tuple(made)


def read_outputs(paths: Sequence[Path], artifact: OmFacts) -> list[NDArray[Any]]:
    """The outputs of one sample from its files by output: raw, `.npy` or text, without the batch.

    Values and shape are those of the om. ToolFailed for a file that holds something else.
    """
    return [_read(path, tensor) for path, tensor in zip(paths, artifact.outputs, strict=True)]


def _read(path: Path, tensor: TensorInfo) -> NDArray[Any]:
    import numpy as np

    shape = sample_shape(tensor)
    try:
        if path.suffix == ".npy":
            values = np.load(path, allow_pickle=False)
        elif path.suffix == ".txt":
            values = np.array(parse_text_result(path.read_text("utf-8"))).astype(tensor.dtype)
        else:
            values = np.fromfile(path, tensor.dtype)
        sample: NDArray[Any] = values.reshape(shape if shape is not None else -1)
    except (OSError, ValueError, EOFError, UserError) as error:
        reason = " ".join(str(error).split())
        raise ToolFailed(
            "ascend.result_unreadable",
            "the result {path} is none of the output {output}: {reason}",
            hint="Run the inference again, with enough space on the disk.",
            path=path,
            output=tensor.name,
            reason=reason,
        ) from error
    return sample
