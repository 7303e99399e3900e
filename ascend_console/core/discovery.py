"""Adding a thing is adding a file: entry names from the folder, the entry from its module."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from ascend_console.core.errors import UserError


def names(package: str) -> tuple[str, ...]:
    """Entry names of `ascend_console.<package>`, sorted, without importing any of them.

    Sub-packages and names that begin with `_` are no entries.
    """
    folder = importlib.import_module(f"ascend_console.{package}")
    return tuple(
        sorted(
            found.name
            for found in pkgutil.iter_modules(folder.__path__)
            if not found.ispkg and not found.name.startswith("_")
        )
    )


def load(package: str, name: str) -> Any:
    """The ENTRY of one module; UserError names the entries that exist."""
    known = names(package)
    if name not in known:
        raise UserError(
            "entry.unknown",
            "there is no {name!r} among the {package}",
            hint="Choose one of: {known}.",
            name=name,
            package=package,
            known=", ".join(known),
        )
    return importlib.import_module(f"ascend_console.{package}.{name}").ENTRY


def load_all(package: str) -> tuple[Any, ...]:
    """Every ENTRY of a package, by its `order`, then by its name."""
    entries = [load(package, name) for name in names(package)]
    return tuple(sorted(entries, key=lambda entry: (entry.order, entry.name)))
