"""Render the sample data: `python tests/data/render_sample_data.py sample_data`.

imagenet/   600 JPEG scenes in 12 classes, sizes like ImageNet's, some with one channel.
            val/ and val_label.txt are held out, fit/ and fit_label.txt are for fitting.
peta/       300 PNG persons in images/ with the 35 attributes of PETA.
            image.txt and label.json name the held-out half, fit/ the other one.

Every picture is rendered by these scripts alone, from a fixed seed, and carries the licence of the
project, Apache-2.0. A second run writes the same pixels; only a JPEG may differ in its bytes where
another encoder is installed. Needs numpy and Pillow.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if __name__ == "__main__":  # a script's imports begin at its own folder, these at the repository
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.data import sample_figures, sample_persons, sample_scenes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

HALVES = ("val", "fit")

# A scene keeps the best quality that stays below this size, and the last one where none does, so
# that all of them together stay below the size that a repository can carry.
SCENE_BYTES = 9_200
QUALITIES = range(75, 34, -5)


def scene_name(half: int, number: int) -> str:
    """File name of a scene: half 0 is held out, 1 is for fitting; numbers begin with 1."""
    return f"sample_{HALVES[half]}_{number:08d}.JPEG"


def person_name(number: int) -> str:
    """File name of a person; numbers begin with 1."""
    return f"{number:05d}.png"


def encode_scene(pixels: NDArray[np.uint8]) -> bytes:
    """A baseline JPEG of the pixels."""
    image = Image.fromarray(pixels)
    data = b""
    for quality in QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, optimize=True)
        data = buffer.getvalue()
        if len(data) <= SCENE_BYTES:
            break
    return data


def encode_person(pixels: NDArray[np.uint8]) -> bytes:
    """An RGB PNG of the pixels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def render_imagenet(folder: Path) -> None:
    """Write both halves of the scenes, each with its labels in the published format."""
    for half, name in enumerate(HALVES):
        (folder / name).mkdir(parents=True, exist_ok=True)
        lines = []
        for number in range(1, sample_scenes.PER_HALF + 1):
            scene = sample_scenes.render_scene(half, number)
            file = scene_name(half, number)
            (folder / name / file).write_bytes(encode_scene(scene.pixels))
            lines.append(f"{file} {scene.class_id}\n")
        _write(folder / f"{name}_label.txt", "".join(lines))


def render_peta(folder: Path) -> None:
    """Write the persons, and the list and labels of each half in the published format."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "fit").mkdir(exist_ok=True)
    labels: dict[Path, dict[str, list[int]]] = {folder: {}, folder / "fit": {}}
    for number, person in enumerate(sample_persons.persons(), start=1):
        pixels = sample_figures.render_person(number)
        (folder / "images" / person_name(number)).write_bytes(encode_person(pixels))
        half = folder if sample_persons.held_out(number) else folder / "fit"
        labels[half][person_name(number)] = person.labels
    for half, rows in labels.items():
        _write(half / "image.txt", "".join(f"{name}\n" for name in rows))
        _write(half / "label.json", json.dumps(rows))


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("ascii"))


def main(argv: Sequence[str] | None = None) -> None:
    """Render everything into the folder that is named."""
    parser = argparse.ArgumentParser(description="Render the sample data (about a minute).")
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="folder, made where missing")
    output: Path = parser.parse_args(argv).output
    render_imagenet(output / "imagenet")
    render_peta(output / "peta")


if __name__ == "__main__":
    main()
