"""Size, md5 and SHA-256 of a file in one reading; which published file it is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ascend_console.core.errors import ToolFailed

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Checksums:
    """`size` in bytes; both sums as lower-case hex."""

    size: int
    md5: str
    sha256: str

    def is_published(self, md5: str | None) -> bool | None:
        """Whether this is the file of a published md5, in any case; None where none is known."""
        return None if md5 is None else self.md5 == md5.lower()


def checksums(path: Path) -> Checksums:
    """The sums of a whole file; ToolFailed where the disk does not give it."""
    md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                md5.update(chunk)
                sha256.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise ToolFailed(
            "files.read",
            "cannot read {path}: {reason}",
            hint="Check the path, its permissions and the disk.",
            path=path,
            reason=error.strerror or error,
        ) from error
    return Checksums(size, md5.hexdigest(), sha256.hexdigest())
