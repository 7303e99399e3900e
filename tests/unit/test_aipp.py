"""AIPP files: written from a preprocessing, read, checked."""

from __future__ import annotations

import contextlib
import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascend_console.ascend.aipp import (
    aipp_of_preprocess,
    check_aipp,
    format_aipp,
    parse_aipp,
    source_bytes,
)
from ascend_console.core.errors import UserError
from ascend_console.core.variants import variant

STATIC = "aipp_op {\n aipp_mode: static\n input_format: RGB888_U8\n src_image_size_w: 256\n" \
         " src_image_size_h: 256\n%s}\n"  # fmt: skip
CROP = " crop: true\n load_start_pos_w: 16\n load_start_pos_h: 16\n crop_size_w: 224\n" \
       " crop_size_h: 224\n"  # fmt: skip
IMAGE = {0: (224, 224)}


def test_the_published_file_of_the_built_in_model_comes_out():
    """Its figures decide the accuracy: 255 x mean, and 1 / (255 x deviation)."""
    operator = aipp_of_preprocess(variant("se_builtin"), 224)
    text = format_aipp((operator,))
    for line in (
        "input_format: RGB888_U8",
        "src_image_size_w: 256",
        "load_start_pos_w: 16",
        "crop_size_h: 224",
        "min_chn_0: 123.675",
        "min_chn_1: 116.28",
        "min_chn_2: 103.53",
        "var_reci_chn_0: 0.0171247538316637",
        "var_reci_chn_1: 0.0175070028011204",
        "var_reci_chn_2: 0.0174291938997821",
    ):
        assert f"    {line}\n" in text
    (read,) = parse_aipp(text)
    check_aipp((read,), IMAGE)
    assert source_bytes(read, (224, 224), 1) == 196_608
    assert source_bytes(read, (224, 224), 16) == 16 * 196_608


def test_a_preprocessing_of_the_host_gets_no_aipp():
    """Normalising twice is the classic cause of a collapsed accuracy."""
    with pytest.raises(UserError) as caught:
        aipp_of_preprocess(variant("resnet"), 224)
    assert caught.value.id == "aipp.not_needed"


def test_comments_and_the_spelling_of_text_format_are_read():
    """Published files have comments, and some write `aipp_op:`."""
    (read,) = parse_aipp('# first\naipp_op: {\n aipp_mode : static # why\n input_format: '
                         'YUV420SP_U8\n related_input_name: "data"\n}\n')  # fmt: skip
    assert read.values["related_input_name"] == "data"
    assert source_bytes(read, (4, 6), 1) == 36


def test_an_image_is_not_cropped_to_more_than_it_is():
    """A model of 299 pixels cannot take the files of 256."""
    with pytest.raises(UserError, match="no 299 pixels"):
        aipp_of_preprocess(variant("se_builtin"), 299)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "aipp_op { aipp_mode: static",
        "aipp_op { aipp_mode static }",
        "aipp_op { no_such_key: 1 }",
        "aipp_op { crop: maybe }",
        "aipp_op { src_image_size_w: 2.5 }",
        "aipp_op { min_chn_0: nan }",
        "aipp_op { crop: true crop: true }",
        "aipp_op { aipp_mode: static }; 文",
    ],
)
def test_what_is_no_aipp_file_is_refused(text):
    """atc would stop with E10052 after its start."""
    with pytest.raises(UserError):
        parse_aipp(text)


@pytest.mark.parametrize(
    "text",
    [
        STATIC % "",
        STATIC % CROP.replace("16", "40"),
        STATIC % CROP.replace("crop_size_w: 224", "crop_size_w: 220"),
        STATIC % (CROP + " resize: true\n"),
        STATIC % (CROP + " mean_chn_0: 300\n"),
        STATIC % (CROP + " min_chn_0: 70000.0\n"),
        STATIC % (CROP + " rotation_angle: 90\n"),
        STATIC % (CROP + ' related_input_rank: 0\n related_input_name: "a"\n'),
        (STATIC % CROP) * 2,
        (STATIC % CROP).replace("static", "sometimes"),
        (STATIC % CROP).replace("RGB888_U8", "RGB"),
        (STATIC % CROP).replace("src_image_size_w: 256", "src_image_size_w: 0"),
        (STATIC % CROP).replace("src_image_size_w: 256", "src_image_size_w: 5000"),
        (STATIC % CROP.replace("16", "15")).replace("RGB888_U8", "YUV420SP_U8"),
        (STATIC % "").replace("256", "223").replace("RGB888_U8", "YUV420SP_U8"),
        "aipp_op { aipp_mode: dynamic }",
    ],
)
def test_what_atc_would_refuse_is_refused_before_its_start(text):
    """Sizes that do not meet the model's are the most common fault."""
    with pytest.raises(UserError) as caught:
        check_aipp(parse_aipp(text), IMAGE)
    assert caught.value.id == "aipp.file"


@pytest.mark.parametrize(
    "text",
    [
        STATIC % CROP,
        (STATIC % "").replace("256", "224"),
        (STATIC % "").replace("256", "0"),
        (STATIC % " padding: true\n left_padding_size: 8\n right_padding_size: 8\n"
                  " top_padding_size: 8\n bottom_padding_size: 8\n").replace("256", "208"),
        "aipp_op { aipp_mode: dynamic max_src_image_size: 752640 }",
        STATIC % " crop: true\n",
        STATIC % CROP + (STATIC % "").replace("static", "static related_input_rank: 1"),
    ],
)  # fmt: skip
def test_what_atc_takes_is_not_refused(text):
    """An input that is not known to the caller is not compared."""
    check_aipp(parse_aipp(text), IMAGE)


@given(st.floats(0, 1), st.floats(0.001, 1), st.integers(1, 256))
def test_a_written_file_reads_back_to_its_figures(mean, std, side):
    """Fifteen digits are kept, more than float16 holds."""
    chosen = dataclasses.replace(variant("se_builtin"), mean=(mean,) * 3, std=(std,) * 3)
    written = aipp_of_preprocess(chosen, side)
    (read,) = parse_aipp(format_aipp((written,)))
    assert read.values.keys() == written.values.keys()
    for key, value in written.values.items():
        if isinstance(value, float):
            assert read.values[key] == pytest.approx(value, rel=1e-14)
        else:
            assert read.values[key] == value
    check_aipp((read,), {0: (side, side)})


@given(st.text(max_size=80) | st.lists(st.sampled_from(
    ["aipp_op", "{", "}", ":", "crop", "true", "aipp_mode", "static", "1", "1e5", "#x\n", '"a"',
     "input_format", "RGB888_U8", "src_image_size_w", "-3", "min_chn_0"]
)).map(" ".join))  # fmt: skip
@settings(max_examples=300)
def test_no_text_raises_anything_but_our_error(text):
    """Bad input never gives a traceback."""
    with contextlib.suppress(UserError):
        check_aipp(parse_aipp(text), IMAGE)
