"""Which kinds of operators cost most, by the profiler of the runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ascend_console.core.events import ArtifactWritten, RowAdded, Warned
from ascend_console.core.operators import Profiler
from ascend_console.tools import device_lock, files

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from ascend_console.core.events import Event
    from ascend_console.core.operators import OperatorTable
    from ascend_console.jobs._bench_measure import Measuring
    from ascend_console.jobs._bench_point import Point

_SHOWN = 12


def fastest(points: Sequence[Point]) -> list[Point]:
    """The fastest point of each column, the first of equal ones."""
    found: dict[int, Point] = {}
    for point in points:
        known = found.get(id(point.column))
        if known is None or (point.throughput or 0.0) > (known.throughput or 0.0):
            found[id(point.column)] = point
    return list(found.values())


def profiled(
    this: Measuring, point: Point, *, several: bool
) -> Generator[Event, None, OperatorTable | None]:
    """The operators of one point, as rows and as a file; None where the backend tells none."""
    backend, column = point.column.backend, point.column
    if not isinstance(backend, Profiler):
        yield Warned(
            "bench.no_profile",
            f"the backend {this.subject.backend_name} does not tell the times of operators",
            "Leave --profile out, or choose another --backend.",
            {"backend": this.subject.backend_name},
        )
        return None
    mark = column.note.replace(" threads", "").replace(" ", "_") if several else ""
    stem = f"profile_bs{point.batch_size}{mark}"
    folder = this.env.folder / "perf" / stem
    files.remove_folder(folder)
    lock = yield from device_lock.take_turn(sorted(backend.lock_names())[0], this.env)
    with device_lock.held(lock):
        table = yield from backend.profile(
            point.artifact.path, batch_size=point.batch_size, output=folder
        )
    path = folder.with_name(f"{stem}.json")
    document = {
        "tool": backend.version(),
        "device": backend.device_name(),
        "model": this.subject.name,
        "batch_size": point.batch_size,
        "precision": column.precision,
        "threads": backend.threads,
        **table.document(),
    }
    files.write_json(path, document)
    yield ArtifactWritten(str(path), "performance")
    for row in table.rows()[:_SHOWN]:
        yield RowAdded(
            "operators",
            this.label(column)
            | {
                "batch": point.batch_size,
                "precision": column.precision,
                "operator": row["operator"],
                "where": row["where"],
                "share %": round(100 * row["share"], 1),
                "count": row["count"],
                "total ms": round(row["total_ms"], 3),
            },
        )
    return table
