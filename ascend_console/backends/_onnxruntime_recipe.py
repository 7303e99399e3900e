"""How an optimised ONNX came to be, kept inside it: only the same machine may run it as it is.

The optimiser lays weights out for the processor's vector length, so that the same file would
give wrong figures, or none, on another one. There the source ONNX is optimised again.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError
from ascend_console.tools.files import sha256_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import onnx

_KEY = "ascend_console.recipe"
_SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What an optimised graph is bound to."""

    version: str
    processor: str
    vector_extensions: str
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What an artefact was made from, with what, and for which machine.

    `source` is relative to the artefact's folder, so that a moved run still finds its own ONNX. For
    int8 it is the quantised model, and `calibration` tells how that was made.
    """

    machine: Machine
    threads: int
    batch_size: int
    precision: str
    source: str
    source_sha256: str
    calibration: Mapping[str, Any] | None = None

    def document(self) -> dict[str, object]:
        """The flat form in the artefact and in the file beside it."""
        rest = {key: value for key, value in asdict(self).items() if key != "machine"}
        return {"schema": _SCHEMA, "backend": "onnxruntime", **asdict(self.machine), **rest}

    def write_into(self, model: onnx.ModelProto) -> None:
        """Put the recipe into the model's metadata, in place of an earlier one."""
        kept = [entry for entry in model.metadata_props if entry.key != _KEY]
        del model.metadata_props[:]
        model.metadata_props.extend(kept)
        model.metadata_props.add(key=_KEY, value=json.dumps(self.document(), sort_keys=True))

    def find_source(self, artifact: Path) -> Path:
        """The ONNX that `artifact` was made from; UserError where it is gone or has changed.

        It is looked for where it was, beside the artefact, and where a run folder keeps it.
        """
        folder = artifact.absolute().parent
        name = os.path.basename(self.source)
        for path in (folder / self.source, folder / name, folder.parent / "export" / name):
            if path.is_file() and sha256_file(path) == self.source_sha256:
                return path
        raise UserError(
            "artifact.other_machine",
            "{path} was optimised for {processor} with ONNX Runtime {version} on {provider}, "
            "and its source {name!r} is not at hand",
            hint="Run `convert` again here, from the ONNX file.",
            path=artifact,
            name=name,
            **asdict(self.machine),
        )


_REQUIRED = [name for name in Recipe.__dataclass_fields__ if name not in ("machine", "calibration")]


def relative_source(source: Path, output: Path) -> str:
    """`source` as seen from the folder of `output`."""
    return os.path.relpath(source.absolute(), output.absolute().parent)


def recipe_in(model: onnx.ModelProto) -> Recipe | None:
    """The recipe inside a model, None for an ONNX file that the console did not optimise.

    Raises ValueError where there is one that this version cannot read.
    """
    text = next((entry.value for entry in model.metadata_props if entry.key == _KEY), None)
    if text is None:
        return None
    try:
        found = json.loads(text)
        if found["schema"] != _SCHEMA:
            raise ValueError(f"its recipe has schema {found['schema']}")
        return Recipe(
            machine=Machine(**{key: found[key] for key in Machine.__dataclass_fields__}),
            **{key: found[key] for key in _REQUIRED},
            calibration=found.get("calibration"),
        )
    except (KeyError, TypeError) as error:
        raise ValueError("its recipe is damaged") from error
