"""The module that a probe imports; the import fails where the real one's would."""

import os

if "no_aclruntime" in os.environ.get("FAKE_AIS_BENCH", "").split(","):
    raise ModuleNotFoundError("No module named 'aclruntime'")
