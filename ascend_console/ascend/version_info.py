"""`version.info` and `ascend_*_install.info`: which driver, firmware and CANN belong together.

The files are `key=value`. A driver names the firmware that it works with by ranges, firmware names
drivers by the beginning of their version, and driver and CANN name each other by the beginning of
their inner versions, such as `V100R001C19`. Each package knows those that were there before it, so
that one of the two naming the other is enough.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_NUMBERS = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})*")
_LONGEST = 1 << 16


@dataclass(frozen=True, slots=True)
class Package:
    """What a version file says of its package; lists are empty where it says nothing.

    `inner` is the inner version, `firmware` the ranges of firmware that a driver takes, `drivers`
    the beginnings of driver versions that firmware takes, `others` the beginnings of inner versions
    that driver and CANN take of each other.
    """

    version: str | None
    inner: str | None = None
    firmware: tuple[tuple[str, str], ...] = ()
    drivers: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def read_pairs(text: str) -> dict[str, str]:
    """Keys in lower case and their values; lines without `=` are none, quotes are dropped."""
    pairs = (line.partition("=") for line in text[:_LONGEST].splitlines())
    return {
        key.strip().lower(): value.strip().strip("\"'") for key, equals, value in pairs if equals
    }


def _listed(pairs: Mapping[str, str], key: str) -> tuple[str, ...]:
    found = (entry.strip() for entry in _BRACKETS.findall(pairs.get(key, "")))
    return tuple(entry for entry in found if entry)


def _first_of(entry: str) -> str:
    """The beginning that `23.0.0,23.0.0.` stands for: the version itself and what follows it."""
    return entry.partition(",")[0].strip()


def parse_package(text: str) -> Package:
    """The package of a version file; unknown is None or empty."""
    pairs = read_pairs(text)
    ranges = (entry.partition(",") for entry in _listed(pairs, "compatible_version_fw"))
    return Package(
        version=pairs.get("version") or pairs.get("package_version") or None,
        inner=pairs.get("innerversion") or None,
        firmware=tuple((low.strip(), high.strip()) for low, comma, high in ranges if comma),
        drivers=tuple(map(_first_of, _listed(pairs, "compatible_version_drv"))),
        others=tuple(map(_first_of, _listed(pairs, "compatible_version"))),
    )


def _numbers(version: str) -> tuple[int, ...] | None:
    found = _NUMBERS.match(version)
    return tuple(int(part) for part in found[0].split(".")) if found else None


def _begins(version: str, start: str) -> bool:
    """Whether a version is `start` or continues it; `24.1` begins `24.1.rc3` and not `24.10`."""
    version, start = version.lower(), start.lower().rstrip(".")
    rest = version[len(start) :]
    return version.startswith(start) and not (rest[:1].isdigit() and start[-1:].isdigit())


def firmware_fits(driver: Package, firmware: Package) -> bool | None:
    """Whether driver and firmware name each other; None where neither says anything.

    What the driver says counts first: it is the newer one wherever only one was updated.
    """
    if driver.firmware and firmware.version:
        found = _numbers(firmware.version)
        bounds = [(_numbers(low), _numbers(high)) for low, high in driver.firmware]
        if found is not None and all(low and high for low, high in bounds):
            # A bound says nothing of the parts behind it: 7.5.99 includes 7.5.99.1.129.
            return any(
                low <= found and found[: len(high)] <= high
                for low, high in bounds
                if low is not None and high is not None
            )
    if firmware.drivers and driver.version:
        return any(_begins(driver.version, start) for start in firmware.drivers)
    return None


def cann_fits(driver: Package, cann: Package) -> bool | None:
    """Whether driver and CANN name each other; None where there is nothing to compare."""
    if driver.inner is None or cann.inner is None or not (driver.others or cann.others):
        return None
    return any(_begins(cann.inner, start) for start in driver.others) or any(
        _begins(driver.inner, start) for start in cann.others
    )
