"""`python3 -m ais_bench`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[4]))

from tests.fakes.fake_ais_bench import run

sys.exit(run(sys.argv[1:]))
