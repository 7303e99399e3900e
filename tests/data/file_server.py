"""A file server on this machine that serves one file well or badly, as a test tells it to."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

WAIT_S = 20.0


@dataclass
class Script:
    """What the server does; `requests` holds the headers of each GET, by lower-case name.

    `cuts` are body bytes after which the connection is closed, one a request, then none.
    `gate` is waited for after `gate_after` body bytes of every request.
    """

    body: bytes = b""
    ranges: bool = True
    etag: str | None = '"one"'
    last_modified: str | None = None
    content_type: str = "application/octet-stream"
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    length_told: bool = True
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    redirects: dict[str, str] = field(default_factory=dict)
    gate: threading.Event | None = None
    gate_after: int = 0
    requests: list[dict[str, str]] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    script: Script

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        script = self.script
        script.requests.append({name.lower(): value for name, value in self.headers.items()})
        status = script.statuses.pop(0) if script.statuses else 200
        if self.path in script.redirects:
            self.send_response(302)
            self.send_header("Location", script.redirects[self.path])
            self.end_headers()
        elif status != 200:
            self.send_error(status)
        else:
            self._send_file(script)

    def _start(self, script: Script) -> int:
        """The first byte that is asked for and may be given."""
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range") in (script.etag, script.last_modified)
        return int(wanted[1]) if wanted and same and script.ranges else 0

    def _send_file(self, script: Script) -> None:
        start = self._start(script)
        if start > len(script.body):
            self.send_error(416)
            return
        told = script.length if script.length is not None else len(script.body)
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", script.content_type)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{told - 1}/{told}")
        if script.length_told:
            self.send_header("Content-Length", str(told - start))
        for name, value in (("ETag", script.etag), ("Last-Modified", script.last_modified)):
            if value:
                self.send_header(name, value)
        for name, value in script.headers.items():
            self.send_header(name, value)
        self.end_headers()
        cut = script.cuts.pop(0) if script.cuts else len(script.body)
        self._send_body(script, script.body[start : start + cut])

    def _send_body(self, script: Script, body: bytes) -> None:
        try:
            if script.gate is not None:
                self.wfile.write(body[: script.gate_after])
                self.wfile.flush()
                script.gate.wait(WAIT_S)
                body = body[script.gate_after :]
            self.wfile.write(body)
        except OSError:
            pass  # the client has gone, as some tests want


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that go away, or trust no certificate, are what some tests want


@contextmanager
def serving(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve on 127.0.0.1; the address without a path is given."""
    handler = type("Handler", (_Handler,), {"script": script})
    with _Server(("127.0.0.1", 0), handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http{'s' * bool(tls)}://127.0.0.1:{server.server_address[1]}"
        finally:
            if script.gate is not None:
                script.gate.set()
            server.shutdown()
            thread.join()
