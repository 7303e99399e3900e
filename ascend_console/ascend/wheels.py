"""Which wheel of `aclruntime` fits an interpreter and a machine (ascend-tools.md section 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

AIS_BENCH_WHEEL = "ais_bench-0.0.2-py3-none-any.whl"
_MACHINES = ("x86_64", "aarch64")
_OLDEST, _NEWEST = (3, 7), (3, 11)


def aclruntime_wheel(version: Sequence[int], machine: str) -> str | None:
    """`aclruntime-0.0.2-cp39-cp39-linux_aarch64.whl`; None where none is made."""
    minor = tuple(version[:2])
    if machine not in _MACHINES or not _OLDEST <= minor <= _NEWEST:
        return None
    tag = f"cp{minor[0]}{minor[1]}"
    # Up to Python 3.7 the name of the binary interface has an `m` at its end.
    abi = tag + "m" if minor == (3, 7) else tag
    return f"aclruntime-0.0.2-{tag}-{abi}-linux_{machine}.whl"
