"""A file that is no checkpoint is called what it is, and code in it never runs."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascend_console.core.errors import UserError
from ascend_console.tools import torch_checkpoint
from ascend_console.tools.checkpoint_file import foreign_globals
from tests.data.small_network import (
    SMALL,
    SPECS,
    assert_same,
    build_small,
    refusal,
    saved,
    seeded_weights,
)

torch = pytest.importorskip("torch")


@pytest.fixture
def weights():
    return seeded_weights()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.pth"


class Bomb:
    """A pickle that creates a file when it is loaded."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def test_a_missing_file_is_named(path):
    """The commonest mistake of all."""
    assert refusal(path).id == "checkpoint.missing"


def test_a_folder_is_no_checkpoint(tmp_path):
    """Unpacked archives leave folders with the file's name."""
    assert refusal(tmp_path).id == "checkpoint.folder"


def test_a_device_is_no_checkpoint():
    """Opening a terminal or a pipe would wait for ever."""
    assert refusal(Path("/dev/null")).id == "checkpoint.special"


_FOREIGN = {
    "empty": (b"", "checkpoint.empty", "is empty"),
    "page": (b"\n<!DOCTYPE html><html>404</html>", "checkpoint.html", "web page"),
    "upper page": (b"<HTML><BODY>moved</BODY></HTML>", "checkpoint.html", "web page"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid", "checkpoint.lfs", "LFS"),
    "jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" * 9, "checkpoint.kind", "a JPEG image"),
    "text": ("weights of 模型\n".encode() * 600, "checkpoint.kind", "a text file"),
    "script pickle": (b"cos\nmkdir\n(S'x'\ntR.", "checkpoint.kind", "a text file"),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(60), "checkpoint.kind", "a gzip archive"),
    "safetensors": (b'\x10\0\0\0\0\0\0\0{"a":1}' + bytes(40), "checkpoint.kind", "safetensors"),
    "noise": (bytes(range(128, 256)) * 9, "checkpoint.kind", "no checkpoint"),
    "plain pickle": (pickle.dumps([1, 2]), "checkpoint.kind", "a pickle that torch did not write"),
    "cut pickle": (b"\x80\x02\x8a", "checkpoint.kind", "a pickle"),
}


@pytest.mark.parametrize(("data", "error", "words"), _FOREIGN.values(), ids=_FOREIGN)
def test_a_file_of_another_kind_is_called_what_it_is(data, error, words, path):
    """Failed downloads and wrong paths are told apart at a glance."""
    path.write_bytes(data)
    found = refusal(path)
    assert found.id == error
    assert words in found.message


def test_a_zip_of_other_files_names_the_checkpoint_inside(path):
    """DeepMAR's weights are published inside a zip archive."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/checkpoint.pth.tar", "x")
    found = refusal(path)
    assert found.id == "checkpoint.archive"
    assert "model/checkpoint.pth.tar" in found.hint


def test_a_torchscript_archive_is_refused(path):
    """It carries code, and no state_dict."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/constants.pkl", b"")
        archive.writestr("net/code/net.py", b"")
        archive.writestr("net/data.pkl", b"")
    assert refusal(path).id == "checkpoint.torchscript"


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_pickle_with_code_is_refused_and_not_run(legacy, tmp_path, path):
    """A checkpoint from the internet must not be able to do anything."""
    target = tmp_path / "was-here"
    document = {"state_dict": {"conv.weight": torch.ones(1), "x": Bomb(target)}}
    found = refusal(saved(document, path, _use_new_zipfile_serialization=not legacy))
    assert found.id == "checkpoint.code"
    assert "mkdir" in found.message
    assert not target.exists()


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_bare_pickle_with_code_is_refused_and_not_run(protocol, tmp_path, path):
    """Not only torch's own format can hide code behind the suffix."""
    target = tmp_path / "was-here"
    path.write_bytes(pickle.dumps(Bomb(target), protocol))
    found = refusal(path)
    assert found.id == "checkpoint.code"
    assert "mkdir" in found.message
    assert not target.exists()


def test_a_pickled_network_is_refused_with_the_way_out(path):
    """Saving the whole module is common, and loading it would import and run its class."""
    saved(build_small(), path)
    found = refusal(path)
    assert found.id == "checkpoint.code"
    assert "state_dict()" in found.hint
    assert foreign_globals(path, "zip")[0].startswith("torch.nn.modules")


def test_a_truncated_file_is_called_cut_off(weights, path):
    """Interrupted downloads are the commonest damage."""
    saved(weights, path)
    path.write_bytes(path.read_bytes()[:-200])
    assert refusal(path).id == "checkpoint.truncated"


def test_a_record_marked_as_a_folder_is_refused(weights, path):
    """torch would skip it and take whatever its memory held for the weights."""
    saved(weights, path)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        entry = data.index(b"PK\x01\x02", archive.start_dir)
    data[entry + 38] |= 0x10  # external attributes: the folder bit of DOS
    path.write_bytes(data)
    found = refusal(path)
    assert found.id == "checkpoint.damaged"
    assert "marked as a folder" in found.message


def test_a_truncated_old_file_is_called_damaged(weights, path):
    """The old format has no directory at its end to miss."""
    saved(weights, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:-10])
    assert refusal(path).id == "checkpoint.damaged"


def _bytes_of(legacy):
    stream = io.BytesIO()
    torch.save(build_small().state_dict(), stream, _use_new_zipfile_serialization=not legacy)
    return stream.getvalue()


@settings(max_examples=40, deadline=None)
@given(st.data())
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_file_cut_anywhere_is_refused(legacy, tmp_path_factory, data):
    """Every cut ends in one clear error, none in a traceback or in half of the weights."""
    whole = _bytes_of(legacy)
    path = tmp_path_factory.mktemp("cut") / "weights.pth"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert refusal(path).id.startswith("checkpoint.")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_flipped_bit_never_passes_unseen(tmp_path_factory, data):
    """torch itself does not compare checksums; a weight that changed on disk would count."""
    whole = bytearray(_bytes_of(legacy=False))
    expected = torch.load(io.BytesIO(whole), weights_only=True)
    position = data.draw(st.integers(0, len(whole) - 1))
    whole[position] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.mktemp("flip") / "weights.pth"
    path.write_bytes(whole)
    with contextlib.suppress(UserError):
        assert_same(torch_checkpoint.load_for(path, SMALL, SPECS), expected)
