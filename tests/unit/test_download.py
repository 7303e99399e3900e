"""A download is whole or absent, whatever the server does, and never comes from an unsafe place."""

from __future__ import annotations

import json
import random
import shutil
import ssl
import subprocess
import threading

import pytest

from ascend_console.core.errors import ConsoleError, Interrupted, ToolFailed, UserError
from ascend_console.tools import download
from ascend_console.tools.download import Limits
from tests.data.file_server import WAIT_S, Script, serving

BODY = random.Random(7).randbytes(300_000)
QUICK = Limits(retries=2, wait_s=0.0)


@pytest.fixture
def part(tmp_path):
    return tmp_path / "deep" / "weights.pth.part"


def take(url, part, limits=QUICK, cancel=None):
    """Every state of a download."""
    return list(download.receive(url, part, cancel or threading.Event(), limits))


def note(part):
    return part.with_name(part.name + ".json")


def failure(kind, url, part, limits=QUICK):
    with pytest.raises(kind) as caught:
        take(url, part, limits)
    assert caught.value.hint
    return caught.value


def test_a_file_arrives_with_its_progress(part):
    """The plain case: every byte, and the announced size from the first state on."""
    with serving(Script(BODY)) as server:
        states = take(f"{server}/weights.pth", part)
    assert part.read_bytes() == BODY
    assert (states[0].done, states[-1].done) == (0, len(BODY))
    assert {state.total for state in states} == {len(BODY)}
    assert [state.done for state in states] == sorted(state.done for state in states)


def test_a_slow_server_shows_what_has_come(part):
    """A person sees that it goes on: progress comes while the server still holds the rest back."""
    script = Script(BODY, gate=threading.Event(), gate_after=1000)
    with serving(script) as server:
        for state in download.receive(f"{server}/f", part, threading.Event(), QUICK):
            if state.done == 1000:
                assert part.stat().st_size == 1000
                script.gate.set()
    assert part.read_bytes() == BODY


def test_a_silent_server_is_left_on_request(part):
    """Ctrl-C must not wait for a server that says nothing; what came is kept."""
    script = Script(BODY, gate=threading.Event(), gate_after=1000)
    cancel = threading.Event()
    with serving(script) as server:
        states = download.receive(f"{server}/f", part, cancel, QUICK)
        while next(states).done < 1000:
            pass
        cancel.set()
        with pytest.raises(Interrupted):
            next(states)
    assert part.stat().st_size == 1000


def test_a_server_that_stays_silent_is_given_up(part):
    """Each read has its time; silence is named as such."""
    script = Script(BODY, gate=threading.Event(), gate_after=1000)
    with serving(script) as server:
        limits = Limits(read_timeout_s=0.05, retries=1, wait_s=0.0)
        error = failure(ToolFailed, f"{server}/f", part, limits)
    assert (error.id, error.exit_code) == ("download.broken", 3)
    assert "silent" in error.message
    assert "where it stopped" in error.hint


@pytest.mark.parametrize("told", [True, False], ids=["etag", "last-modified"])
def test_a_broken_connection_is_taken_up_where_it_stopped(part, told):
    """A hundred megabytes over a bad line arrive without being sent twice."""
    script = Script(BODY, cuts=[100_000, 50_000])
    if not told:
        script.etag, script.last_modified = 'W/"weak"', "Wed, 18 Nov 2026 10:00:00 GMT"
    with serving(script) as server:
        states = take(f"{server}/f", part)
    assert part.read_bytes() == BODY
    assert [entry.get("range") for entry in script.requests] == [
        None, "bytes=100000-", "bytes=150000-",
    ]  # fmt: skip
    assert script.requests[1]["if-range"] == (script.etag if told else script.last_modified)
    assert [state.note for state in states if state.note] == [
        "the connection ended after 100,000 of 300,000 bytes; trying again",
        "the connection ended after 150,000 of 300,000 bytes; trying again",
    ]


def test_a_later_start_goes_on_where_an_earlier_one_stopped(part):
    """Typing the same line again, with a new temporary key in the query, costs nothing."""
    script = Script(BODY, cuts=[100_000] + [0] * 9)
    with serving(script) as server:
        failure(ToolFailed, f"{server}/f?key=1", part)
        assert part.stat().st_size == 100_000
        assert "key" not in note(part).read_text()
        script.cuts.clear()
        script.requests.clear()
        states = take(f"{server}/f?key=2", part)
    assert [entry["range"] for entry in script.requests] == ["bytes=100000-"]
    assert states[0].done == 100_000
    assert part.read_bytes() == BODY


def test_a_whole_part_needs_no_connection(part):
    """Killed between the last byte and the name: nothing is left to fetch."""
    with serving(Script(BODY)) as server:
        take(f"{server}/f", part)
    assert take(f"{server}/f", part) == []
    assert part.read_bytes() == BODY


def test_a_server_without_ranges_starts_over(part):
    """Bytes of two answers are never mixed: the whole file comes again."""
    script = Script(BODY, ranges=False, cuts=[100_000])
    with serving(script) as server:
        states = take(f"{server}/f", part)
    assert part.read_bytes() == BODY
    assert any("starting over" in state.note for state in states)


@pytest.mark.parametrize(
    "change",
    [{"etag": '"two"'}, {"etag": None}, {"etag": 'W/"one"'}],
    ids=["another", "none", "weak"],
)
def test_a_file_that_changed_meanwhile_is_taken_anew(part, change):
    """The head of one file and the tail of another would be no checkpoint at all."""
    script = Script(BODY, cuts=[100_000] + [0] * 9)
    with serving(script) as server:
        failure(ToolFailed, f"{server}/f", part)
        for name, value in {**change, "body": BODY[::-1], "cuts": []}.items():
            setattr(script, name, value)
        take(f"{server}/f", part)
    assert part.read_bytes() == BODY[::-1]


def test_without_a_mark_of_the_file_nothing_is_resumed(part):
    """No ETag and no date: the rest could be that of another file."""
    script = Script(BODY, etag=None, cuts=[100_000])
    with serving(script) as server:
        take(f"{server}/f", part)
    assert [entry.get("range") for entry in script.requests] == [None, None]
    assert part.read_bytes() == BODY


@pytest.mark.parametrize(
    "left",
    [b"", b"no json", b"[]", b'{"address": 1, "validator": 2}', b'{"validator": "x"}'],
)
def test_an_odd_rest_is_no_obstacle(part, left):
    """A note that was damaged, or is of something else, counts as none."""
    part.parent.mkdir()
    part.write_bytes(b"rubbish")
    note(part).write_bytes(left)
    with serving(Script(BODY)) as server:
        take(f"{server}/f", part)
    assert part.read_bytes() == BODY


@pytest.mark.parametrize("size", [400_000, 300_000])
def test_a_rest_that_the_server_does_not_have_is_dropped(part, size):
    """The published file became shorter: 416, and then the whole of it."""
    script = Script(BODY)
    with serving(script) as server:
        part.parent.mkdir()
        part.write_bytes(bytes(size))
        left = {"address": f"{server}/f", "validator": '"one"', "total": 500_000}
        note(part).write_text(json.dumps(left))
        take(f"{server}/f", part)
    assert part.read_bytes() == BODY


def test_a_server_that_promises_too_much_is_an_error(part):
    """Content-Length lies: the file is not whole, and is never taken for it."""
    script = Script(BODY, length=len(BODY) + 5)
    with serving(script) as server:
        error = failure(ToolFailed, f"{server}/f", part)
    assert error.id == "download.broken"
    assert "300,000 of 300,005 bytes" in error.message
    script.ranges = False
    with serving(script) as server:
        assert failure(ToolFailed, f"{server}/f", part).id == "download.broken"


def test_a_server_that_tells_no_length_is_believed(part):
    """HTTP/1.0 servers say nothing; the end of the connection is the end."""
    with serving(Script(BODY, length_told=False)) as server:
        states = take(f"{server}/f", part)
    assert part.read_bytes() == BODY
    assert {state.total for state in states} == {None}


def test_chunks_are_put_together(part):
    """Servers that make the answer on the way send it so; an answer that breaks off is noticed."""
    chunked = {"Transfer-Encoding": "chunked"}
    script = Script(b"5\r\nhello\r\n0\r\n\r\n", length_told=False, headers=chunked)
    with serving(script) as server:
        take(f"{server}/f", part)
    assert part.read_bytes() == b"hello"
    download.discard(part)
    script.body = b"5\r\nhello\r\n5\r\nwor"
    with serving(script) as server:
        assert "closed the connection" in failure(ToolFailed, f"{server}/f", part).message


def test_a_pause_between_attempts_ends_on_request(part):
    """Ctrl-C is heard while nothing is received, too."""

    class Leaving(threading.Event):
        def wait(self, timeout=None):
            return True

    with serving(Script(BODY, cuts=[1000])) as server, pytest.raises(Interrupted):
        take(f"{server}/f", part, cancel=Leaving())
    assert part.stat().st_size == 1000


@pytest.mark.parametrize(
    ("script", "error_id"),
    [
        (Script(BODY, content_type="text/html; charset=utf-8"), "download.page"),
        (Script(b"\n<!DOCTYPE html><title>Log in</title>"), "download.page"),
        (Script(b""), "download.unfit"),
        (Script(BODY, headers={"Content-Encoding": "gzip"}), "download.unfit"),
        (Script(BODY, length=5 << 30), "download.unfit"),
        (Script(BODY, statuses=[404]), "download.status"),
        (Script(BODY, statuses=[403]), "download.status"),
        (Script(BODY, statuses=[503] * 9), "download.broken"),
    ],
    ids=["html type", "html text", "empty", "gzip", "huge", "404", "403", "503"],
)
def test_something_else_than_the_file_is_named_as_what_it_is(part, script, error_id):
    """A log-in page under a checkpoint's name has cost many people an hour."""
    with serving(script) as server:
        error = failure(ToolFailed, f"{server}/f?secret=1", part)
    assert (error.id, error.exit_code) == (error_id, 3)
    assert "/f" in error.message
    assert "secret" not in error.message + error.hint
    assert not part.exists()
    assert not note(part).exists()


def test_a_server_that_is_busy_for_a_moment_is_asked_again(part):
    """503 today is 200 in a second."""
    with serving(Script(BODY, statuses=[503, 429])) as server:
        states = take(f"{server}/f", part)
    assert part.read_bytes() == BODY
    assert states[0].note.startswith("the server answered 503")


def test_nobody_at_the_address_is_named(part):
    """A refused connection says so, and what to check."""
    with serving(Script()) as server:
        pass
    error = failure(ToolFailed, f"{server}/f", part)
    assert "refused" in error.message
    assert "proxy" in error.hint


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_certificate_that_nobody_vouches_for_is_refused(part, tmp_path):
    """https means nothing where the other side is not checked; a retry would not help."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    argv = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
        "-keyout",
        key,
        "-out",
        certificate,
    ]
    subprocess.run(list(map(str, argv)), check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    script = Script(BODY)
    with serving(script, tls) as server:
        error = failure(ToolFailed, f"{server}/f", part)
    assert (error.id, error.exit_code) == ("download.certificate", 3)
    assert script.requests == []
    assert not part.exists()


def test_redirects_are_followed_with_the_range(part):
    """Release pages lead on to storage servers; the rest is asked for there."""
    script = Script(BODY, cuts=[100_000], redirects={"/a": "/b", "/b": "/c d"})
    with serving(script) as server:
        take(f"{server}/a", part)
    assert part.read_bytes() == BODY
    assert script.requests[-1]["range"] == "bytes=100000-"


@pytest.mark.parametrize(
    ("target", "error_id"),
    [
        ("/a", "download.status"),
        ("http://example.org/f", "download.redirect"),
        ("ftp://127.0.0.1/f", "download.redirect"),
        ("https://name:word@example.org/f", "download.redirect"),
        ("file:///etc/passwd", "download.status"),
    ],
)
def test_a_redirect_never_leads_to_an_unsafe_place(part, target, error_id):
    """An endless circle, plain http, other protocols: nothing is asked for there."""
    with serving(Script(BODY, redirects={"/a": target})) as server:
        error = failure(ToolFailed, f"{server}/a", part)
    assert error.id == error_id
    assert not part.exists()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.org/f", "plain http"),
        ("http://localhost.example.org/f", "plain http"),
        ("ftp://example.org/f", "https://"),
        ("file:///etc/passwd", "https://"),
        ("weights.pth", "https://"),
        ("https:///f", "https://"),
        ("https://example.org:port/f", "ort"),
        ("https://[::1/f", "IPv6"),
        ("https://user:word@example.org/f", "user name"),
        ("https://example.org/a b", "%XX"),
        ("https://example.org/\r\nHost: x", "%XX"),
        ("https://example.org/ä", "%XX"),
    ],
)
def test_an_address_that_is_unsafe_or_none_is_refused(part, url, said):
    """Wrong usage, before anything is opened."""
    error = failure(UserError, url, part)
    assert (error.id, error.exit_code) == ("download.url", 2)
    assert said in error.message
    assert not part.parent.exists()


@pytest.mark.parametrize(
    "url", ["http://[::1]:80/f", "http://localhost/f", "https://example.org/f"]
)
def test_a_safe_address_is_accepted(url):
    """https, and http on this machine."""
    download.check_url(url)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    """A folder where the file should go: an error with the path, no traceback."""
    blocked = tmp_path / "weights.part"
    blocked.mkdir()
    with serving(Script(BODY)) as server:
        error = failure(ConsoleError, f"{server}/f", blocked)
    assert (error.id, error.exit_code) == ("download.write", 3)
    assert str(blocked) in error.message


def test_no_thread_stays_behind(part):
    """The process ends when the work does."""
    with serving(Script(BODY)) as server:
        take(f"{server}/f", part)
        for thread in threading.enumerate():
            if thread.name == "download":
                thread.join(WAIT_S)
                assert not thread.is_alive()
