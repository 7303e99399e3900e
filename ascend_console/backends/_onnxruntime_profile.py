"""What ONNX Runtime's own profiler says of a session: the time of each kind of operator."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.core.operators import OperatorTime, operator_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from ascend_console.core.operators import OperatorTable

_WARMUP = 3
_EXECUTIONS = 10
_KERNEL = "_kernel_time"


def operator_times(events: Iterable[Mapping[str, Any]], warmup: int = 0) -> Iterator[OperatorTime]:
    """The operators in the events of a trace; the first `warmup` times of each node are left out.

    A trace is in the format of Chrome's tracing: `dur` is in microseconds.
    """
    seen: Counter[str] = Counter()
    for event in events:
        name, about = str(event.get("name", "")), event.get("args", {})
        if event.get("cat") != "Node" or not name.endswith(_KERNEL):
            continue
        seen[name] += 1
        if seen[name] <= warmup:
            continue
        yield OperatorTime(
            operator=str(about.get("op_name") or "unknown"),
            where=about.get("provider") or None,
            count=1,
            total_ms=float(event.get("dur", 0)) / 1000,
        )


def profiled(session: Any, name: str, batch: NDArray[Any], trace: Path) -> OperatorTable:
    """Run a session that was opened with profiling; its trace is moved to `trace`."""
    for _ in range(_WARMUP + _EXECUTIONS):
        session.run(None, {name: batch})
    written = Path(session.end_profiling())
    table = operator_table(operator_times(json.loads(written.read_text("utf-8")), _WARMUP),
                           executions=_EXECUTIONS)  # fmt: skip
    written.replace(trace)
    return table
