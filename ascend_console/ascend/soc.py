"""Names of chips: what npu-smi shows, what `--soc_version` takes, how many chips make a card."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from ascend_console.ascend.advice import Advice
from ascend_console.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ascend_console.ascend.npu_smi import NpuChip

# Spelling counts: the tools compare these names letter by letter.
SOC_VERSIONS: tuple[str, ...] = tuple(
    f"Ascend{name}"
    for name in (
        "310", "310B", "310B1", "310B2", "310B3", "310B4", "310P", "310P1", "310P3", "310P5",
        "310P7", "310P3Vir01", "310P3Vir02", "310P3Vir04", "310P3Vir08", "610", "710",
        "910", "910A", "910B", "910ProA", "910ProB", "910PremiumA",
        "910B1", "910B2", "910B2C", "910B3", "910B4", "910B4-1",
        "910_9362", "910_9372", "910_9381", "910_9382", "910_9391", "910_9392",
    )
)  # fmt: skip

SOC_NOTES: dict[str, Advice] = {
    "Ascend910B": Advice(
        "soc.first_910b",
        "Ascend910B is a 910 of the first generation (32 GB HBM), not one of 910B1 to 910B4",
        "Ascend910B 是第一代 910（32 GB HBM），不是 910B1 至 910B4",
        ("Take the name that `npu-smi info` shows, with `Ascend` in front.",),
        ("使用 npu-smi info 的 Name 列，前面加 Ascend。",),
    ),
    "Ascend710": Advice(
        "soc.early_310p",
        "Ascend710 is what CANN 5.0 called the chip that is Ascend310P3 since",
        "Ascend710 是 CANN 5.0 对该芯片的旧称，之后称为 Ascend310P3",
        ("Convert with Ascend310P3, unless the server still has CANN 5.0.",),
        ("除非服务器仍为 CANN 5.0，否则请用 Ascend310P3 转换。",),
    ),
}

_CANONICAL = {name.casefold(): name for name in SOC_VERSIONS}
_ASCEND = re.compile(r"ascend[\s_-]*", re.IGNORECASE)
_NEWER_CHIP = re.compile(r"[0-9]{3}[A-Za-z0-9]*(?:[_-][A-Za-z0-9]+)*")
_NPU_NAME = re.compile(r"[0-9][A-Za-z0-9]*")
_DUO = re.compile(r"\bduo\b", re.IGNORECASE)
_CHIPS_ON_310_CARD = 4


def normalise_soc_version(name: str) -> str:
    """A chip's name as `--soc_version` takes it: `310p3`, `Ascend 310P3` -> `Ascend310P3`.

    Names that are not known but have the form of one are kept, for chips newer than this table;
    UserError for others.
    """
    body = _body(name)
    known = _CANONICAL.get(f"ascend{body}".casefold())
    if known:
        return known
    if not _NEWER_CHIP.fullmatch(body):
        raise UserError(
            "soc.unknown",
            "{name!r} is no chip's name",
            hint="Take the Name column of `npu-smi info`, such as 310P3; known: {known}.",
            name=name[:60],
            known=", ".join(SOC_VERSIONS),
        )
    return f"Ascend{body}"


def _body(name: str) -> str:
    """A name without `Ascend` in front."""
    return _ASCEND.sub("", name.strip(), count=1) if _ASCEND.match(name.strip()) else name.strip()


def _named_by_board(body: str) -> bool:
    return body == "910" or (body.startswith("950") and "_" not in body)


def needs_board(name: str | None) -> bool:
    """Whether the table's name does not tell the chip: A3 shows `Ascend910`, 950 its series.

    `npu-smi info -t board` has the rest. A bare `910` is a chip of the first generation.
    """
    typed = (name or "").strip()
    if not any(char.isdigit() for char in typed):
        return True
    return typed != "910" and _named_by_board(_body(typed))


def soc_version_of_chip(name: str | None) -> str | None:
    """The `--soc_version` of a chip's Name in `npu-smi info`; None where only its board tells."""
    return None if name is None or needs_board(name) else normalise_soc_version(name)


def soc_version_of_board(chip_name: str | None, npu_name: str | None) -> str | None:
    """The `--soc_version` from Chip Name and NPU Name of `npu-smi info -t board`.

    A3 and 950 are named by both: `Ascend910` and `9392` make `Ascend910_9392`. None where one that
    is needed is missing.
    """
    if chip_name is None or not any(char.isdigit() for char in chip_name):
        return None
    chip = normalise_soc_version(chip_name)
    if not _named_by_board(_body(chip)):
        return chip
    if npu_name is None or not _NPU_NAME.fullmatch(npu_name.strip()):
        return None if needs_board(chip_name) else chip
    return normalise_soc_version(f"{chip}_{npu_name.strip()}")


def same_chip(first: str, second: str) -> bool:
    """Whether a model for one runs on the other: equal names, or the two names of the 310P3."""
    names = {normalise_soc_version(first), normalise_soc_version(second)}
    return len(names) == 1 or names == {"Ascend710", "Ascend310P3"}


def chips_on_cards(chips: Iterable[NpuChip]) -> dict[int, int]:
    """How many chips each NPU id of a table has: 4 on a 310 card, 2 on a 310P Duo."""
    return dict(Counter(chip.npu for chip in chips))


def card_factor(soc_version: str, *, chips_on_card: int | None = None, product: str = "") -> int:
    """By what one device's throughput is multiplied for its card.

    4 on an Ascend 310 card; 2 on a 310P Duo, which shows by two chips under one NPU id or by its
    product name; 1 on every other one.
    """
    soc = normalise_soc_version(soc_version)
    if soc == "Ascend310":
        return _CHIPS_ON_310_CARD
    duo = chips_on_card == 2 or _DUO.search(product) is not None
    return 2 if soc.startswith(("Ascend310P", "Ascend710")) and duo else 1
