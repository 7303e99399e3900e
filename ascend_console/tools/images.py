"""Images: decode, resize, crop, normalise, bit for bit as the published scripts do.

Pillow does `Image.open(...).convert("RGB")` and nothing else: no EXIF rotation, alpha dropped, the
first picture of several. What is special about an image is told in `notes`:

    grayscale             one channel, repeated three times
    cmyk                  four inks, converted by the library's own formula
    alpha                 transparency, dropped
    palette_transparency  a palette with transparent entries, shown as opaque
    16bit                 16 bits a channel, cut or clipped to 8 by the library
    exif_rotated          an EXIF orientation: Pillow ignores it, OpenCV applies it
    wrong_extension       the content has another format than the name says
    animated              several pictures, of which the first is taken
"""

from __future__ import annotations

import functools
import re
import stat
import struct
import threading
import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from ascend_console.core.errors import BackendUnavailable, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image
    from PIL.ImageFile import ImageFile

    from ascend_console.core.specs import Preprocess

Library = Literal["pillow", "opencv"]

# Formats that are opened, whatever the name says. Of the others that Pillow knows, EPS starts a
# program and TIFF's library writes to stderr by itself.
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "GIF", "PPM")
_FORMATS_OF_SUFFIX = {
    ".jpg": ("JPEG", "MPO"),
    ".jpeg": ("JPEG", "MPO"),
    ".png": ("PNG",),
    ".bmp": ("BMP", "DIB"),
    ".webp": ("WEBP",),
}
# Pillow's own limit for a decompression bomb, held against the resized picture too.
_MAX_PIXELS = 2 * (1024 * 1024 * 1024 // 4 // 3)
# Just below the size beyond which glibc learns nothing from a freed block.
_LARGE_BLOCK_BYTES = 31 << 20
_FILTER_SUPPORT = {"bilinear": 1.0, "bicubic": 2.0}
_MAX_REASON = 200


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """An image as RGB pixels, with what was special about its file."""

    image: Image.Image
    notes: tuple[str, ...] = ()


def bad_image(path: Path, reason: object) -> UserError:
    """The error of an image that cannot be used."""
    text = " ".join(str(reason).split())[:_MAX_REASON]
    return UserError(
        "image.bad",
        "image {path!r} cannot be used: {reason}",
        hint="Replace or remove the file, or run again with --skip-bad-images.",
        path=path,
        reason=text or type(reason).__name__,
    )


# --- libraries -----------------------------------------------------------------------------------

_QUIET = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
_quiet_lock = threading.Lock()


@functools.cache
def _pillow() -> ModuleType:
    """PIL.Image with every plugin of `_FORMATS` registered, so that threads never race for it."""
    _keep_freed_memory()
    from PIL import (
        BmpImagePlugin,  # noqa: F401 - importing registers the format
        GifImagePlugin,  # noqa: F401
        Image,
        JpegImagePlugin,  # noqa: F401
        MpoImagePlugin,  # noqa: F401
        PngImagePlugin,  # noqa: F401
        PpmImagePlugin,  # noqa: F401
        WebPImagePlugin,  # noqa: F401
    )

    return Image


def _keep_freed_memory() -> None:
    """Let the C library keep what one image frees for the next, a tenth of the time per image.

    glibc returns freed memory to the system at once, until one large block was freed: then it keeps
    up to twice that size. The pages of this block are never touched; elsewhere nothing changes.
    """
    import numpy as np

    np.empty(_LARGE_BLOCK_BYTES, np.uint8)


def _silence_pillow() -> None:
    """Let no warning of Pillow out: about damaged EXIF data, bombs, palettes.

    One lasting filter, since `warnings.catch_warnings` changes the filters of all threads.
    """
    if _QUIET in warnings.filters:
        return
    with _quiet_lock:
        if _QUIET not in warnings.filters:
            warnings.filterwarnings("ignore", module=r"PIL\.")


def require_library(variant: Preprocess) -> None:
    """Raise BackendUnavailable where the library that `variant` resizes with is not installed."""
    if variant.library == "opencv":
        _opencv(variant.name)


def _opencv(purpose: str) -> Any:
    try:
        import cv2
    except ImportError as error:
        raise BackendUnavailable(
            "extra.opencv",
            "preprocessing {purpose!r} resizes with OpenCV, whose extra 'opencv' is not installed",
            hint="Type: pip install 'ascend-console[opencv]'",
            purpose=purpose,
        ) from error
    return cv2


def fingerprint(variant: Preprocess) -> dict[str, Any]:
    """Everything that the pixels of a sample depend on: the variant's rules, decoder, versions.

    Versions belong to it: Pillow 13 rounds differently from 12 where an image loses much height.
    """
    from PIL import __version__, features

    versions = {"pillow": __version__, "libjpeg_turbo": features.version("libjpeg_turbo")}
    if variant.library == "opencv":
        versions["opencv"] = _opencv(variant.name).__version__
    rules = {key: value for key, value in asdict(variant).items() if key not in ("name", "source")}
    return {**rules, "decoder": versions}


def decode(path: Path, library: Library = "pillow") -> DecodedImage:
    """The pixels of an image file as RGB.

    `library` decodes: the script that resizes with OpenCV also reads with it, which differs for
    CMYK, 16-bit and EXIF-rotated files. Raises UserError `image.bad` for anything that is no whole
    image; BackendUnavailable without OpenCV.
    """
    pillow = _pillow()
    _silence_pillow()
    _require_content(path)
    try:
        with path.open("rb") as stream:
            source = pillow.open(stream, formats=_FORMATS)
            notes = tuple(_notes(source, path))
            source.load()
            image = source if source.mode == "RGB" else source.convert("RGB")
    except pillow.UnidentifiedImageError as error:
        raise bad_image(path, f"its content is none of {', '.join(_FORMATS)}") from error
    except OSError as error:
        raise bad_image(path, error.strerror or error) from error
    except Exception as error:  # a decoder fails in any way on what a damaged header makes it do
        raise bad_image(path, error) from error
    return DecodedImage(_opencv_pixels(path) if library == "opencv" else image, notes)


def _require_content(path: Path) -> None:
    """Refuse what cannot be read to its end: folders, pipes, empty and missing files."""
    try:
        status = path.stat()
    except OSError as error:
        raise bad_image(path, error.strerror or error) from error
    if stat.S_ISDIR(status.st_mode):
        raise bad_image(path, "it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise bad_image(path, "it is no regular file")
    if status.st_size == 0:
        raise bad_image(path, "the file is empty")


def _opencv_pixels(path: Path) -> Image.Image:
    """Pixels as `cv2.imread` gives them, in RGB order."""
    import numpy as np

    cv2 = _opencv("se_builtin")
    try:
        pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise bad_image(path, f"OpenCV cannot read it: {error}") from error
    if pixels is None:
        raise bad_image(path, "OpenCV cannot read it")
    image: Image.Image = _pillow().fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    return image


def _notes(source: ImageFile, path: Path) -> Iterator[str]:
    """What is special about an opened file that is not loaded yet: loading forgets how it came.

    The words are those of the module docstring.
    """
    mode, info = source.mode, source.info
    raw_mode = str(source.tile[0].args) if source.tile else ""
    if mode in ("1", "L", "LA", "I", "F") or mode.startswith("I;"):
        yield "grayscale"
    if mode == "CMYK":
        yield "cmyk"
    if mode in ("RGBA", "RGBa", "LA", "PA") or ("transparency" in info and mode != "P"):
        yield "alpha"
    if mode == "P" and "transparency" in info:
        yield "palette_transparency"
    if mode.startswith("I") or ";16" in raw_mode:
        yield "16bit"
    if exif_orientation(info.get("exif", b"")) not in (0, 1):
        yield "exif_rotated"
    expected = _FORMATS_OF_SUFFIX.get(path.suffix.lower())
    if expected and source.format not in expected:
        yield "wrong_extension"
    if getattr(source, "is_animated", False):
        yield "animated"


def exif_orientation(exif: bytes) -> int:
    """The orientation tag (0x0112) of raw EXIF data; 0 where there is none or the data is damaged.

    Pillow's own reader warns about damaged data and decides more than is asked here.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 0
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, start)
        for index in range(count):
            tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, start + 2 + 12 * index)
            if tag == 0x0112:
                return int(value) if 1 <= value <= 8 else 0
    except struct.error:
        return 0
    return 0


def scaled_size(width: int, height: int, variant: Preprocess) -> tuple[int, int]:
    """Width and height after the resize; "short" cuts the long side to an integer."""
    if variant.resize == "exact":
        return variant.size, variant.size
    if min(width, height) == variant.size:
        return width, height
    if width < height:
        return variant.size, int(variant.size * height / width)
    return int(variant.size * width / height), variant.size


def crop_offset(length: int, crop: int) -> int:
    """Where a centred crop begins; halves go to the even side, as Python rounds."""
    return round((length - crop) / 2)


def _crop_box(size: tuple[int, int], crop: int | None) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the centre square; the whole picture without a crop."""
    if crop is None:
        return 0, 0, *size
    left, top = crop_offset(size[0], crop), crop_offset(size[1], crop)
    return left, top, left + crop, top + crop


def preprocess_file(path: Path, variant: Preprocess) -> NDArray[Any]:
    """One sample from an image file; `load_sample` without the notes."""
    return load_sample(path, variant)[0]


def load_sample(
    path: Path, variant: Preprocess, on_decoded: Callable[[], None] | None = None
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """One sample from an image file, and the notes of its decoding; for the errors see `decode`.

    `on_decoded` is called between decoding and preprocessing, for whoever times the two.
    """
    decoded = decode(path, variant.library)
    if on_decoded is not None:
        on_decoded()
    try:
        return preprocess_image(decoded.image, variant), decoded.notes
    except (UserError, MemoryError) as error:
        raise bad_image(path, error) from error


def preprocess_image(image: Image.Image, variant: Preprocess) -> NDArray[Any]:
    """One sample from an RGB image: `variant.dtype`, C-contiguous, of `variant.shape`.

    Raises UserError where the resized picture would be beyond all measure.
    """
    import numpy as np

    size = scaled_size(*image.size, variant)
    if size[0] * size[1] > _MAX_PIXELS:
        raise UserError(
            "image.shape",
            "an image of {width} x {height} pixels would be {pixels} pixels when resized",
            hint="Remove the image, or cut it to a usual shape.",
            width=image.size[0],
            height=image.size[1],
            pixels=size[0] * size[1],
        )
    box = _crop_box(size, variant.crop)
    resized = _resized_opencv if variant.library == "opencv" else _resized_pillow
    pixels = resized(image, size, box, variant)
    if variant.dtype == "uint8":
        return np.array(pixels if variant.channels_last else pixels.transpose(2, 0, 1), order="C")
    sample = normalised(pixels, variant)
    return np.ascontiguousarray(sample.transpose(1, 2, 0)) if variant.channels_last else sample


def normalised(pixels: NDArray[np.uint8], variant: Preprocess) -> NDArray[np.float32]:
    """(pixel / 255 - mean) / std as CHW from HWC pixels, each step rounded to float32.

    The published order of operations: it is exact, and faster than a table of 256 values.
    """
    import numpy as np

    sample = np.empty((3, *pixels.shape[:2]), np.float32)
    sample[...] = pixels.transpose(2, 0, 1)
    sample /= np.float32(255)
    sample -= np.array(variant.mean, np.float32)[:, None, None]
    sample /= np.array(variant.std, np.float32)[:, None, None]
    return sample


def _resized_opencv(
    image: Image.Image, size: tuple[int, int], box: tuple[int, int, int, int], variant: Preprocess
) -> NDArray[np.uint8]:
    """HWC pixels after OpenCV's resize and the crop."""
    import numpy as np

    cv2 = _opencv(variant.name)
    kernel = cv2.INTER_CUBIC if variant.filter == "bicubic" else cv2.INTER_LINEAR
    pixels = cv2.resize(np.asarray(image), size, interpolation=kernel)
    return np.asarray(_pillow().fromarray(pixels).crop(box))


def _resized_pillow(
    image: Image.Image, size: tuple[int, int], box: tuple[int, int, int, int], variant: Preprocess
) -> NDArray[np.uint8]:
    """HWC pixels of `image.resize(size).crop(box)`, without most of what the crop throws away.

    Pillow resizes rows, then columns, rounding in between. So the first pass needs only the rows
    that the crop draws on, and the second only the crop's columns. The rows keep their place,
    since a column's weights depend on the whole height.
    """
    import numpy as np

    kernel = getattr(_pillow().Resampling, variant.filter.upper())
    (width, height), (left, top, right, bottom) = image.size, box
    inside = left >= 0 and top >= 0 and right <= size[0] and bottom <= size[1]
    if box == (0, 0, *size):
        return np.asarray(image.resize(size, kernel))
    if image.size == size or not inside or not _rows_come_first(image.size, size):
        return np.asarray(image.resize(size, kernel).crop(box))
    scale = height / size[1]
    reach = _FILTER_SUPPORT[variant.filter] * max(scale, 1.0) + 1
    first = max(0, int((top + 0.5) * scale - reach))
    last = min(height, int((bottom - 0.5) * scale + reach) + 1)
    rows = image if last - first == height else image.crop((0, first, width, last))
    wide = rows.resize((size[0], last - first), kernel)
    columns = wide.crop((left, -first, right, height - first))
    return np.asarray(columns.resize((right - left, size[1]), kernel))[top:bottom]


def _rows_come_first(before: tuple[int, int], after: tuple[int, int]) -> bool:
    """Whether every supported Pillow resizes rows before columns.

    Pillow 13 begins with the columns where the height shrinks by more than twice as many pixels as
    the width, which gives other pixels than Pillow 11 and 12.
    """
    width, height = before
    shrunk = height - after[1]
    return height <= 100 * width and (shrunk <= 0 or shrunk <= 2 * (width - after[0]))
