"""Signs in a log that tell a cause without a code, or more than the code does."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ascend_console.ascend import error_data_environment, error_data_inference
from ascend_console.ascend import error_remedies as fix
from ascend_console.ascend.advice import Advice

if TYPE_CHECKING:
    from ascend_console.ascend.error_remedies import Words

_SIZES = re.compile(
    r"tensorsize: ?(?P<model>[0-9]{1,15}) filesize: ?(?P<file>[0-9]{1,15}) not match"
    r"|input image size\[(?P<file2>[0-9]{1,15})\] is not equal to model input size"
    r"\[(?P<model2>[0-9]{1,15})\]"
    r"|in size:(?P<file3>[0-9]{1,15}) needsize:(?P<model3>[0-9]{1,15}) not match"
    r"|ndata size:(?P<file4>[0-9]{1,15}) not match (?P<model4>[0-9]{1,15})"
)
_WORD = re.compile(r"\S{1,200}")
_FAR = 20_000
_GROUP = re.compile(r"\{([a-z]+)\}")


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign that was found; `is_fatal` where nothing can have come out of that run."""

    advice: Advice
    is_fatal: bool
    line: str


def _filled(text: str, found: re.Match[str]) -> str:
    """A text with the groups of its pattern in braces; only ours, so no braces of a log count."""
    groups = found.groupdict()
    if "{op}" in text and not groups.get("op"):
        groups["op"] = _operator_before(found.string, found.start())
    return _GROUP.sub(lambda name: (groups.get(name[1]) or "?")[:200], text)


def _operator_before(text: str, end: int) -> str:
    """The operator that an exception callback named last before a place."""
    start = text.rfind("opName:", max(0, end - _FAR), end)
    found = _WORD.match(text, start + len("opName:")) if start >= 0 else None
    return found[0] if found else ""


def _advice(name: str, cause: Words, remedies: tuple[Words, ...], found: re.Match[str]) -> Advice:
    return Advice(
        f"sign.{name}",
        _filled(cause[0], found),
        _filled(cause[1], found),
        tuple(_filled(english, found) for english, _ in remedies),
        tuple(_filled(chinese, found) for _, chinese in remedies),
    )


# What a factor between two byte sizes mostly means.
_FACTORS: dict[int, Words] = {
    2: ("one side is float16 and the other float32, or half of the values is missing",
        "一侧为 float16 另一侧为 float32，或缺少一半数据"),
    4: ("one side is 8-bit images (AIPP) and the other float32",
        "一侧为 uint8 图像（AIPP），另一侧为 float32"),
    8: ("one side is int64 or float64 and the other 8-bit, or the batch size is another",
        "一侧为 int64 或 float64 另一侧为 uint8，或 batch size 不同"),
}  # fmt: skip


def _side(size: int, per_pixel: int) -> int:
    """The side of a square image of that many bytes, 0 where it is none."""
    pixels, rest = divmod(size, per_pixel)
    side = math.isqrt(pixels)
    return side if rest == 0 and side * side == pixels else 0


def _size_cause(model: int, file: int) -> Words:
    """Why an input of `file` bytes does not fit a model that takes `model`."""
    if not model or not file:
        return ("one of the sizes is 0", "其中一个大小为 0")
    large, small = max(model, file), min(model, file)
    factor = large // small if large % small == 0 else 0
    image, array = _side(model, 3), _side(file, 12)
    if factor == 0 and image and array:
        return (f"the model takes 8-bit images of {image}x{image} (AIPP), and the file looks like "
                f"float32 of 3x{array}x{array}",
                f"模型使用 AIPP 接收 {image}x{image} 的 uint8 图像，"
                f"而文件像是 3x{array}x{array} 的 float32 数据")  # fmt: skip
    if factor in _FACTORS:
        return _FACTORS[factor]
    if factor:
        return (f"one holds {factor} times as much: mostly another batch size",
                f"相差 {factor} 倍：多数是 batch size 不同")  # fmt: skip
    return ("the shapes differ", "Shape 不同")


def _size_sign(text: str) -> Sign | None:
    found = _SIZES.search(text) if "not match" in text or "is not equal" in text else None
    if found is None:
        return None
    groups = found.groupdict()
    model = int(next(groups[name] for name in ("model", "model2", "model3", "model4")
                     if groups[name]))  # fmt: skip
    file = int(next(groups[name] for name in ("file", "file2", "file3", "file4") if groups[name]))
    english, chinese = _size_cause(model, file)
    advice = Advice(
        "sign.input_size",
        f"the input has {file} bytes and the model takes {model}: {english}",
        f"输入为 {file} 字节，模型需要 {model} 字节：{chinese}",
        (
            fix.INPUT_BYTES[0],
            "Preprocess with the variant that belongs to the model: ascend-console preprocess.",
            fix.OM_INFO[0],
        ),
        (
            fix.INPUT_BYTES[1],
            "使用与模型对应的预处理：ascend-console preprocess。",
            fix.OM_INFO[1],
        ),
    )
    return Sign(advice, True, found[0])


def find_signs(text: str) -> tuple[Sign, ...]:
    """The signs in a text, the most telling first."""
    size = _size_sign(text)
    found = [size] if size else []
    for row in (*error_data_inference.SIGNS, *error_data_environment.SIGNS):
        match = row.search(text)
        if match:
            start = text.rfind("\n", 0, match.start()) + 1
            line = (
                text[max(start, match.start() - _FAR) : match.end() + _FAR].split("\n")[0].strip()
            )
            advice = _advice(row.name, row.cause, row.remedies, match)
            found.append(Sign(advice, row.is_fatal, line))
    return tuple(found)


def exit_advice(exit_code: int) -> Advice | None:
    """What an exit code tells by itself; None where it tells nothing. Signals may be negative."""
    code = 128 - exit_code if exit_code < 0 else exit_code
    row = error_data_environment.EXITS.get(code)
    if row is None:
        return None
    cause, remedies = row
    return Advice(f"exit.{code}", cause[0], cause[1], tuple(pair[0] for pair in remedies),
                  tuple(pair[1] for pair in remedies))  # fmt: skip
