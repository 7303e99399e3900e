"""`make bench`: one JSON object on stdout, a table on stderr.

Exit 0 when every goal is met, 5 when one is missed, 6 when one is undecided.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ascend_console.tools.environment import environment
from tests.benchmarks import bench_evaluate, bench_infer, bench_preprocess, bench_startup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.harness import Result


def measure() -> Iterator[Result]:
    """Every row, one after the other, on this machine as it is."""
    yield bench_startup.start_up()
    with tempfile.TemporaryDirectory() as folder:
        yield from bench_preprocess.rows(Path(folder))
        yield from bench_infer.rows(Path(folder))
    yield from bench_evaluate.compare_formats()


def tell(result: Result) -> None:
    """One row of the table on stderr, as soon as it is known."""
    low, high = result.interval
    word = {True: "met", False: "missed", None: "undecided"}[result.passed]
    print(
        f"{result.name:<44} {result.value:6.2f}{result.unit} [{low:.2f}, {high:.2f}]  "
        f"goal {result.goal}  {word}",
        file=sys.stderr,
        flush=True,
    )


def exit_code(results: list[Result]) -> int:
    """5 for a missed goal, before 6 for an undecided one."""
    states = [result.passed for result in results]
    if False in states:
        return 5
    return 6 if None in states else 0


def main() -> int:
    """Measure, print, judge."""
    results = []
    for result in measure():
        tell(result)
        results.append(result)
    document = {
        "schema": 1,
        "machine": environment(),
        "results": [asdict(result) for result in results],
    }
    print(json.dumps(document, indent=1))
    return exit_code(results)


if __name__ == "__main__":
    raise SystemExit(main())
