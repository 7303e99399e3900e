"""AIPP files: preprocessing that the chip does, as `aipp_op { … }` blocks for atc.

With AIPP an input is the image itself: 8 bits a value, height x width x channels. The order of
work on the chip is channel swap, crop, colour conversion, mean and scale, padding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ascend_console.core.specs import Preprocess

Value: TypeAlias = "str | int | float | bool"

# Bytes that one pixel takes, as a fraction: YUV420SP has two colour values for four pixels.
BYTES_PER_PIXEL = MappingProxyType(
    {"YUV420SP_U8": (3, 2), "XRGB8888_U8": (4, 1), "RGB888_U8": (3, 1), "YUV400_U8": (1, 1)}
)

_SWITCHES = ("crop", "padding", "csc_switch", "rbuv_swap_switch", "ax_swap_switch")
_RESERVED = ("resize", "support_rotation", "single_line_mode")
_RESERVED_NUMBERS = ("rotation_angle", "cpadding_value", "raw_rgbir_to_f16_n", "resize_output_w",
                     "resize_output_h")  # fmt: skip
_SIDES = ("left", "right", "top", "bottom")

# Least and greatest value of each whole number.
_WHOLE: dict[str, tuple[int, int]] = {
    "related_input_rank": (0, 1000),
    "max_src_image_size": (1, 2**32 - 1),
    "src_image_size_w": (0, 4096),
    "src_image_size_h": (0, 4096),
    "load_start_pos_w": (0, 4096),
    "load_start_pos_h": (0, 4096),
    "crop_size_w": (0, 4096),
    "crop_size_h": (0, 4096),
    **{f"{side}_padding_size": (0, 32) for side in _SIDES},
    **{f"matrix_r{row}c{column}": (-32768, 32767) for row in range(3) for column in range(3)},
    **{f"{kind}_bias_{channel}": (0, 255) for kind in ("input", "output") for channel in range(3)},
    **{f"mean_chn_{channel}": (0, 255) for channel in range(4)},
}
_FLOATS = (
    "padding_value",
    *(f"min_chn_{channel}" for channel in range(4)),
    *(f"var_reci_chn_{channel}" for channel in range(4)),
)
_GREATEST_FLOAT16 = 65504.0

_TOKEN = re.compile(
    r'\s*(?:(?P<skip>#[^\n]*|[,;])|(?P<text>"[^"\n]*")|(?P<mark>[{}:])|(?P<word>[A-Za-z0-9_.+\-]+))'
)
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,12}")
_REAL_NUMBER = re.compile(
    r"[-+]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][-+]?[0-9]{1,3})?"
)


@dataclass(frozen=True, slots=True)
class AippOp:
    """One `aipp_op` block, its values by key; keys that it leaves out have atc's default."""

    values: Mapping[str, Value]

    @property
    def is_static(self) -> bool:
        """True where everything is fixed when the model is converted."""
        return self.values.get("aipp_mode") == "static"

    def whole(self, key: str) -> int:
        """A whole number, 0 where it is left out."""
        value = self.values.get(key, 0)
        return value if isinstance(value, int) else 0

    def is_on(self, key: str) -> bool:
        """A switch, off where it is left out."""
        return self.values.get(key) is True


def _wrong(reason: str) -> UserError:
    return UserError(
        "aipp.file",
        "the AIPP file cannot be used: {reason}",
        hint="Correct it, or leave --aipp out and preprocess on the host.",
        reason=reason,
    )


def aipp_of_preprocess(preprocess: Preprocess, side: int) -> AippOp:
    """The static AIPP that finishes an 8-bit preprocessing for a model of `side` pixels.

    It crops the centre square and normalises: mean and deviation are those of the preprocessing,
    in steps of the 8-bit scale. UserError for a preprocessing that the host finishes itself.
    """
    if preprocess.dtype != "uint8":
        raise UserError(
            "aipp.not_needed",
            "the preprocessing {name!r} normalises on the host, so AIPP would do it twice",
            hint="Use AIPP with the variant se_builtin, whose files are 8-bit images.",
            name=preprocess.name,
        )
    source = preprocess.side
    if not 1 <= side <= source:
        raise _wrong(f"no {side} pixels can be cropped from {source}")
    start = int(round((source - side) / 2))  # noqa: RUF046 - half to even, as the scripts crop
    values: dict[str, Value] = {
        "aipp_mode": "static",
        "related_input_rank": 0,
        "input_format": "RGB888_U8",
        "src_image_size_w": source,
        "src_image_size_h": source,
        "crop": source != side,
    }
    if source != side:
        values |= {"load_start_pos_w": start, "load_start_pos_h": start,
                   "crop_size_w": side, "crop_size_h": side}  # fmt: skip
    values |= {"csc_switch": False, "rbuv_swap_switch": False}
    for channel, (mean, std) in enumerate(zip(preprocess.mean, preprocess.std, strict=True)):
        values[f"min_chn_{channel}"] = 255 * mean
        values[f"var_reci_chn_{channel}"] = 1 / (255 * std)
    return AippOp(values)


def _spelled(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def format_aipp(operators: tuple[AippOp, ...]) -> str:
    """The text of an AIPP file."""
    blocks = []
    for operator in operators:
        lines = "".join(f"    {key}: {_spelled(value)}\n" for key, value in operator.values.items())
        blocks.append(f"aipp_op {{\n{lines}}}\n")
    return "".join(blocks)


def _tokens(text: str) -> list[str]:
    found, position = [], 0
    text = text.rstrip()
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise _wrong(f"{text[position : position + 20]!r} has no meaning in it")
        if token.lastgroup != "skip":
            found.append(token[0].strip())
        position = token.end()
    return found


def _typed(key: str, text: str) -> Value:
    """A value as its key wants it."""
    if key in ("aipp_mode", "input_format", "related_input_name"):
        return text.strip('"')
    if key in _SWITCHES or key in _RESERVED:
        if text not in ("true", "false"):
            raise _wrong(f"{key} is true or false, not {text!r}")
        return text == "true"
    if key in _WHOLE or key in _RESERVED_NUMBERS:
        if not _WHOLE_NUMBER.fullmatch(text):
            raise _wrong(f"{key} is a whole number, not {text!r}")
        return int(text)
    if key in _FLOATS:
        if not _REAL_NUMBER.fullmatch(text):
            raise _wrong(f"{key} is a number, not {text!r}")
        return float(text)
    raise _wrong(f"it has no key {key!r}")


def parse_aipp(text: str) -> tuple[AippOp, ...]:
    """The blocks of an AIPP file. UserError for what is no AIPP file; see `check_aipp` too."""
    tokens = _tokens(text.removeprefix("\ufeff"))
    operators: list[AippOp] = []
    while tokens:
        if tokens[0] != "aipp_op" or tokens[1:2] not in (["{"], [":"]):
            raise _wrong(f"{tokens[0]!r} stands where a block aipp_op begins")
        body = 2 if tokens[1] == "{" else 3
        if "}" not in tokens or tokens[body - 1 : body] != ["{"]:
            raise _wrong("a block aipp_op lacks one of its braces")
        end = tokens.index("}")
        operators.append(AippOp(MappingProxyType(_pairs(tokens[body:end]))))
        tokens = tokens[end + 1 :]
    if not operators:
        raise _wrong("it holds no block aipp_op")
    return tuple(operators)


def _pairs(tokens: list[str]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for index in range(0, len(tokens), 3):
        triple = tokens[index : index + 3]
        if len(triple) < 3 or triple[1] != ":":
            raise _wrong(f"{' '.join(triple)!r} is not KEY: VALUE")
        key = triple[0]
        if key in values:
            raise _wrong(f"{key} stands there twice")
        values[key] = _typed(key, triple[2])
    return values


def check_aipp(operators: tuple[AippOp, ...], images: Mapping[int, tuple[int, int]]) -> None:
    """UserError for what atc would refuse; `images` has height and width of the model's inputs.

    The key is the number of the input, from 0. An input that is not among them is not compared.
    """
    seen: set[Any] = set()
    for operator in operators:
        values = operator.values
        if "related_input_rank" in values and "related_input_name" in values:
            raise _wrong("a block names its input by rank and by name")
        target = values.get("related_input_name", operator.whole("related_input_rank"))
        if target in seen:
            raise _wrong(f"two blocks are for the input {target}")
        seen.add(target)
        _check_ranges(operator)
        if operator.is_static:
            _check_static(operator, images.get(target) if isinstance(target, int) else None)
        elif values.get("aipp_mode") != "dynamic":
            raise _wrong("aipp_mode is static or dynamic")
        elif "max_src_image_size" not in values:
            raise _wrong("a dynamic block needs max_src_image_size, in bytes")


def _check_ranges(operator: AippOp) -> None:
    for key, value in operator.values.items():
        if key in _WHOLE and not _WHOLE[key][0] <= operator.whole(key) <= _WHOLE[key][1]:
            low, high = _WHOLE[key]
            raise _wrong(f"{key} is {low} to {high}, not {value}")
        if isinstance(value, float) and not abs(value) <= _GREATEST_FLOAT16:
            raise _wrong(f"{key}: {value} does not fit into float16")
        if (key in _RESERVED and value is True) or (key in _RESERVED_NUMBERS and value != 0):
            raise _wrong(f"{key} is reserved and not supported")


def _check_static(operator: AippOp, image: tuple[int, int] | None) -> None:
    form = operator.values.get("input_format")
    if form not in BYTES_PER_PIXEL:
        known = ", ".join(BYTES_PER_PIXEL)
        raise _wrong(f"a static block needs input_format, one of {known}, not {form}")
    width, height = operator.whole("src_image_size_w"), operator.whole("src_image_size_h")
    if bool(width) != bool(height) or width == 1:
        raise _wrong("src_image_size_w and src_image_size_h are given together, the width from 2")
    if form == "YUV420SP_U8" and (width % 2 or height % 2):
        raise _wrong("YUV420SP_U8 needs an even width and height")
    if not width and image:
        height, width = image
    if operator.is_on("crop"):
        _check_crop(operator, form, width, height)
        width, height = operator.whole("crop_size_w"), operator.whole("crop_size_h")
        if image and not width and not height:
            height, width = image
    if operator.is_on("padding"):
        width += operator.whole("left_padding_size") + operator.whole("right_padding_size")
        height += operator.whole("top_padding_size") + operator.whole("bottom_padding_size")
    if image and (height, width) != image:
        wanted = f"{image[0]}x{image[1]}"
        raise _wrong(f"it makes images of {height}x{width}, and the model takes {wanted}")


def _check_crop(operator: AippOp, form: object, width: int, height: int) -> None:
    left, top = operator.whole("load_start_pos_w"), operator.whole("load_start_pos_h")
    if form == "YUV420SP_U8" and (left % 2 or top % 2):
        raise _wrong("YUV420SP_U8 needs even crop positions")
    right, bottom = left + operator.whole("crop_size_w"), top + operator.whole("crop_size_h")
    if (width and right > width) or (height and bottom > height):
        raise _wrong(f"the crop ends at {right},{bottom}, outside the image of {width}x{height}")


def source_bytes(operator: AippOp, image: tuple[int, int], batch_size: int) -> int:
    """The size of an input file with static AIPP; `image` is the model's own height and width."""
    height = operator.whole("src_image_size_h") or image[0]
    width = operator.whole("src_image_size_w") or image[1]
    times, per = BYTES_PER_PIXEL[str(operator.values["input_format"])]
    return batch_size * height * width * times // per
