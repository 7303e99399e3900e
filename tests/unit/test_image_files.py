"""Unusual images are read as the published scripts read them and told; bad ones are named."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import sys
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from ascend_console.core.errors import BackendUnavailable, UserError
from ascend_console.core.variants import VARIANTS
from ascend_console.tools import images

if TYPE_CHECKING:
    from pathlib import Path

    from ascend_console.core.specs import Preprocess

RESNET = VARIANTS["resnet"]
NO_FORMAT = "its content is none of JPEG, PNG, BMP, WEBP, GIF, PPM"


def picture(width: int, height: int) -> Image.Image:
    """Smooth ramps in three directions."""
    y, x = np.mgrid[0:height, 0:width]
    planes = (3 * x + y, x + 2 * y + 85, 5 * x + 170)
    return Image.fromarray(np.stack(planes, axis=2).astype(np.uint8))


def png(rows: bytes, *, width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG file around raw rows, also with sizes that lie."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def exif(orientation: int) -> bytes:
    return b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01" + struct.pack(
        ">HHIHHI", 0x0112, 3, 1, orientation, 0, 0
    )


# --- unusual images ------------------------------------------------------------------------------


def odd_images(folder: Path) -> dict[str, Path]:
    """One file for each note."""
    base = picture(64, 48)
    wide = (np.arange(64 * 48, dtype=np.uint16) * 20).reshape(48, 64)
    palette = base.quantize(16)
    palette.info["transparency"] = bytes(range(0, 160, 10))
    files = {
        "plain": ("plain.jpg", base, {}),
        "grayscale": ("gray.jpg", base.convert("L"), {}),
        "cmyk": ("cmyk.jpg", base.convert("CMYK"), {}),
        "alpha": ("alpha.png", base.convert("RGBA"), {}),
        "palette_transparency": ("palette.png", palette, {}),
        "16bit": ("deep.png", Image.fromarray(wide), {}),
        "exif_rotated": ("turned.jpg", base, {"exif": exif(6)}),
        "animated": ("moving.webp", base, {"save_all": True, "append_images": [base.rotate(90)]}),
    }
    paths = {}
    for note, (name, image, options) in files.items():
        paths[note] = folder / name
        image.save(paths[note], **options)
    paths["wrong_extension"] = folder / "ILSVRC2012_val_00105.JPEG"
    base.save(paths["wrong_extension"], format="PNG")
    return paths


NOTES = {
    "plain": (),
    "16bit": ("grayscale", "16bit"),
}


def test_unusual_images_are_read_as_pillow_reads_them_and_told(tmp_path: Path) -> None:
    """The published scripts convert to RGB and ask nothing; the user should know where."""
    for note, path in odd_images(tmp_path).items():
        decoded = images.decode(path)
        with Image.open(path) as source:
            source.info.pop("transparency", None)
            expected = np.asarray(source.convert("RGB"))
        assert np.array_equal(np.asarray(decoded.image), expected), note
        assert decoded.notes == NOTES.get(note, (note,))


def test_sixteen_bit_colour_is_told(tmp_path: Path) -> None:
    """Pillow keeps the high byte of a 16-bit RGB file and calls the mode plain RGB."""
    rows = b"".join(b"\0" + bytes(6 * 8) for _ in range(8))
    path = tmp_path / "deep.png"
    path.write_bytes(png(rows, width=8, height=8, depth=16, colour=2))
    assert images.decode(path).notes == ("16bit",)


def test_exif_rotation_is_applied_only_where_opencv_reads(tmp_path: Path) -> None:
    """The script of the built-in SE-ResNet50 reads with OpenCV, which turns the picture."""
    pytest.importorskip("cv2")
    path = tmp_path / "turned.jpg"
    picture(64, 48).save(path, exif=exif(6))
    assert images.decode(path).image.size == (64, 48)
    assert images.decode(path, "opencv").image.size == (48, 64)
    assert images.decode(path, "opencv").notes == ("exif_rotated",)


@given(st.binary(max_size=60))
def test_orientation_of_any_bytes_is_a_number(data: bytes) -> None:
    """EXIF data is written by cameras, editors and bugs; none may stop a run."""
    for head in (b"", b"Exif\0\0II*\0\x08\0\0\0", b"Exif\0\0MM\0*\0\0\0\x08"):
        assert images.exif_orientation(head + data) in range(9)


def test_damaged_exif_warns_nobody(tmp_path: Path) -> None:
    """Warnings of Pillow must not end up between our lines; here they would fail the test."""
    path = tmp_path / "a.jpg"
    torn = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x1a\x01\x05\0\x01\0\0\0\xff\xff\0\0"
    picture(40, 40).save(path, exif=torn)
    assert images.decode(path).image.size == (40, 40)


# --- bad images ----------------------------------------------------------------------------------


def refusal(path: Path, variant: Preprocess = RESNET) -> UserError:
    with pytest.raises(UserError) as caught:
        images.preprocess_file(path, variant)
    assert caught.value.id == "image.bad"
    assert caught.value.values["path"] == str(path)
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_an_image_cut_at_any_eighth_is_refused(suffix: str, tmp_path: Path) -> None:
    """Half an image would be judged as a wrong answer of the model."""
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    whole = tmp_path / f"whole{suffix}"
    noise = np.random.default_rng(3).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(noise).save(whole)
    data = whole.read_bytes()
    for eighth in range(8):
        path = tmp_path / f"cut{eighth}{suffix}"
        path.write_bytes(data[: len(data) * eighth // 8])
        assert refusal(path).values["reason"]


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    """The message says which file and what it is instead."""
    reasons = {}
    for name, data in {"text.jpg": b"hello", "page.png": b"<html>", "empty.jpg": b""}.items():
        path = tmp_path / name
        path.write_bytes(data)
        reasons[name] = refusal(path).values["reason"]
    (tmp_path / "folder.jpg").mkdir()
    reasons["folder.jpg"] = refusal(tmp_path / "folder.jpg").values["reason"]
    reasons["absent.jpg"] = refusal(tmp_path / "absent.jpg").values["reason"]
    assert reasons == {
        "text.jpg": NO_FORMAT,
        "page.png": NO_FORMAT,
        "empty.jpg": "the file is empty",
        "folder.jpg": "it is a folder",
        "absent.jpg": "No such file or directory",
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    """Opening it would hang the run for ever."""
    os.mkfifo(tmp_path / "pipe.jpg")
    assert refusal(tmp_path / "pipe.jpg").values["reason"] == "it is no regular file"


def test_a_program_in_an_image_file_is_not_run(tmp_path: Path) -> None:
    """Pillow hands PostScript to Ghostscript; a data set may not start programs."""
    path = tmp_path / "a.jpg"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    assert refusal(path).values["reason"] == NO_FORMAT


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    """A header can promise more pixels than there is memory."""
    path = tmp_path / "bomb.png"
    path.write_bytes(png(b"", width=60_000, height=60_000))
    assert "decompression bomb" in refusal(path).values["reason"]


def test_a_large_image_below_the_limit_warns_nobody(tmp_path: Path) -> None:
    """Between Pillow's warning and its limit only the missing pixels are wrong with the file."""
    path = tmp_path / "large.png"
    path.write_bytes(png(b"", width=10_000, height=10_000))
    assert "bomb" not in refusal(path).values["reason"]


def test_a_thread_of_pixels_is_refused_before_it_is_blown_up(tmp_path: Path) -> None:
    """Short side 1 to 256 makes gigabytes of a small file."""
    path = tmp_path / "thread.png"
    Image.new("RGB", (1, 40_000)).save(path)
    assert "1 x 40000" in refusal(path).values["reason"]


@given(data=st.data())
@settings(deadline=None, max_examples=150)
def test_flipped_bytes_give_an_image_or_a_refusal(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A damaged disk is no reason for a traceback."""
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "BMP", "GIF"]))
    stream = io.BytesIO()
    picture(24, 20).save(stream, kind)
    content = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("flip") / "a.jpg"
    path.write_bytes(content)
    with contextlib.suppress(UserError):
        images.decode(path)


def test_missing_opencv_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An absent extra says what it was for and what to type."""
    monkeypatch.setitem(sys.modules, "cv2", None)
    path = tmp_path / "a.png"
    Image.new("RGB", (9, 9)).save(path)
    with pytest.raises(BackendUnavailable) as caught:
        images.preprocess_file(path, VARIANTS["se_builtin"])
    assert "se_builtin" in caught.value.message
    assert "pip install 'ascend-console[opencv]'" in caught.value.hint
    images.require_library(RESNET)
