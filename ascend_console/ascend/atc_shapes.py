"""Input shapes and gears as atc takes them: read, checked against each other and the graph."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Size: TypeAlias = "int | tuple[int, int]"

GEAR_OPTIONS = ("dynamic_batch_size", "dynamic_image_size", "dynamic_dims")
DYNAMIC = -1

_SIZE = re.compile(r"[0-9]{1,10}")
_RANGE = re.compile(r"([0-9]{1,10})~([0-9]{1,10}|-1)")
_EXAMPLE = "image:16,3,224,224"
_MOST_GEARS = 100
_MOST_GEARS_950 = 256


@dataclass(frozen=True, slots=True)
class InputShape:
    """One input: a size is a number, -1 for one that is open, or a range with both ends."""

    name: str
    sizes: tuple[Size, ...]

    def __str__(self) -> str:
        texts = [f"{size[0]}~{size[1]}" if isinstance(size, tuple) else str(size)
                 for size in self.sizes]  # fmt: skip
        return f"{self.name}:{','.join(texts)}"


def _bad_shape(text: str, why: str) -> UserError:
    return UserError(
        "atc.input_shape",
        "the input shape {text!r} cannot be read: {why}",
        hint="Write NAME:N,C,H,W with the names of `ascend-console inspect`, and ';' between "
        'inputs, all in quotes: "{example}".',
        text=text,
        why=why,
        example=_EXAMPLE,
    )


def _size(text: str, whole: str) -> Size:
    text = text.strip()
    if text == "-1":
        return DYNAMIC
    bounds = _RANGE.fullmatch(text)
    if bounds:
        low, high = int(bounds[1]), int(bounds[2])
        if high != DYNAMIC and high < low:
            raise _bad_shape(whole, f"the range {text} ends before it begins")
        return low, high
    if not _SIZE.fullmatch(text):
        raise _bad_shape(whole, f"{text!r} is no whole number")
    if int(text) == 0:
        raise _bad_shape(whole, "a size of 0 holds nothing")
    return int(text)


def parse_input_shape(text: str) -> tuple[InputShape, ...]:
    """The inputs of an `--input_shape`; a name may hold colons, since the last one divides."""
    found: list[InputShape] = []
    for part in text.strip().strip("\"'").rstrip(";").split(";"):
        name, colon, sizes = part.strip().rpartition(":")
        if not colon or not name:
            raise _bad_shape(text, f"{part!r} is not NAME:SIZES")
        if any(shape.name == name for shape in found):
            raise _bad_shape(text, f"{name!r} stands there twice")
        listed = sizes.split(",") if sizes.strip() else []
        found.append(InputShape(name, tuple(_size(size, text) for size in listed)))
    return tuple(found)


def format_input_shape(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """`name:n,c,h,w;…` of inputs by name, in their order."""
    return ";".join(str(InputShape(name, sizes)) for name, sizes in shapes.items())


def check_against_graph(
    shapes: tuple[InputShape, ...], graph: Mapping[str, tuple[int | None, ...]]
) -> None:
    """UserError where a shape cannot fit the inputs of the graph (None: an open size there)."""
    for shape in shapes:
        if shape.name not in graph:
            raise UserError(
                "atc.input_name",
                "the model has no input {name!r}",
                hint="Its inputs are: {known}. Write --input-shape with these names.",
                name=shape.name,
                known=", ".join(graph) or "none",
            )
        wanted = graph[shape.name]
        fits = len(wanted) == len(shape.sizes) and all(
            there is None or not isinstance(here, int) or here in (there, DYNAMIC)
            for here, there in zip(shape.sizes, wanted, strict=True)
        )
        if not fits:
            raise UserError(
                "atc.input_size",
                "the input {name!r} is {wanted} in the model, not {given}",
                hint="Change --input-shape, or export the model again for this shape ('?' takes "
                "any size).",
                name=shape.name,
                wanted=",".join(map(str, wanted)).replace("None", "?") or "a scalar",
                given=str(shape).removeprefix(shape.name + ":") or "a scalar",
            )
    given = {shape.name for shape in shapes}
    missing = [name for name, sizes in graph.items() if name not in given and None in sizes]
    if missing:
        raise UserError(
            "atc.input_missing",
            "the model's input {name!r} has open sizes and no shape is given for it",
            hint="Add {name}:… to --input-shape, with ';' between inputs.",
            name=missing[0],
        )


def check_out_nodes(text: str, nodes: Collection[str], outputs: Collection[str]) -> None:
    """UserError for output nodes that the graph has not, or that mix the two ways to write them."""
    parts = [part.strip() for part in text.strip().strip("\"'").rstrip(";").split(";")]
    kinds = set()
    for part in parts:
        node, colon, index = part.rpartition(":")
        if part in outputs:
            kinds.add("output")
        elif colon and index.isdecimal() and node in nodes:
            kinds.add("node")
        else:
            raise UserError(
                "atc.out_node",
                "the graph has no output node {part!r}",
                hint="Write NODE:INDEX as `ascend-console inspect` lists them, or an output's own "
                "name: {known}.",
                part=part,
                known=", ".join(list(outputs)[:8]) or "none",
            )
    if len(kinds) > 1:
        raise UserError(
            "atc.out_nodes_mixed",
            "{text!r} mixes NODE:INDEX with names of outputs",
            hint="Write all of them the same way.",
            text=text,
        )


def _bad_gears(name: str, value: str, why: str) -> UserError:
    return UserError(
        "atc.gears",
        "atc's --{name}={value} cannot be used: {why}",
        hint="Give 2 to 100 different gears, such as {example}, and -1 in --input-shape where the "
        "gears stand.",
        name=name,
        value=value,
        why=why,
        example={
            "dynamic_batch_size": '"1,4,8"',
            "dynamic_image_size": '"224,224;448,448"',
            "dynamic_dims": '"1,224;8,448"',
        }[name],
    )


def parse_gears(name: str, value: str) -> tuple[tuple[int, ...], ...]:
    """The gears of one of GEAR_OPTIONS; UserError for sizes below 1 and for repeated gears."""
    text = value.strip().strip("\"'").rstrip(";")
    parts = text.split(",") if name == "dynamic_batch_size" else text.split(";")
    gears = []
    for part in parts:
        sizes = [size.strip() for size in part.split(",")]
        if not all(_SIZE.fullmatch(size) and int(size) > 0 for size in sizes):
            raise _bad_gears(name, value, f"{part!r} is no gear of whole numbers above 0")
        gears.append(tuple(int(size) for size in sizes))
    if len(set(gears)) < len(gears):
        raise _bad_gears(name, value, "a gear stands there twice")
    return tuple(gears)


def _open_axes(shapes: tuple[InputShape, ...]) -> list[tuple[str, int, int]]:
    """Name, axis and rank of every -1."""
    return [
        (shape.name, axis, len(shape.sizes))
        for shape in shapes
        for axis, size in enumerate(shape.sizes)
        if size == DYNAMIC
    ]


def _image_axes(input_format: str) -> tuple[int, int]:
    return (1, 2) if input_format == "NHWC" else (2, 3)


def check_gears(
    name: str, value: str, shapes: tuple[InputShape, ...], *, input_format: str, soc_version: str
) -> None:
    """UserError where gears and input shapes do not belong together."""
    gears = parse_gears(name, value)
    most = _MOST_GEARS_950 if soc_version.startswith("Ascend950") else _MOST_GEARS
    if not 2 <= len(gears) <= most:
        raise _bad_gears(name, value, f"it has {len(gears)} gears, and 2 to {most} are taken")
    if any(isinstance(size, tuple) for shape in shapes for size in shape.sizes):
        raise _bad_gears(name, value, "--input_shape has a range, which cannot stand beside gears")
    axes = _open_axes(shapes)
    if not axes:
        raise _bad_gears(name, value, "--input_shape has no -1")
    if name == "dynamic_batch_size" and any(axis != 0 for _, axis, _ in axes):
        raise _bad_gears(name, value, "only the first size, the batch, may be -1")
    if name == "dynamic_image_size":
        allowed = _image_axes(input_format)
        if any(axis not in allowed or rank != 4 for _, axis, rank in axes):
            raise _bad_gears(name, value, "only height and width of an image may be -1")
        if any(len(gear) != 2 for gear in gears):
            raise _bad_gears(name, value, "each gear is a height and a width")
    if name == "dynamic_dims" and any(len(gear) != len(axes) for gear in gears):
        raise _bad_gears(name, value, f"each gear needs {len(axes)} numbers, one for each -1")
