"""Model files of users: each field wrong in turn is named with file, key and line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ascend_console.core.errors import UserError
from ascend_console.core.settings import Settings
from ascend_console.core.specs import AccuracyReference, Preprocess
from ascend_console.jobs._data import holding
from ascend_console.jobs._judge import deciding
from ascend_console.jobs._models import find_model, user_models
from ascend_console.tools.image_sets import ImageSet
from ascend_console.tools.images import preprocess_image
from ascend_console.tools.model_file import line_of
from tests.data.user_models import FILES

WHOLE = """\
# A model with every field.
name = "mine"
title = "Mine"
summary = "A classifier."
task = "classification"
onnx = "mine.onnx"
labels = [
  "a",
  "b",
]
official_batch_sizes = [1, 16]
tested_batch_sizes = [1, 16]
fixed_batch = false

[input]
name = "image"
shape = [3, 32, 32]
dtype = "float32"
layout = "NCHW"

[preprocess]
resize = "short"
size = 36
filter = "bilinear"
crop = 32
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
dtype = "float32"
layout = "NCHW"

[output]
name = "class"
shape = [2]
index = 0

[[references]]
metric = "top1"
value = 0.75
source = "a paper"
images = 50

[[references]]
metric = "top2"
value = 1
source = "a paper"
images = 50
"""


@pytest.fixture
def settings(tmp_path):
    folder = tmp_path / "config"
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "mine.onnx").write_bytes(b"not looked at here")
    (folder / "models" / "mine.pth").write_bytes(b"not looked at here")
    return Settings(workspace=tmp_path / "ws", config_file=folder / "config.toml")


def write(settings, text, name="mine"):
    path = settings.models_dir / f"{name}.toml"
    path.write_text(text)
    return path


def test_every_field_is_read(settings):
    """The same fields as a zoo entry, with the same meaning."""
    path = write(settings, WHOLE)
    spec = find_model("mine", settings)
    assert (spec.name, spec.title, spec.summary) == ("mine", "Mine", "A classifier.")
    assert (spec.input.name, spec.input.shape, spec.input.layout) == ("image", (3, 32, 32), "NCHW")
    assert (spec.output.name, spec.output.shape) == ("class", (2,))
    assert spec.official_batch_sizes == (1, 16)
    assert spec.labels == ("a", "b")
    assert spec.onnx == path.parent / "mine.onnx"
    assert spec.user.output_index == 0
    assert spec.preprocess.mean == (0.5, 0.5, 0.5)
    assert (spec.preprocess.size, spec.preprocess.crop) == (36, 32)
    assert [(item.metric, item.gated, item.images) for item in spec.accuracy] == [
        ("top1", True, 50), ("top2", False, 50),
    ]  # fmt: skip


WRONG = [
    ('name = "mine"', 'name = "other"', 2, "name"),
    ('name = "mine"', "name = 5", 2, "name"),
    ('name = "mine"\n', "", 1, "name"),
    ('title = "Mine"', "title = 1", 3, "title"),
    ('summary = "A classifier."', 'summary = ""', 4, "summary"),
    ('task = "classification"', 'task = "detection"', 5, "task"),
    ('task = "classification"', 'task = "attributes"', 37, "references.metric"),
    ('task = "classification"\n', "", 1, "task"),
    ('onnx = "mine.onnx"', 'onnx = "absent.onnx"', 6, "onnx"),
    ('onnx = "mine.onnx"', "onnx = []", 6, "onnx"),
    ('onnx = "mine.onnx"\n', "", 1, "onnx"),
    ('onnx = "mine.onnx"', 'checkpoint = "mine.pth"', 1, "architecture"),
    ('onnx = "mine.onnx"', 'onnx = "mine.onnx"\ncheckpoint = "mine.pth"', 7, "checkpoint"),
    ('onnx = "mine.onnx"', 'checkpoint = "mine.pth"\narchitecture = "vgg"', 7, "architecture"),
    ('  "b",\n', "", 7, "labels"),
    ('  "b",', '  "a",', 7, "labels"),
    ("official_batch_sizes = [1, 16]", "official_batch_sizes = [0]", 11, "official_batch_sizes"),
    ("official_batch_sizes = [1, 16]", "official_batch_sizes = 16", 11, "official_batch_sizes"),
    ("official_batch_sizes = [1, 16]", "official_batch_sizes = [true]", 11, "official_batch_sizes"),
    ("tested_batch_sizes = [1, 16]", "tested_batch_sizes = [1, 1]", 12, "tested_batch_sizes"),
    ("fixed_batch = false", 'fixed_batch = "no"', 13, "fixed_batch"),
    ("fixed_batch = false", "fixed_batch = false\nbatch = 4", 14, "batch"),
    ('[input]\nname = "image"', "[input]\nname = []", 16, "input.name"),
    ('[input]\nname = "image"', "[input]", 15, "input.name"),
    ("shape = [3, 32, 32]", "shape = [3, 32]", 17, "input.shape"),
    ("shape = [3, 32, 32]", "shape = [1, 32, 32]", 17, "input.shape"),
    ("shape = [3, 32, 32]", "shape = [3, 32, 24]", 17, "input.shape"),
    ("shape = [3, 32, 32]", "shape = [3, 64, 64]", 25, "preprocess.crop"),
    ('dtype = "float32"\nlayout = "NCHW"\n\n[pre', 'dtype = "int8"\nlayout = "NCHW"\n\n[pre', 18,
     "input.dtype"),
    ('dtype = "float32"\nlayout = "NCHW"\n\n[pre', 'dtype = "uint8"\nlayout = "NCHW"\n\n[pre', 28,
     "preprocess.dtype"),
    ('layout = "NCHW"\n\n[pre', 'layout = "CHWN"\n\n[pre', 19, "input.layout"),
    ('layout = "NCHW"\n\n[pre', 'layout = "NHWC"\n\n[pre', 17, "input.shape"),
    ('resize = "short"', 'resize = "long"', 22, "preprocess.resize"),
    ('resize = "short"\n', "", 21, "preprocess.resize"),
    ("size = 36", "size = 3.5", 23, "preprocess.size"),
    ("size = 36\n", "", 21, "preprocess.size"),
    ('filter = "bilinear"', 'filter = "lanczos"', 24, "preprocess.filter"),
    ("crop = 32", "crop = 40", 25, "preprocess.crop"),
    ("crop = 32\n", "", 21, "preprocess.crop"),
    ("mean = [0.5, 0.5, 0.5]", "mean = 0.5", 26, "preprocess.mean"),
    ("std = [0.5, 0.5, 0.5]", "std = [0.5, 0.5, 0]", 27, "preprocess.std"),
    ("std = [0.5, 0.5, 0.5]", "std = [0.5, 0.5, nan]", 27, "preprocess.std"),
    ('layout = "NCHW"\n\n[out', 'layout = "NHWC"\n\n[out', 29, "preprocess.layout"),
    ('resize = "short"', 'variant = "resnet"\nresize = "short"', 23, "preprocess.resize"),
    ("[preprocess]", "[pre_process]", 21, "pre_process"),
    ('[output]\nname = "class"', '[output]\nname = ""', 32, "output.name"),
    ("shape = [2]", "shape = [2, 2]", 33, "output.shape"),
    ("shape = [2]\n", "", 31, "output.shape"),
    ("index = 0", "index = -1", 34, "output.index"),
    ('metric = "top1"', 'metric = "top9"', 37, "references.metric"),
    ('metric = "top1"\n', "", 36, "references.metric"),
    ('metric = "top2"', 'metric = "top1"', 43, "references.metric"),
    ("value = 0.75", "value = 75", 38, "references.value"),
    ("value = 0.75", "value = true", 38, "references.value"),
    ('source = "a paper"\nimages = 50\n\n', "images = 50\n\n", 36, "references.source"),
    ("images = 50\n\n", 'images = "all"\n\n', 40, "references.images"),
    ("images = 50\n\n", "\n", 36, "references.images"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "line", "key"), WRONG)
def test_each_field_wrong_in_turn_is_named(before, after, line, key, settings):
    """A mistake that is not named is looked for in the wrong place, or gives a wrong figure."""
    assert before in WHOLE
    path = write(settings, WHOLE.replace(before, after, 1))
    with pytest.raises(UserError) as caught:
        find_model("mine", settings)
    assert f"{path}" in caught.value.message
    assert f"line {line}: " in caught.value.message
    assert key in caught.value.message.split(f"line {line}: ", 1)[1]
    assert caught.value.hint


def test_several_mistakes_are_named_at_once(settings):
    """Who corrects a file wants to do it once."""
    text = WHOLE.replace("value = 0.75", "value = 75").replace("size = 36", "size = 0")
    write(settings, text)
    with pytest.raises(UserError, match=r"has 2 mistakes: line 23: .*; line 38: "):
        find_model("mine", settings)


@pytest.mark.parametrize(
    ("data", "said"),
    [(b'name = "mine"\ntask = classification\n', "line 2"), (b"\xff\xfe", "cannot be read")],
)
def test_a_file_that_is_no_toml_is_named(data, said, settings):
    """The first thing that goes wrong is a forgotten quote."""
    write(settings, "").write_bytes(data)
    with pytest.raises(UserError, match=said):
        find_model("mine", settings)


def test_names_of_the_zoo_are_taken(settings):
    """Which of two models a name means must never be a guess."""
    write(settings, WHOLE.replace('"mine"', '"ghostnet"'), "ghostnet")
    with pytest.raises(UserError, match=r"line 2: name is 'ghostnet', and a model of the zoo"):
        find_model("ghostnet", settings)
    found, mistakes = user_models(settings)
    assert (found, len(mistakes)) == ([], 1)


def test_a_known_variant_can_be_named(settings):
    """Most classifiers are preprocessed as one of the zoo."""
    text = FILES["two"].replace('"two"', '"mine"').replace("files/two", "mine")
    text = text.replace('resize = "exact"\nsize = 32', 'variant = "resnet"')
    write(settings, text.replace("[3, 32, 32]", "[3, 224, 224]"))
    spec = find_model("mine", settings)
    assert (spec.variants, spec.preprocess.crop) == (("resnet",), 224)
    write(settings, text)
    with pytest.raises(UserError, match=r"line 12: preprocess\.variant is 'resnet'"):
        find_model("mine", settings)
    write(settings, text.replace("resnet", "vgg"))
    with pytest.raises(UserError, match=r"line 12: preprocess\.variant is 'vgg'"):
        find_model("mine", settings)


def test_labels_can_stand_in_a_file(settings):
    """A thousand names do not belong into a settings file."""
    listed = 'labels = [\n  "a",\n  "b",\n]'
    write(settings, WHOLE.replace(listed, 'labels = "names.txt"'))
    with pytest.raises(UserError, match=r"line 7: labels names .*names\.txt"):
        find_model("mine", settings)
    (settings.models_dir / "names.txt").write_text("first\nsecond\n")
    assert find_model("mine", settings).labels == ("first", "second")


def test_a_checkpoint_takes_its_tensors_from_its_architecture(settings):
    """What contradicts the network would be exported as something that it is not."""
    text = (
        'name = "mine"\ntask = "classification"\ncheckpoint = "mine.pth"\n'
        'architecture = "moco_v2"\nofficial_batch_sizes = [8]\n'
    )
    write(settings, text)
    spec = find_model("mine", settings)
    assert (spec.architecture, spec.variants, spec.accuracy) == ("moco_v2", ("moco",), ())
    assert spec.onnx_file.format(batch_size=8) == "mine_bs8.onnx"
    assert spec.official_batch_sizes == (8,)
    write(settings, text + "[output]\nshape = [10]\n")
    with pytest.raises(UserError, match=r"line 7: output\.shape is \[10\]"):
        find_model("mine", settings)
    write(settings, text.replace("classification", "attributes"))
    with pytest.raises(UserError, match=r"line 2: task is 'attributes'"):
        find_model("mine", settings)


def test_lines_are_found_in_every_form_of_toml():
    """Users write tables as they like."""
    text = (
        'a = """\nb = 1\n"""\n# b\nb = [\n 1,\n]\nin = {x = 1}\nd.e = 2\n[[r]]\nv=1\n[[r]]\nv=2\n'
    )
    assert line_of(text, ("b",)) == 5
    assert line_of(text, ("in", "x")) == 8
    assert line_of(text, ("d", "e")) == 9
    assert line_of(text, ("r", 1, "v")) == 13
    assert line_of(text, ("r", 1, "absent")) == 12
    assert line_of(text, ("absent",)) == 1


def test_layouts_hold_the_same_pixels():
    """Only the order of the numbers differs."""
    pixels = np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)
    image = Image.fromarray(pixels)

    def sample(dtype, layout):
        chosen = Preprocess(
            name="x", resize="short", size=36, filter="bilinear", crop=32, dtype=dtype,
            layout=layout,
        )  # fmt: skip
        found = preprocess_image(image, chosen)
        assert found.shape == chosen.shape
        assert found.flags.c_contiguous
        return found

    for dtype in ("float32", "uint8"):
        channels_last = sample(dtype, "HWC")
        assert channels_last.dtype == dtype
        assert np.array_equal(channels_last.transpose(2, 0, 1), sample(dtype, "CHW"))
    assert np.array_equal(sample("float32", None), sample("float32", "CHW"))
    assert np.array_equal(sample("uint8", None), sample("uint8", "HWC"))


def test_a_published_figure_holds_for_its_count_of_images_alone(settings):
    """A figure of another data set must not decide here."""
    write(settings, WHOLE.replace('top2"\nvalue = 1', 'top2"\nvalue = 0.9'))
    spec = find_model("mine", settings)

    def images(count):
        files = tuple(Path(f"{number}.jpg") for number in range(count))
        return ImageSet(folder=Path(), kind="topn", files=files, labels=(0,) * count, source="")

    assert holding(spec, images(50)) == spec.accuracy
    assert holding(spec, images(49)) == ()
    only_shown = replace(spec, accuracy=spec.accuracy[1:])
    assert holding(only_shown, images(50)) == ()


def test_the_gated_reference_decides_whatever_stands_after_it():
    """The zoo lists later figures of the same metric that are only shown."""
    gated = AccuracyReference(metric="top1", value=0.7, source="paper", gated=True)
    shown = AccuracyReference(metric="top1", value=0.8, source="guide")
    assert deciding((gated, shown)) == deciding((shown, gated)) == {"top1": gated}
