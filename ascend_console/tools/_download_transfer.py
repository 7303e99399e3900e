"""One connection of a download: a thread reads it, so that a silent server never holds up a stop.

Belongs to `download`; nothing else imports it.
"""

from __future__ import annotations

import queue
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import ConsoleError, Interrupted, ToolFailed

if TYPE_CHECKING:
    import urllib.request
    from collections.abc import Callable, Iterator, Mapping
    from http.client import HTTPResponse

    from ascend_console.core.specs import Cancel

_PIECE_BYTES = 1 << 16
_QUEUED_PIECES = 32
_LOOK_S = 0.1
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
# Too many requests, and what servers and proxies say when they are overloaded for a while.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class Broken(Exception):
    """A connection that broke, or never came about; another attempt may do better.

    `stale` tells that what was received before is no part of what the server has now.
    """

    def __init__(self, reason: str, *, stale: bool = False) -> None:
        super().__init__(reason)
        self.stale = stale


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a server says before the first byte. Absent headers are empty, absent numbers None."""

    status: int
    length: int | None
    content_type: str
    encoding: str
    etag: str
    last_modified: str
    range_start: int | None
    range_total: int | None


def _head(response: HTTPResponse) -> Head:
    headers = response.headers
    span = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    return Head(
        status=response.status,
        length=response.length,
        content_type=headers.get_content_type() if "Content-Type" in headers else "",
        encoding=headers.get("Content-Encoding", "").strip().lower(),
        etag=headers.get("ETag", "").strip(),
        last_modified=headers.get("Last-Modified", "").strip(),
        range_start=int(span[1]) if span else None,
        range_total=int(span[2]) if span else None,
    )


class Transfer:
    """The answer to one request, as a Head and then pieces of at most 64 KiB.

    `check` is asked before every redirect and raises where it must not be followed.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        timeout_s: float,
        redirects: int,
        check: Callable[..., None],
    ) -> None:
        self._url = url
        self._headers = dict(headers)
        self._timeout_s = timeout_s
        self._redirects = redirects
        self._check = check
        self._queue: queue.Queue[Any] = queue.Queue(_QUEUED_PIECES)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, name="download", daemon=True)

    def items(self, cancel: Cancel) -> Iterator[Any]:
        """The Head and the pieces. Raises Broken, a ConsoleError, or Interrupted on request."""
        self._thread.start()
        while True:
            if cancel.is_set():
                raise Interrupted
            try:
                item = self._queue.get(timeout=_LOOK_S)
            except queue.Empty:
                continue
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            yield item

    def stop(self) -> None:
        """Tell the thread that nobody listens any more; it ends with its next byte or timeout."""
        self._stopped.set()

    def _put(self, item: Any) -> None:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=_LOOK_S)
            except queue.Full:
                continue
            return

    def _read(self) -> None:
        """The thread: everything that is received, then None, or what went wrong."""
        try:
            self._put_answer()
        except Exception as error:  # handed over to the thread that knows what to do
            self._put(_explained(error))
        else:
            self._put(None)

    def _put_answer(self) -> None:
        import urllib.request

        request = urllib.request.Request(self._url, headers=self._headers)
        opener = _opener(self._url, self._redirects, self._check)
        with opener.open(request, timeout=self._timeout_s) as response:
            self._put(_head(response))
            while not self._stopped.is_set() and (piece := response.read1(_PIECE_BYTES)):
                self._put(piece)


def _opener(url: str, redirects: int, check: Callable[..., None]) -> urllib.request.OpenerDirector:
    """An opener for http and https that follows checked redirects; no proxy for this machine."""
    import urllib.parse
    import urllib.request

    class Redirects(urllib.request.HTTPRedirectHandler):
        max_redirections = redirects
        max_repeats = redirects

        def redirect_request(self, req: Any, fp: Any, *details: Any) -> Any:
            try:
                check(details[-1], redirected_from=req.full_url)
            except ConsoleError:
                fp.close()
                raise
            return super().redirect_request(req, fp, *details)

    # Plain http is this machine alone (`check`), which no proxy can reach.
    local = urllib.parse.urlsplit(url).scheme == "http"
    proxies = [urllib.request.ProxyHandler({})] if local else []
    return urllib.request.build_opener(Redirects, *proxies)


def _explained(error: Exception) -> Exception:
    """What an exception of the standard library means: Broken if another attempt may help."""
    import http.client
    import ssl
    import urllib.error

    if isinstance(error, ConsoleError):
        return error
    if isinstance(error, urllib.error.HTTPError):
        return _status_error(error)
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return ToolFailed(
            "download.certificate",
            "the server's certificate is not trusted: {reason}",
            hint="Check the machine's date and its certificates (a proxy may need its own, named "
            "by SSL_CERT_FILE), or name a mirror with --url.",
            reason=reason.verify_message,
        )
    if isinstance(reason, http.client.IncompleteRead | http.client.RemoteDisconnected):
        return Broken("the server closed the connection early")
    if isinstance(reason, TimeoutError):
        return Broken("the server was silent for too long")
    if isinstance(reason, OSError | http.client.HTTPException | str):
        return Broken(getattr(reason, "strerror", None) or str(reason) or type(reason).__name__)
    return error


def _status_error(error: Any) -> Exception:
    """What an HTTP status from 300 on means."""
    status = f"{error.code} {error.reason}".splitlines()[0]
    address = str(error.url).partition("?")[0]
    error.close()
    if error.code in _PASSING:
        return Broken(f"the server answered {status}")
    if error.code == 416:
        return Broken("the server has no such part of the file", stale=True)
    if error.code < 400:
        status = f"{error.code}, which leads to nothing that can be followed"
    return ToolFailed(
        "download.status",
        "{url} answered {status}",
        hint="Open the address in a browser. If the file has moved, name its address with --url.",
        url=address,
        status=status,
    )
