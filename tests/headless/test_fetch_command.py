"""`fetch` ends with the whole, checked file, or with nothing and what to do."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import random
import threading
import zipfile

import pytest

from ascend_console.cli import main
from ascend_console.core import discovery
from ascend_console.core.errors import ToolFailed, UserError
from ascend_console.core.events import Answered, LogLine, Measured, Progress, StepStarted, Warned
from ascend_console.jobs._loop import run_job
from ascend_console.jobs.fetch import ENTRY, FetchRequest, fetch_checkpoint
from ascend_console.tools.locks import FileLock
from tests.data.file_server import Script, serving

MOCO = discovery.load("zoo", "moco_v2")
GHOSTNET = discovery.load("zoo", "ghostnet")


def checkpoint(seed=1, size=200_000):
    """A file in the format of torch.save, as far as it is looked at without torch."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
        archive.writestr("archive/data/0", random.Random(seed).randbytes(size))
    return out.getvalue()


BODY = checkpoint()


class Hurried(threading.Event):
    """A request to stop that never comes, and is not waited for between attempts."""

    def wait(self, timeout=None):
        return self.is_set()


@pytest.fixture
def call(tmp_path, capsys):
    """Run `fetch` in this process: (exit code, document or None, stderr)."""

    def run(*argv):
        words = ["--workspace", str(tmp_path / "workspace"), "--json", "fetch", *map(str, argv)]
        code = main(words)
        seen = capsys.readouterr()
        return code, json.loads(seen.out) if seen.out else None, seen.err

    return run


def verified_spec(body, url):
    """GhostNet, published at `url` with the md5 of `body` in capitals, as its guide prints it."""
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest().upper()
    source = dataclasses.replace(GHOSTNET.checkpoint, url=url, md5=md5)
    return dataclasses.replace(GHOSTNET, checkpoint=source)


def fetched(spec, env, **wanted):
    return list(fetch_checkpoint(spec, FetchRequest(model=spec.name, **wanted), env))


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_published_file_arrives_verified(env):
    """The md5 is compared without case; the file stands in the workspace under its own name."""
    script = Script(BODY, cuts=[50_000])
    with serving(script) as server:
        spec = verified_spec(BODY, f"{server}/state_dict.pth")
        events = fetched(spec, env)
    answer = events[-1]
    assert isinstance(answer, Answered)
    target = env.settings.workspace / "checkpoints" / "state_dict_73.98.pth"
    assert target.read_bytes() == BODY
    assert left(target.parent) == [target.name]
    assert {
        "schema": 1,
        "model": "ghostnet",
        "path": str(target),
        "bytes": len(BODY),
        "md5": hashlib.md5(BODY, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(BODY).hexdigest(),
        "verified": True,
        "downloaded": True,
    }.items() <= answer.document.items()
    assert [event.name for event in events if isinstance(event, StepStarted)] == [
        "download", "verify",
    ]  # fmt: skip
    progress = [event for event in events if isinstance(event, Progress)]
    assert progress[-1] == Progress(len(BODY), len(BODY), "bytes")
    assert any("trying again" in event.text for event in events if isinstance(event, LogLine))
    assert not any(isinstance(event, Warned) for event in events)
    script.requests.clear()
    again = fetched(spec, env)
    assert [event.document["downloaded"] for event in again] == [False]
    assert script.requests == []


def test_the_rate_is_measured(env, clock):
    """`112 MB, 8.1 MB/s` tells whether to wait or to look for a mirror."""
    clock.step_s = 0.5
    with serving(Script(BODY)) as server:
        events = fetched(verified_spec(BODY, f"{server}/f"), env)
    assert [event for event in events if isinstance(event, Measured)] == [
        Measured("download", len(BODY) / 0.5 / 1e6, "MB/s")
    ]


def test_a_file_without_a_published_checksum_is_called_unverified(call, tmp_path):
    """MoCo's file has none: its SHA-256 is recorded, and no one is told that it was checked."""
    target = tmp_path / "moco.pth.tar"
    script = Script(BODY)
    with serving(script) as server:
        argv = ("--model", "moco_v2", "--url", f"{server}/f?key=1", "--output", target)
        code, document, err = call(*argv)
        assert (code, document["verified"], document["downloaded"]) == (0, False, True)
        assert call(*argv)[:2] == (0, {**document, "downloaded": False})
    assert len(script.requests) == 1
    assert "unverified" in err
    assert "not the published address" in err
    assert document["sha256"] in err
    recorded = json.loads((tmp_path / "moco.pth.tar.sha256.json").read_text())
    assert recorded["sha256"] == hashlib.sha256(BODY).hexdigest()
    assert recorded["verified"] is False
    assert "key" not in recorded["url"]


@pytest.mark.parametrize(
    ("script", "error_id"),
    [
        (Script(b"<html>Log in</html>"), "download.page"),
        (Script(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "fetch.content"),
        (Script(BODY, length=len(BODY) - 9), "fetch.content"),
        (Script(BODY, length=len(BODY) + 9, ranges=False), "download.broken"),
        (Script(b"not found, sorry"), "fetch.content"),
    ],
    ids=["page", "lfs", "told too little", "told too much", "text"],
)
@pytest.mark.parametrize("spec", [MOCO, GHOSTNET], ids=lambda spec: spec.name)
def test_a_wrong_file_is_named_and_never_kept(env, tmp_path, spec, script, error_id):
    """Nothing that is no checkpoint ever stands under a checkpoint's name."""
    target = tmp_path / "weights.pth"
    env = dataclasses.replace(env, cancel=Hurried())
    with serving(script) as server, pytest.raises(ToolFailed) as caught:
        fetched(spec, env, output=target, url=f"{server}/f")
    assert (caught.value.id, caught.value.exit_code) == (error_id, 3)
    assert caught.value.hint
    assert ".part" not in caught.value.message
    assert not target.exists()
    if error_id != "download.broken":
        assert left(tmp_path) == ["workspace"]


def test_another_checkpoint_is_told_by_its_md5(call, tmp_path):
    """A whole, good-looking file that is not the published one: both checksums are shown."""
    target = tmp_path / "ghostnet.pth"
    with serving(Script(BODY)) as server:
        code, document, err = call(
            "--model", "ghostnet", "--url", f"{server}/f", "--output", target
        )
    assert (code, document) == (3, None)
    assert hashlib.md5(BODY, usedforsecurity=False).hexdigest() in err
    assert GHOSTNET.checkpoint.md5 in err
    assert not target.exists()


def test_a_file_that_stands_there_is_not_replaced_unasked(call, tmp_path):
    """It may be the user's own training."""
    target = tmp_path / "own.pth"
    target.write_bytes(b"own")
    with serving(Script(BODY)) as server:
        argv = ("--model", "moco_v2", "--url", f"{server}/f", "--output", target)
        code, _, err = call(*argv)
        assert (code, target.read_bytes()) == (2, b"own")
        assert "--yes" in err
        assert call(*argv, "--yes")[0] == 0
    assert target.read_bytes() == BODY


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (
            ["--model", "deepmar"],
            ("no direct link", "checkpoint.pth.tar", "unpack", "--checkpoint"),
        ),
        (["--model", "deepmar", "--url", "https://example.org/a.ZIP?x"], ("archive", "unpack")),
        (["--model", "ghostnet", "--url", "http://example.org/f"], ("plain http", "https://")),
        (["--model", "ghostnet", "--output", "."], ("folder", "state_dict_73.98.pth")),
        (["--model", "resnet"], ("resnet", "ghostnet")),
        ([], ("--model",)),
    ],
    ids=["no link", "archive", "http", "folder", "model", "nothing"],
)
def test_what_cannot_be_fetched_ends_in_2_with_what_to_do(call, argv, said):
    """DeepMAR has no direct link: the way to its file is told instead."""
    code, document, err = call(*argv)
    assert (code, document) == (2, None)
    assert "hint:" in err
    for piece in said:
        assert piece in err


def test_two_downloads_never_write_one_file(env, tmp_path):
    """The second says so, instead of mixing its bytes with the first one's."""
    lock = FileLock(tmp_path / ".w.pth.lock")
    assert lock.acquire()
    try:
        with pytest.raises(UserError) as caught:
            fetched(MOCO, env, output=tmp_path / "w.pth", url="http://127.0.0.1:9/f")
    finally:
        lock.release()
    assert caught.value.id == "fetch.busy"


def test_a_stopped_download_goes_on_the_next_time(env, sunk, tmp_path):
    """Ctrl-C costs nothing that has arrived."""
    target = tmp_path / "w.pth"
    script = Script(BODY, gate=threading.Event(), gate_after=70_000)

    def stop_in_the_middle(record):
        if record.event == Progress(70_000, len(BODY), "bytes"):
            env.cancel.set()

    with serving(script) as server:
        request = FetchRequest(model="moco_v2", output=target, url=f"{server}/f")
        env.cancel.clear()
        # The clock moves on, so that no progress is held back.
        env.clock.step_s = 1.0
        assert run_job(ENTRY, request, env, stop_in_the_middle) == 130
        assert not target.exists()
        assert left(tmp_path) == ["w.pth.part", "w.pth.part.json", "workspace"]
        script.gate.set()
        env.cancel.clear()
        assert run_job(ENTRY, request, env, sunk) == 0
    assert script.requests[-1]["range"] == "bytes=70000-"
    assert target.read_bytes() == BODY
    assert left(tmp_path) == ["w.pth", "w.pth.sha256.json", "workspace"]


def test_a_place_that_cannot_be_written_is_named(call, tmp_path):
    """A file where a folder is needed: no traceback."""
    (tmp_path / "file").write_text("")
    code, _, err = call(
        "--model",
        "moco_v2",
        "--url",
        "http://127.0.0.1:9/f",
        "--output",
        tmp_path / "file" / "w.pth",
    )
    assert code == 3
    assert "file" in err
