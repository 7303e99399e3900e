"""The only module that opens network connections: one file, over https, resumed where it broke.

What is received stands in `<target>.part` until it is whole; `<target>.part.json` beside it keeps
what the server said of the file, so that a later attempt goes on where this one stopped.
"""

from __future__ import annotations

import os
import urllib.parse
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import Interrupted, ToolFailed, UserError
from ascend_console.tools import files
from ascend_console.tools._download_transfer import Broken, Head, Transfer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from ascend_console.core.specs import Cancel

_MEBIBYTE = 1 << 20
_SHOWN_CHARACTERS = 200
_PAGES = (b"<!doctype html", b"<html", b"<head")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How patient a download is.

    `retries` counts attempts in a row that bring less than a mebibyte; the first follows at once,
    the others after `wait_s`, twice that, and so on. `read_timeout_s` is for each read.
    """

    read_timeout_s: float = 30.0
    retries: int = 4
    wait_s: float = 1.0
    redirects: int = 5
    largest_bytes: int = 4 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How far a download is: bytes on disk, bytes announced (None where the server did not say)."""

    done: int
    total: int | None
    note: str = ""


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine."""
    import ipaddress

    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def check_url(url: str, *, redirected_from: str | None = None) -> None:
    """UserError unless the address is https, or http on this machine.

    ToolFailed for one that `redirected_from` leads on to: the server's fault, not the user's.
    """
    reason = _refusal(url)
    if reason and redirected_from is not None:
        raise ToolFailed(
            "download.redirect",
            "{origin} leads on to {url!r}, which is refused: {reason}",
            hint="Nothing was taken from there. Name another address with --url.",
            origin=shown_url(redirected_from),
            url=url.partition("?")[0][:_SHOWN_CHARACTERS],
            reason=reason,
        )
    if reason:
        raise UserError(
            "download.url",
            "{url!r} is no address to download from: {reason}",
            hint="Name it as https://HOST/PATH; http is taken from this machine's own addresses.",
            url=url.partition("?")[0][:_SHOWN_CHARACTERS],
            reason=reason,
        )


def _refusal(url: str) -> str:
    """Why nothing is downloaded from an address; empty where it is a good one."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return str(error)
    if not url.isascii() or not url.isprintable() or " " in url:
        return "it has blanks, control characters or letters that must be written as %XX"
    if parts.scheme not in ("http", "https") or not host:
        return "it does not begin with https:// and a host"
    if parts.username is not None:
        return "it holds a user name"
    if parts.scheme == "http" and not is_loopback(host):
        return "it is plain http, where anybody on the way could change the file"
    return ""


def shown_url(url: str) -> str:
    """The address without its query, where temporary keys stand."""
    return urllib.parse.urlunsplit((*urllib.parse.urlsplit(url)[:3], "", ""))


@dataclass(slots=True)
class _Partial:
    """What has been received so far, and what the server said of the file when it began."""

    path: Path
    address: str
    validator: str = ""
    total: int | None = None

    @property
    def note_path(self) -> Path:
        return self.path.with_name(self.path.name + ".json")

    @property
    def size(self) -> int:
        """Bytes to go on from; 0 where the file cannot be told to be the same one."""
        return self.path.stat().st_size if self.validator and self.path.exists() else 0

    @property
    def whole(self) -> bool:
        """Whether everything that was announced is there."""
        return self.total is not None and self.size == self.total > 0

    def load(self) -> None:
        """Take up what an earlier attempt left; anything odd counts as nothing."""
        with suppress(UserError, AttributeError):
            note = files.read_json(self.note_path)
            total = note.get("total")
            if note.get("address") == self.address and isinstance(note.get("validator"), str):
                self.validator = note["validator"]
                self.total = total if isinstance(total, int) else None

    def begin(self, head: Head) -> None:
        """Start from the first byte of the file that `head` announces."""
        strong = head.etag if head.etag.startswith('"') else ""
        self.validator, self.total = strong or head.last_modified, head.length
        self.path.write_bytes(b"")
        note = {"address": self.address, "validator": self.validator, "total": self.total}
        files.write_json(self.note_path, note)

    def discard(self) -> None:
        """Forget what was received."""
        self.validator, self.total = "", None
        discard(self.path)

    def headers(self) -> dict[str, str]:
        """Headers that ask for the rest, and for the whole if the file is another one by now."""
        wanted = {"Accept-Encoding": "identity", "User-Agent": "ascend-console"}
        if self.size:
            wanted |= {"Range": f"bytes={self.size}-", "If-Range": self.validator}
        return wanted


def discard(part: Path) -> None:
    """Remove an unfinished download and the note beside it."""
    for path in (part, part.with_name(part.name + ".json")):
        path.unlink(missing_ok=True)


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ToolFailed(
            "download.write",
            "cannot write {path}: {reason}",
            hint="Free some space or name another place with --output, then type the line again: "
            "the download goes on from there.",
            path=path,
            reason=error.strerror or error,
        ) from error


def receive(
    url: str, part: Path, cancel: Cancel, limits: Limits | None = None
) -> Generator[State, None, None]:
    """Receive `url` into `part`, and tell how far it is; at the end the file is on the disk.

    A connection that breaks is taken up again. Raises ToolFailed where the server or the network
    does not give the file, and Interrupted on request; `part` stays for the next attempt. Never
    looks at what the file holds, except for a web page that stands in its place.
    """
    limits = limits or Limits()
    check_url(url)
    partial = _Partial(part, shown_url(url))
    with _disk(part):
        part.parent.mkdir(parents=True, exist_ok=True)
        partial.load()
    try:
        if not partial.whole:
            yield from _attempts(url, partial, cancel, limits)
        with _disk(part), part.open("rb+") as stream:
            os.fsync(stream.fileno())
    finally:
        if part.exists() and part.stat().st_size == 0:
            discard(part)


def _attempts(
    url: str, partial: _Partial, cancel: Cancel, limits: Limits
) -> Generator[State, None, None]:
    """Connect until the file is there, or until nothing more comes."""
    failures, best = 0, partial.size
    while True:
        try:
            yield from _attempt(url, partial, cancel, limits)
            return
        except Broken as error:
            broken = error
        if broken.stale:
            partial.discard()
        failures = 0 if partial.size >= best + _MEBIBYTE else failures + 1
        best = max(best, partial.size)
        if failures > limits.retries:
            raise _given_up(url, broken, partial)
        yield State(done=partial.size, total=partial.total, note=f"{broken}; trying again")
        if cancel.wait(limits.wait_s * 2 ** (failures - 2) if failures > 1 else 0):
            raise Interrupted


def _given_up(url: str, broken: Broken, partial: _Partial) -> ToolFailed:
    again = "the download goes on where it stopped" if partial.size else "it begins anew"
    return ToolFailed(
        "download.broken",
        "{url} could not be downloaded: {reason}",
        hint="Check the network and its proxy (HTTPS_PROXY), or name a mirror with --url. Type "
        "the same line again later: {again}.",
        url=shown_url(url),
        reason=broken,
        again=again,
    )


def _attempt(
    url: str, partial: _Partial, cancel: Cancel, limits: Limits
) -> Generator[State, None, None]:
    """One connection, up to the end of the file; raises Broken where it ends before."""
    offset = partial.size
    transfer = Transfer(url, partial.headers(), limits.read_timeout_s, limits.redirects, check_url)
    try:
        items = transfer.items(cancel)
        head = next(items)
        if not isinstance(head, Head):
            raise AssertionError("a transfer begins with its head")
        _check_size(url, head.length, limits)
        with _disk(partial.path):
            start = _continue_or_begin(url, head, partial, offset)
        note = "the server cannot go on from there; starting over" if start < offset else ""
        yield State(done=start, total=partial.total, note=note)
        with _disk(partial.path), partial.path.open("rb+") as stream:
            stream.seek(start)
            yield from _store(url, items, stream, partial, limits)
    finally:
        transfer.stop()


def _continue_or_begin(url: str, head: Head, partial: _Partial, offset: int) -> int:
    """Where the answer's first byte belongs in the file."""
    if head.encoding not in ("", "identity"):
        raise _unfit(url, f"is packed as {head.encoding}, though it was asked for as it is")
    if head.status == 206 and head.range_start == offset and head.range_total == partial.total:
        return offset
    if head.status != 200:
        raise Broken(f"the server answered {head.status} with a part that does not fit", stale=True)
    if head.content_type == "text/html":
        raise _page(url)
    partial.begin(head)
    return 0


def _store(
    url: str, items: Iterator[Any], stream: BinaryIO, partial: _Partial, limits: Limits
) -> Generator[State, None, None]:
    """Write every piece where it belongs, until the connection ends."""
    for piece in items:
        if stream.tell() == 0 and piece.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGES):
            raise _page(url)
        stream.write(piece)
        stream.flush()
        _check_size(url, stream.tell(), limits)
        yield State(done=stream.tell(), total=partial.total)
    done = stream.tell()
    if partial.total is not None and done < partial.total:
        raise Broken(f"the connection ended after {done:,} of {partial.total:,} bytes")
    if done == 0:
        raise _unfit(url, "is empty")


def _check_size(url: str, size: int | None, limits: Limits) -> None:
    if size is not None and size > limits.largest_bytes:
        raise _unfit(url, f"is larger than {limits.largest_bytes >> 30} GiB, as no checkpoint is")


def _page(url: str) -> ToolFailed:
    return ToolFailed(
        "download.page",
        "{url} answered with a web page instead of the file",
        hint="Open the address in a browser: it may ask to log in or to accept terms, or the "
        "network's own login page stands in between. Name a direct address with --url.",
        url=shown_url(url),
    )


def _unfit(url: str, reason: str) -> ToolFailed:
    return ToolFailed(
        "download.unfit",
        "what {url} answered {reason}",
        hint="Check the address in a browser, or name another one with --url.",
        url=shown_url(url),
        reason=reason,
    )
