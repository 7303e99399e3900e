"""Small annotation files in the layouts of PETA, written by hand: PETA.mat and the two pickles."""

from __future__ import annotations

import pickle
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

ATTRIBUTES = 105
COLUMNS = 4 + ATTRIBUTES
_CODES = {"i1": (1, 8), "u1": (2, 9), "u2": (4, 11), "i4": (5, 12), "f8": (9, 6)}


@dataclass
class Mat:
    """Writes version 5; `order` is the byte order, `packed` compresses each variable.

    Texts are UTF-16, as MATLAB writes them, unless `text` says otherwise.
    """

    order: str = "<"
    packed: bool = False
    text: str = "utf-16"
    variables: list[tuple[str, Any]] = field(default_factory=list)

    def element(self, kind: int, body: bytes) -> bytes:
        """A tag and its body, four bytes or less inside the tag."""
        if 0 < len(body) <= 4:
            word = len(body) << 16 | kind
            return struct.pack(self.order + "I", word) + body.ljust(4, b"\0")
        return struct.pack(self.order + "II", kind, len(body)) + body + bytes(-len(body) % 8)

    def array(self, value: Any, name: str = "") -> bytes:
        """A value as a matrix element: array, str, list (cell column) or dict (struct)."""
        if isinstance(value, str):
            shape, kind = (1, len(value)), 4
            code, places = {"utf-16": (4, "-le" if self.order == "<" else "-be")}.get(
                self.text, (16, "")
            )
            body = self.element(code, value.encode(self.text + places))
        elif isinstance(value, list):
            shape, kind = (len(value), 1), 1
            body = b"".join(self.array(entry) for entry in value)
        elif isinstance(value, dict):
            shape, kind = (1, 1), 2
            names = b"".join(key.encode().ljust(32, b"\0") for key in value)
            body = self.element(5, struct.pack(self.order + "i", 32)) + self.element(1, names)
            body += b"".join(self.array(entry) for entry in value.values())
        else:
            shape, (code, kind) = value.shape, _CODES[value.dtype.str[1:]]
            data = value.astype(value.dtype.newbyteorder(self.order)).tobytes(order="F")
            body = self.element(code, data)
        flags = self.element(6, struct.pack(self.order + "II", kind, 0))
        sizes = self.element(5, struct.pack(f"{self.order}{len(shape)}i", *shape))
        return self.element(14, flags + sizes + self.element(1, name.encode()) + body)

    def data(self) -> bytes:
        """The whole file."""
        mark = b"IM" if self.order == "<" else b"MI"
        head = b"MATLAB 5.0 MAT-file, by a test".ljust(124, b" ")
        parts = [head + struct.pack(self.order + "H", 0x0100) + mark]
        for name, value in self.variables:
            body = self.array(value, name)
            if self.packed:
                small = zlib.compress(body)
                body = struct.pack(self.order + "II", 15, len(small)) + small
            parts.append(body)
        return b"".join(parts)


@dataclass
class Peta:
    """A data set of `images` images with random attributes and five random splits."""

    images: int = 60
    names: tuple[str, ...] = tuple(f"attribute{index}" for index in range(ATTRIBUTES))

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.images)
        self.table = rng.integers(0, 2, (self.images, COLUMNS)).astype("u1")
        self.table[:, :4] = 9
        orders = [rng.permutation(self.images) for _ in range(5)]
        cut, end = self.images // 2, self.images * 3 // 5
        self.splits = [(order[:cut], order[cut:end], order[end:]) for order in orders]

    @property
    def test(self) -> list[int]:
        """Indices of the first test split, from 0."""
        return [int(index) for index in self.splits[0][2]]

    @property
    def expected(self) -> dict[str, list[int]]:
        """The labels by image, in the order of the split."""
        return {f"{index + 1:05d}.png": self.table[index, 4:39].tolist() for index in self.test}

    def mat(self, **options: Any) -> bytes:
        """PETA.mat."""
        splits = [
            {name: (part + 1.0).reshape(-1, 1) for name, part in zip(
                ("train", "val", "test"), parts, strict=True)}
            for parts in self.splits
        ]  # fmt: skip
        peta = {
            "data": self.table,
            "attribute": list(self.names),
            "selected": np.arange(1.0, 36.0).reshape(-1, 1),
            "partition": splits,
        }
        return Mat(variables=[("peta", peta)], **options).data()

    def dataset(self) -> dict[str, Any]:
        """peta_dataset.pkl as an object."""
        return {
            "description": "peta",
            "root": "./dataset/peta/images/",
            "image": [f"{index + 1:05d}.png" for index in range(self.images)],
            "att": self.table[:, 4:].tolist(),
            "att_name": list(self.names),
            "selected_attribute": range(35),
        }

    def partition(self) -> dict[str, Any]:
        """peta_partition.pkl as an object."""
        kinds = ("train", "val", "test")
        lists = {
            kind: [[int(index) for index in parts[place]] for parts in self.splits]
            for place, kind in enumerate(kinds)
        }
        return {**lists, "weight_train": [[0.5] * ATTRIBUTES] * 5}

    def write_pickles(self, folder: Path, protocol: int = 2) -> tuple[Path, Path]:
        """Both pickles: their paths."""
        paths = folder / "peta_dataset.pkl", folder / "peta_partition.pkl"
        for path, document in zip(paths, (self.dataset(), self.partition()), strict=True):
            path.write_bytes(pickle.dumps(document, protocol))
        return paths

    def write_images(self, folder: Path) -> Path:
        """A file for every image."""
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(self.images):
            (folder / f"{index + 1:05d}.png").write_bytes(b"image")
        return folder
