"""Artefacts shared between runs: a folder for each key, its files linked into the runs.

A key is the hash of everything that the files were made from, so that an entry is never stale; a
damaged one is noticed by its hashes and made again.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from ascend_console.core.errors import ConsoleError
from ascend_console.tools import files
from ascend_console.tools.paths import cache_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_META = "entry.json"


class ArtefactCache:
    """The artefacts of one workspace."""

    def __init__(self, workspace: Path) -> None:
        self._root = cache_folder(workspace) / "artefacts"

    def fetch(self, key: str, folder: Path) -> bool:
        """Put the files of an entry into `folder`; False where there is no whole entry."""
        entry = self._root / key
        try:
            hashes: dict[str, str] = files.read_json(entry / _META)["files"]
            whole = all(files.sha256_file(entry / name) == sha for name, sha in hashes.items())
        except (ConsoleError, OSError, KeyError, TypeError, AttributeError):
            return False
        if not whole:
            shutil.rmtree(entry, ignore_errors=True)
            return False
        for name in hashes:
            files.link_or_copy(entry / name, folder / name)
        return True

    def store(self, key: str, made: Sequence[Path]) -> None:
        """Keep files under a key; an entry that another run has stored meanwhile stays."""
        if (self._root / key).exists():
            return
        with files.atomic_folder(self._root / key, keep_existing=True) as entry:
            for path in made:
                files.link_or_copy(path, entry / path.name)
            hashes = {path.name: files.sha256_file(path) for path in made}
            files.write_json(entry / _META, {"schema": 1, "files": hashes})
