"""What an interpreter can import: a program for that interpreter, which may be an old one.

A package that crashes its interpreter so takes nothing else with it. The last line is a JSON
object: `python` (version), `machine`, `locale` (encoding, or why it cannot be used), and `modules`,
each with its `version`, or its `error`. It is written for Python 3.7 on, and for the standard
library alone.
"""

from __future__ import annotations

import importlib
import json
import locale
import os
import platform
import sys
from typing import Any

_LONGEST = 300


def _version(name: str, module: Any) -> str | None:
    found = getattr(module, "__version__", None)
    if isinstance(found, str):
        return found
    try:
        from importlib import metadata

        return metadata.version(name)
    except Exception:  # Python 3.7 has no such module, and many modules are no distribution
        return None


def _tells(name: str, module: Any) -> dict[str, Any]:
    """What a module tells of the hardware that it can use."""
    if name == "onnxruntime":
        return {"providers": list(module.get_available_providers())}
    if name == "torch" and module.cuda.is_available():
        count = module.cuda.device_count()
        return {"cuda": [module.cuda.get_device_name(index) for index in range(count)]}
    return {}


def look(name: str) -> dict[str, Any]:
    """Version of a module and what it tells, or why it cannot be imported."""
    try:
        module = importlib.import_module(name)
        return {"version": _version(name, module), "tells": _tells(name, module)}
    except (Exception, SystemExit) as error:  # whatever a package may do when it is imported
        text = " ".join(str(error).split()) or type(error).__name__
        return {"error": text[:_LONGEST]}


def _locale() -> dict[str, str]:
    try:
        locale.setlocale(locale.LC_ALL, "")
    except (locale.Error, ValueError) as error:
        return {"error": str(error)}
    return {"encoding": locale.getpreferredencoding(False)}


def main(names: list[str]) -> None:
    """Print what is known of this interpreter and of these modules."""
    told = {
        "python": list(sys.version_info[:3]),
        "machine": platform.machine(),
        "locale": _locale(),
        "modules": {name: look(name) for name in names},
    }
    os.write(1, ("\n" + json.dumps(told) + "\n").encode("ascii"))


if __name__ == "__main__":
    # The folder of this program comes first otherwise, and its neighbours have common names.
    del sys.path[0]
    main(sys.argv[1:])
