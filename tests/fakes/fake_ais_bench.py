"""A test double of ais_infer.py, `python3 -m ais_bench` and `msit benchmark`.

It executes the ONNX inside a fake om with ONNX Runtime on one CPU thread, so results are real
results and times are measured times. Ascend-tools.md section 2 is its contract.

FAKE_GENERATION: A, B, C, D, E, F (the default) or msit (`msit benchmark …`).
FAKE_SOC: the chip of this machine; an om for another one cannot be loaded.
FAKE_AIS_BENCH, words with commas between them:

- start: `no_aclruntime`, `no_ascendcl` (imports fail, even for --help), `old_aclruntime`
  (a warning, and --run_mode tensor), `noise` (a warning on stderr)
- device: `device_error` (507033), `busy` (EL0005), each `=N` for device N alone; `no_memory`
  (207001), `wrong_soc`
- in the middle: `hang` (after the load; `deaf` too, to ignore TERM), `killed`, `crash`, `aicore`
- figures: `no_summary` (ends with 0, and neither prints nor writes one), `no_summary_file`,
  `truncated_summary`, `nan_summary`
- results: `no_results`, `missing_result`, `cut_result` (the last one), `zeros`, `nan`, `half`
  (rounded to float16)
- several devices: `result=N`, the last line and the exit code

FAKE_WITNESS, FAKE_READY and FAKE_STATE are those of acting.py. --profiler starts it again
under the `msprof` on PATH. --perf 1 (another vendor's tool) and dynamic AIPP are not played.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fakes import acting
from tests.fakes.ais_bench_command import WORDS, main


def run(argv: list[str]) -> int:
    """The tool as its environment says."""
    part = acting.begin("ais_bench", WORDS)
    generation = os.environ.get("FAKE_GENERATION") or "F"
    return main(argv, generation=generation, words=part.words, soc=os.environ.get("FAKE_SOC"))


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
