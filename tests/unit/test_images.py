"""Preprocessing equals the published scripts bit for bit, and bad images are named."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ascend_console.core.variants import VARIANTS
from ascend_console.tools import images

if TYPE_CHECKING:
    from ascend_console.core.specs import Preprocess

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "data/golden/preprocess_expected.json").read_text("utf-8")
)
SHARED = Path(__file__).parents[2].parent / "shared/golden/preprocess_u8.npz"
VARIANT_OF_MODE = {
    "resnet_v1": "resnet",
    "ghostnet_v1": "ghostnet",
    "resnet_v3": "resnet",
    "moco": "moco",
    "inceptionv3": "inceptionv3",
    "inceptionv4": "inceptionv4",
    "ghostnet_v3": "ghostnet_r3",
    "deepmar": "deepmar",
    "se_aipp": "se_builtin",
}
CASES = [(mode, name) for mode, rows in GOLDEN["modes"].items() for name in rows]
RESNET = VARIANTS["resnet"]


# --- the images of the goldens -------------------------------------------------------------------


def triangle(width: int, height: int) -> np.ndarray:
    """Three folded ramps, as `image_rule` in the golden file words it."""
    y, x = np.mgrid[0:height, 0:width]
    planes = (3 * x + y, x + 2 * y + 85, 5 * x - 2 * y + 170)
    folded = [np.where(t % 510 > 255, 510 - t % 510, t % 510) for t in planes]
    return np.stack(folded, axis=2).astype(np.uint8)


def golden_image(name: str) -> Image.Image:
    kind, size = name.split("_")
    width, height = map(int, size.split("x"))
    if kind == "noise":
        generator = np.random.default_rng(31)
        return Image.fromarray(generator.integers(0, 256, (height, width, 3)).astype(np.uint8))
    pixels = triangle(width, height)
    if kind == "gray":
        return Image.fromarray(pixels[..., 0])
    if kind == "rgba":
        alpha = np.full((height, width, 1), 128, np.uint8)
        return Image.fromarray(np.concatenate([pixels, alpha], axis=2))
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def golden_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    for name in GOLDEN["modes"]["moco"]:
        golden_image(name).save(folder / f"{name}.png")
    return folder


def grey_levels(sample: np.ndarray, variant: Preprocess) -> np.ndarray:
    """The HWC uint8 pixels that a float sample was made from."""
    if variant.dtype == "uint8":
        return sample
    mean, std = (np.array(v)[:, None, None] for v in (variant.mean, variant.std))
    return np.rint((sample * std + mean) * 255).astype(np.uint8).transpose(1, 2, 0)


def same_major(variant: Preprocess) -> bool:
    """Whether the libraries are those of the goldens; others may round a grey level elsewhere."""
    pillow = PIL.__version__.split(".")[0] == GOLDEN["pillow"].split(".")[0]
    if variant.library == "pillow":
        return pillow
    cv2 = pytest.importorskip("cv2")
    return pillow and cv2.__version__.split(".")[0] == GOLDEN["opencv"].split(".")[0]


@pytest.mark.parametrize(("mode", "name"), CASES)
def test_every_golden_image_gives_the_published_bytes(
    mode: str, name: str, golden_files: Path
) -> None:
    """An accuracy is comparable to the published one only on the very same inputs."""
    variant = VARIANTS[VARIANT_OF_MODE[mode]]
    size_bytes, bin_hash, pixel_hash, means = GOLDEN["modes"][mode][name]
    if variant.library == "opencv":
        pytest.importorskip("cv2")
    sample = images.preprocess_file(golden_files / f"{name}.png", variant)
    pixels = grey_levels(sample, variant)
    assert sample.shape == variant.shape
    assert sample.dtype == variant.dtype
    assert sample.flags.c_contiguous
    assert sample.nbytes == size_bytes
    assert np.abs(pixels.reshape(-1, 3).mean(axis=0) - means).max() <= 1
    if same_major(variant):
        assert hashlib.sha256(pixels.tobytes()).hexdigest() == pixel_hash
        assert hashlib.sha256(sample.tobytes()).hexdigest() == bin_hash


@pytest.mark.skipif(not SHARED.is_file(), reason="the pixel goldens are not at hand")
def test_golden_pixels_agree_within_one_grey_level(golden_files: Path) -> None:
    """Whatever version resizes, no pixel may be off by more than rounding."""
    pytest.importorskip("cv2")
    with np.load(SHARED) as golden:
        for key in golden:
            mode, name = key.split("__")
            variant = VARIANTS[VARIANT_OF_MODE[mode]]
            sample = images.preprocess_file(golden_files / f"{name}.png", variant)
            difference = grey_levels(sample, variant).astype(int) - golden[key]
            assert np.abs(difference).max() <= 1, key


def test_the_fingerprint_holds_rules_and_versions_but_no_names() -> None:
    """Equal inputs under two names are comparable; those of two decoders are not."""
    resnet, ghostnet = (images.fingerprint(VARIANTS[name]) for name in ("resnet", "ghostnet"))
    assert resnet == ghostnet
    assert resnet["decoder"]["pillow"] == PIL.__version__
    assert images.fingerprint(VARIANTS["moco"])["filter"] == "bicubic"
    cv2 = pytest.importorskip("cv2")
    assert images.fingerprint(VARIANTS["se_builtin"])["decoder"]["opencv"] == cv2.__version__


# --- arithmetic ----------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", [v for v in VARIANTS.values() if v.dtype == "float32"])
def test_normalised_values_equal_single_float32_steps(variant: Preprocess) -> None:
    """All 256 grey levels: divide, subtract, divide, each rounded to float32 on its own."""
    levels = np.arange(256, dtype=np.uint8)
    found = images.normalised(np.repeat(levels.reshape(16, 16, 1), 3, axis=2), variant)
    for channel in range(3):
        mean, std = np.float32(variant.mean[channel]), np.float32(variant.std[channel])
        steps = [(np.float32(level) / np.float32(255.0) - mean) / std for level in range(256)]
        assert found[channel].ravel().tobytes() == np.array(steps, np.float32).tobytes()


@pytest.mark.parametrize(("length", "crop", "offset"), GOLDEN["center_crop_rounding"])
def test_crop_offset_rounds_halves_to_even(length: int, crop: int, offset: int) -> None:
    """Rounding half up moves the crop by a pixel at 257, 341 and 345."""
    assert images.crop_offset(length, crop) == offset


sides = st.integers(1, 700)


@given(width=sides, height=sides, size=st.sampled_from([224, 256, 342]))
@settings(deadline=None)
def test_short_side_rule(width: int, height: int, size: int) -> None:
    """The rule as written down: unchanged when it fits, else the long side is cut to an integer."""
    variant = replace(RESNET, size=size)
    if (width <= height and width == size) or (height <= width and height == size):
        expected = (width, height)
    elif width < height:
        expected = (size, int(size * height / width))
    else:
        expected = (int(size * width / height), size)
    assert images.scaled_size(width, height, variant) == expected


@given(
    width=st.integers(1, 420),
    height=st.integers(1, 420),
    size=st.sampled_from([16, 40, 63, 64]),
    crop=st.sampled_from([None, 7, 32, 56, 63, 80]),
    kernel=st.sampled_from(["bilinear", "bicubic"]),
    resize=st.sampled_from(["short", "exact"]),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=400)
def test_leaving_out_cropped_pixels_changes_nothing(
    width: int, height: int, size: int, crop: int | None, kernel: str, resize: str, seed: int
) -> None:
    """The fast path is plain resize and crop, bit for bit, for any size and filter."""
    if max(width, height) > 12 * min(width, height):
        width = height
    variant = replace(RESNET, size=size, crop=crop, filter=kernel, resize=resize, dtype="uint8")
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    scaled = images.scaled_size(width, height, variant)
    expected = image.resize(scaled, getattr(Image.Resampling, kernel.upper()))
    if crop is not None:
        left, top = (round((side - crop) / 2) for side in scaled)
        expected = expected.crop((left, top, left + crop, top + crop))
    assert np.array_equal(images.preprocess_image(image, variant), np.asarray(expected))


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (1024, 257), (256, 900), (333, 800)])
@pytest.mark.parametrize("name", ["resnet", "moco", "ghostnet_r3", "deepmar", "inceptionv3"])
def test_usual_sizes_equal_plain_resize_and_crop(name: str, size: tuple[int, int]) -> None:
    """The same at the sizes of ImageNet, where the shortcut is worth its lines."""
    variant = VARIANTS[name]
    image = Image.fromarray(np.random.default_rng(5).integers(0, 256, (*size[::-1], 3), np.uint8))
    scaled = images.scaled_size(*size, variant)
    whole = image.resize(scaled, getattr(Image.Resampling, variant.filter.upper()))
    if variant.crop:
        left, top = (round((side - variant.crop) / 2) for side in scaled)
        whole = whole.crop((left, top, left + variant.crop, top + variant.crop))
    expected = images.normalised(np.asarray(whole), variant)
    assert np.array_equal(images.preprocess_image(image, variant), expected)
