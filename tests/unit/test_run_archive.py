"""A run travels whole: what comes out of an archive is what went in, or nothing."""

from __future__ import annotations

import json
import os
import shutil
import stat
import threading
import zipfile
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascend_console.core import events
from ascend_console.core.errors import ConsoleError, Interrupted, ToolFailed, UserError
from ascend_console.tools import history, locks, run_archive, run_folder
from ascend_console.tools.run_format import (
    is_packed,
    is_run_id,
    is_safe_name,
    is_sound,
    read_manifest,
)
from ascend_console.tools.run_unpack import unpack
from tests.data.recorded_runs import record

NAME = "20261120-101500-ghostnet-3f9a"
UTC = "2026-11-21T08:00:00.000Z"
GO_ON = threading.Event()


@pytest.fixture
def folder(tmp_path):
    return record(tmp_path / "here", NAME)


@pytest.fixture
def archive(folder, tmp_path):
    run_archive.pack(folder, tmp_path / "run.zip", GO_ON)
    return tmp_path / "run.zip"


@pytest.fixture
def there(tmp_path):
    """The runs folder of the other machine."""
    return tmp_path / "there" / "runs"


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def rewrite(archive, change):
    """The archive with its members changed by a function of {name: bytes}."""
    with zipfile.ZipFile(archive) as source:
        members = {entry.filename: source.read(entry) for entry in source.infolist()}
    change(members)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in members.items():
            target.writestr(name, data)
    return archive


def reseal(members):
    """Make the manifest true again, as somebody would who means harm."""
    import hashlib

    manifest = json.loads(members["manifest.json"])
    manifest["files"] = [
        {"path": name.partition("/")[2], "bytes": len(data),
         "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in members.items()
        if name != "manifest.json"
    ]  # fmt: skip
    members["manifest.json"] = json.dumps(manifest).encode()


def refused(archive, runs, error=UserError):
    """The error of an import, and that nothing of it stays."""
    with pytest.raises(error) as caught:
        unpack(archive, runs, UTC, GO_ON)
    assert not runs.exists() or not list(runs.iterdir())
    assert caught.value.hint
    return caught.value


def test_a_run_arrives_as_it_left(folder, archive, there):
    """Files, environment and figures are those of the machine that made them."""
    placed, packed, is_new = unpack(archive, there, UTC, GO_ON)
    assert (placed, is_new) == (there / NAME, True)
    before, after = files_of(folder), files_of(placed)
    assert set(after) == set(before) - {"view.json"} == set(packed.files)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"run.json", "events.jsonl"}
    document = json.loads(after["run.json"])
    assert document.pop("imported") == {"at": UTC, "from": "run.zip"}
    assert document == json.loads(before["run.json"])
    (summary,) = history.summaries(there.parent)
    assert (summary.origin, summary.processor) == ("imported", "Some CPU")
    (original,) = history.summaries(folder.parents[1])
    assert original.origin == "local"
    assert summary._replace(origin="local") == original
    assert [path.name for path in there.iterdir()] == [NAME]


def test_recorded_paths_inside_the_run_become_relative(folder, archive, there):
    """The folder of the other machine does not exist here."""
    placed, _, _ = unpack(archive, there, UTC, GO_ON)
    view = run_folder.load(placed).view
    assert [item.path for item in view.artifacts] == ["export/ghostnet.onnx"]
    assert str(folder.parent) not in (placed / "events.jsonl").read_text()
    untouched = zip(
        (folder / "events.jsonl").read_text().splitlines(),
        (placed / "events.jsonl").read_text().splitlines(),
        strict=True,
    )
    assert sum(one != two for one, two in untouched) == 1


def test_the_same_run_gives_the_same_bytes(folder, archive, there, tmp_path):
    """An archive of an import is the archive that was imported."""
    placed, _, _ = unpack(archive, there, UTC, GO_ON)
    run_archive.pack(placed, tmp_path / "again.zip", GO_ON)
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def test_what_belongs_to_the_moment_is_left_out(folder, tmp_path):
    """No lock, no request to stop, nothing hidden, no link leaves this machine."""
    (folder / "cancel").touch()
    (folder / ".events.123.tmp.jsonl").touch()
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "file").touch()
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "linked").symlink_to("/etc")
    packed = run_archive.pack(folder, tmp_path / "a.zip", GO_ON)
    assert set(packed.files) == {
        "run.json", "events.jsonl", "verdict.json", "export/ghostnet.onnx",
    }  # fmt: skip
    assert packed.left_out == ("link", "linked")


def test_a_living_run_is_not_packed(folder, tmp_path):
    """Half a run would look like a whole one."""
    lock = locks.FileLock(folder / "run.lock")
    assert lock.acquire()
    with pytest.raises(UserError) as caught:
        run_archive.pack(folder, tmp_path / "a.zip", GO_ON)
    lock.release()
    assert caught.value.id == "archive.alive"
    assert list(tmp_path.glob("*.zip")) == []


def test_a_run_that_was_interrupted_can_be_packed(tmp_path, there):
    """Its torn last line goes along, and is passed over there as here."""
    folder = record(tmp_path / "here", NAME, ending=None)
    with (folder / "events.jsonl").open("ab") as stream:
        stream.write(b'{"schema": 1, "event": "Prog')
    run_archive.pack(folder, tmp_path / "a.zip", GO_ON)
    placed, _, _ = unpack(tmp_path / "a.zip", there, UTC, GO_ON)
    assert run_folder.load(placed).state == "interrupted"


def test_nothing_recorded_is_nothing_to_pack(tmp_path):
    """An empty folder is no run."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError):
        run_archive.pack(tmp_path / "empty", tmp_path / "a.zip", GO_ON)


def test_a_stop_leaves_no_half_archive(folder, tmp_path):
    """Ctrl-C while a large run is packed."""
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Interrupted):
        run_archive.pack(folder, tmp_path / "a.zip", cancel)
    assert list(tmp_path.iterdir()) == [tmp_path / "here"]


def test_an_import_again_changes_nothing(archive, there):
    """A script may import what is here already."""
    placed, _, _ = unpack(archive, there, UTC, GO_ON)
    before = files_of(placed)
    assert unpack(archive, there, "2027-01-01T00:00:00.000Z", GO_ON)[2] is False
    assert files_of(placed) == before


def test_the_original_is_recognised_on_its_own_machine(folder, archive):
    """What comes back is what left."""
    assert unpack(archive, folder.parent, UTC, GO_ON)[2] is False
    assert "imported" not in json.loads((folder / "run.json").read_text())


def test_another_run_of_the_same_id_is_not_overwritten(folder, archive):
    """Two machines may have named a run alike."""
    (folder / "verdict.json").write_text("{}")
    with pytest.raises(UserError) as caught:
        unpack(archive, folder.parent, UTC, GO_ON)
    assert caught.value.id == "archive.exists"
    assert "runs delete" in caught.value.hint
    assert (folder / "verdict.json").read_text() == "{}"


def test_what_a_killed_import_left_is_removed(archive, there):
    """kill -9 in the middle leaves nothing that stays."""
    (there / ".import" / "half").mkdir(parents=True)
    unpack(archive, there, UTC, GO_ON)
    assert [path.name for path in there.iterdir()] == [NAME]
    assert not (there / NAME / "half").exists()


def test_imports_take_turns(archive, there):
    """The second one waits, and stops waiting on request."""
    there.mkdir(parents=True)
    lock = locks.FileLock(there / ".import.lock")
    assert lock.acquire()
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Interrupted):
        unpack(archive, there, UTC, cancel)
    lock.release()
    assert unpack(archive, there, UTC, GO_ON)[2]


@pytest.mark.parametrize(
    "name",
    ["../evil", f"{NAME}/../../evil", "/etc/evil", "C:/evil", "C:evil", "..\\evil",
     f"{NAME}/a\\..\\..\\evil", f"{NAME}//evil", f"{NAME}/./evil", "\\\\host\\share\\evil"],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(archive, there, name):
    """An archive must not write over the user's files."""

    def add(members):
        members[name] = b"x"

    assert refused(rewrite(archive, add), there).id == "archive.unsafe"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_are_refused(archive, there, kind):
    """A link inside the folder leads out of it."""
    entry = zipfile.ZipInfo(f"{NAME}/link")
    entry.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(archive, "a") as target:
        target.writestr(entry, "/etc/passwd")
    assert refused(archive, there).id == "archive.unsafe"


@pytest.mark.parametrize("name", ["run.lock", "cancel", "view.json", ".hidden", "a/.tmp/b"])
def test_files_that_no_export_makes_are_refused(archive, there, name):
    """A forged view would show figures that the events do not tell."""

    def add(members):
        members[f"{NAME}/{name}"] = b"{}"
        reseal(members)

    refused(rewrite(archive, add), there)


def test_a_file_that_is_also_a_folder_is_refused(archive, there):
    """Bad input is no failure of the system."""

    def add(members):
        members[f"{NAME}/run.json/x"] = b"x"
        reseal(members)

    assert refused(rewrite(archive, add), there).id == "archive.unsafe"


def test_a_bomb_is_refused_before_it_is_unpacked(archive, there):
    """A small file must not fill the disk."""

    def add(members):
        members[f"{NAME}/zeros.log"] = bytes(65 << 20)
        reseal(members)

    assert refused(rewrite(archive, add), there).id == "archive.unsafe"


def test_a_size_that_lies_is_noticed(archive, there):
    """No more is written than the archive promised."""
    with zipfile.ZipFile(archive) as source:
        entry = source.getinfo(f"{NAME}/verdict.json")
    raw = archive.read_bytes()
    size = entry.file_size.to_bytes(4, "little")
    assert size in raw
    archive.write_bytes(raw.replace(size, (entry.file_size - 1).to_bytes(4, "little")))
    refused(archive, there)


def drop(name):
    return lambda members: members.pop(name)


def put(name, text):
    def change(members):
        members[name] = text.encode()

    return change


def forge(name, change):
    """A document changed by a function, with a manifest that agrees."""

    def forged(members):
        document = json.loads(members[f"{NAME}/{name}"])
        change(document)
        members[f"{NAME}/{name}"] = json.dumps(document).encode()
        reseal(members)

    return forged


def manifest(**changes):
    def change(members):
        document = json.loads(members["manifest.json"])
        members["manifest.json"] = json.dumps(document | changes).encode()

    return change


def forge_events(line):
    def change(members):
        members[f"{NAME}/events.jsonl"] += line.encode() + b"\n"
        reseal(members)

    return change


@pytest.mark.parametrize(
    "change",
    [
        drop("manifest.json"),
        drop(f"{NAME}/run.json"),
        drop(f"{NAME}/export/ghostnet.onnx"),
        put(f"{NAME}/extra", "x"),
        put(f"{NAME}/verdict.json", "{}"),
        put("manifest.json", "[]"),
        put("manifest.json", "{"),
        put("manifest.json", "[" * 99_999),
        manifest(schema=2),
        manifest(schema=None),
        manifest(kind="other"),
        manifest(run_id="../x"),
        manifest(run_id=".hidden"),
        manifest(run_id=7),
        manifest(run_id="other"),
        manifest(files=None),
        manifest(files=[1]),
        manifest(files=[{"path": "run.json", "bytes": -1, "sha256": ""}]),
        forge("run.json", lambda document: document.update(schema=2)),
        forge("run.json", lambda document: document.update(run_id="other")),
        forge("run.json", lambda document: document.update(request=[])),
        forge("run.json", lambda document: document.update(model={})),
        forge("run.json", lambda document: document.update(model="\ud800")),
        forge("run.json", lambda document: document.update(cores=float("nan"))),
        forge("verdict.json", lambda document: document.update(performance={})),
        forge("verdict.json", lambda document: document.update(reasons=[{}])),
        forge_events("no json"),
        forge_events("[]"),
        forge_events('{"schema": 2, "event": "JobStarted"}'),
        forge_events('{"schema": 1, "event": "Progress", "done": "x", "total": 1, "unit": "a"}'),
        forge_events('{"schema": 1, "event": "Progress", "done": 1, "total": 1, "unit": [1]}'),
        forge_events('{"schema": 1, "event": "Measured", "name": 1, "value": 1, "unit": ""}'),
        forge_events('{"schema": 1, "event": "JobCancelled", "elapsed_s": 1e300}'),
        forge_events('{"schema": 1, "event": "JobCancelled", "elapsed_s": NaN}'),
        forge_events('{"schema": 1, "event": "RowAdded", "table": "reasons", "row": {}}'),
        forge_events('{"schema": 1, "event": ["JobStarted"]}'),
    ],
    ids=lambda change: change.__qualname__.split(".")[0],
)
def test_what_is_no_archive_of_a_run_is_refused(archive, there, change):
    """A wrong figure from elsewhere is worse than none."""
    assert refused(rewrite(archive, change), there).exit_code == 2


def test_events_of_a_newer_console_are_kept(archive, there):
    """Readers ignore what they do not know."""
    line = '{"schema": 1, "event": "Invented", "of": "tomorrow"}'
    placed, _, _ = unpack(rewrite(archive, forge_events(line)), there, UTC, GO_ON)
    assert (placed / "events.jsonl").read_text().endswith(line + "\n")


def test_no_room_is_said_before_anything_is_written(archive, there, monkeypatch):
    """A full disk is the system's failure, and the sizes are named."""
    usage = shutil.disk_usage(archive.parent)._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert "1 MB are free" in refused(archive, there, ToolFailed).message


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """The bytes of a good archive, and a place to try damaged ones."""
    place = tmp_path_factory.mktemp("sealed")
    run_archive.pack(record(place / "here", NAME), place / "good.zip", GO_ON)
    return place, (place / "good.zip").read_bytes()


@settings(max_examples=200, deadline=None)
@given(
    where=st.integers(0, 1 << 16),
    data=st.binary(min_size=1, max_size=8) | st.just(b"\x00" * 64) | st.just(b""),
)
def test_a_damaged_archive_is_refused_or_harmless(sealed, where, data):
    """Bytes are lost on the way: the run arrives as it was, or not at all."""
    place, good = sealed
    at = where % len(good)
    raw = good[:at] + data + good[at + len(data) :] if data else good[:at]
    (place / "bad.zip").write_bytes(raw)
    runs = place / "there" / "runs"
    shutil.rmtree(runs, ignore_errors=True)
    try:
        placed, _, _ = unpack(place / "bad.zip", runs, UTC, GO_ON)
    except ConsoleError:
        assert not runs.exists() or not list(runs.iterdir())
    else:
        expected = files_of(place / "here" / "runs" / NAME)
        found = files_of(placed)
        for name in ("verdict.json", "export/ghostnet.onnx"):
            assert found[name] == expected[name]


@given(st.text(max_size=30) | st.sampled_from(["..", "a/../b", "a/b", "C:x", "a\\b", "/", "a//b"]))
def test_a_safe_name_stays_in_its_folder(name):
    """Whatever the name: the file it leads to lies below the folder, on every system."""
    if is_safe_name(name):
        base = Path("/base/run")
        inside = Path(os.path.normpath(base / name))
        assert inside != base
        assert inside.is_relative_to(base)
        windows = PureWindowsPath("C:/base", name)
        assert windows.is_relative_to("C:/base")
        assert ".." not in windows.parts
    if is_run_id(name):
        assert len(Path(name).parts) == 1
        assert not name.startswith(".")


LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="/\0")
FILE_NAMES = st.lists(st.text(LETTERS, min_size=1, max_size=12), min_size=1, max_size=3).map(
    "/".join
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(FILE_NAMES.filter(is_packed), st.binary(max_size=50), max_size=4))
def test_any_file_names_survive_the_journey(tmp_path_factory, found):
    """Blanks, quotes, CJK and newlines are names like others."""
    place = tmp_path_factory.mktemp("names")
    folder = record(place / "here", NAME)
    for name, data in found.items():
        path = folder / "infer" / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except OSError:  # another one is a folder of this name, or the name is too long
            continue
    run_archive.pack(folder, place / "a.zip", GO_ON)
    placed, _, _ = unpack(place / "a.zip", place / "there" / "runs", UTC, GO_ON)
    before, after = files_of(folder / "infer"), files_of(placed / "infer")
    assert before == after


def test_a_name_that_others_cannot_hold_is_said(folder, tmp_path):
    """Better here than on the other machine."""
    (folder / "a\\b").touch()
    with pytest.raises(UserError) as caught:
        run_archive.pack(folder, tmp_path / "a.zip", GO_ON)
    assert caught.value.id == "archive.name"
    (folder / "a\\b").unlink()
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).touch()
    with pytest.raises(UserError):
        run_archive.pack(folder, tmp_path / "a.zip", GO_ON)


def test_our_own_events_are_sound():
    """The check must not refuse what the console writes."""
    for event in (
        events.JobStarted("run", "ghostnet"),
        events.Progress(1, None, "images"),
        events.Measured("a", None, "ms"),
        events.RowAdded("summary", {"a": 1}),
        events.Warned("a", "b", "c", {"d": "e"}),
        events.JobSucceeded(),
        events.JobFailed("a", "b", "c", 3, {"x": "y"}),
    ):
        assert is_sound(events.to_json(events.Record("r", 0, UTC, 1.5, event)))


def test_a_manifest_needs_each_name_once():
    """Two hashes for one file would leave the choice to the reader."""
    entry = {"path": "a", "bytes": 1, "sha256": "00"}
    document = {"schema": 1, "kind": "ascend-console run", "run_id": "r", "files": [entry] * 2}
    assert isinstance(read_manifest(json.dumps(document).encode()), str)
