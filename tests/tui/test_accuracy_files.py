"""What the screen Accuracy reads: predictions, their counts, and where images lie."""

from __future__ import annotations

import pytest

from ascend_console.core.errors import UserError
from ascend_console.tui import accuracy_figures as figures
from ascend_console.tui import accuracy_tables as tables
from ascend_console.tui.accuracy_images import find_images, image_folder, preprocess_of
from ascend_console.tui.accuracy_predictions import (
    against,
    class_counts,
    read_predictions,
)
from ascend_console.tui.texts import Texts
from tests.tui.figure_runs import (
    FINGERPRINT,
    RUN,
    figured_run,
    judged_run,
    write_images,
)
from tests.tui.figure_screens import (
    enter,
    open_accuracy,
    table_of,
)


def test_predictions_of_images_that_the_reference_lacks_stay_unknown(tmp_path):
    folder = judged_run(tmp_path, reference=False)
    found = read_predictions(folder, 1, "fp32")
    half = against(found, found.images[:2])
    assert [image.reference for image in half.images] == ["3", "4", None, None]
    assert not any(image.differs for image in half.images)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,b\n1,2\n",
        "name,label,rank,class_1\nx,1,zero,3\n",
        "name,label,rank,class_1\nx,1,0,\n",
        "name,labels,predicted\nx,01,01\ny,0,1\n",
    ],
)
def test_a_file_that_is_no_table_of_predictions_gives_an_error_or_nothing(tmp_path, text):
    folder = judged_run(tmp_path, reference=False)
    path = folder / "accuracy" / "bs1_fp32" / "predictions.csv"
    path.write_text(text)
    if text:
        with pytest.raises(UserError, match="predictions"):
            read_predictions(folder, 1, "fp32")
    else:
        assert read_predictions(folder, 1, "fp32").images == ()


def test_class_counts_of_nothing_are_none(tmp_path):
    folder = judged_run(tmp_path, reference=False)
    (folder / "accuracy" / "bs1_fp32" / "predictions.csv").write_text("name,label,rank,class_1\n")
    assert class_counts(read_predictions(folder, 1, "fp32")) == []


def test_images_are_found_in_class_folders_and_name_their_classes(console):
    place = console.workspace / "sorted"
    write_images(place / "n01_cat", ["cat_1.png", "cat_2.png"])
    write_images(place / "n02_dog", ["[b]dog\n1.png", "dog_2.png"])
    judged_run(console.workspace, images=place)

    async def steps(app, pilot, screen):
        await enter(pilot, screen, "classes")
        return [row.cells[0].text for row in table_of(screen).rows], screen.drilled.places

    names, places = open_accuracy(console, steps)
    assert names == ["all classes", "3 n01_cat", "4 n02_dog"]
    assert len(places) == 4


def test_the_sample_data_is_found_by_what_was_asked_of_the_run(tmp_path):
    folder = figured_run(tmp_path, request={"sample": True})
    assert "sample_val_00000001.JPEG" in find_images(folder, attributes=False)
    assert image_folder({"sample": True}, attributes=True).name == "images"


@pytest.mark.parametrize(
    "recorded",
    [{}, {"resize": "short"}, {**FINGERPRINT, "resize": "x y"}, {**FINGERPRINT, "crop": "8"}],
)
def test_a_preprocessing_that_is_not_recorded_whole_is_none(recorded):
    assert preprocess_of(recorded) is None


def test_what_ran_a_figure_is_told_in_few_words():
    row = {"run_id": RUN, "backend": "onnxruntime", "device": "cpu:0", "weights": "sample",
           "origin": "imported"}  # fmt: skip
    assert figures.runs_on(row, Texts("en")) == "ort cpu:0 sample imported"
    published = {"run_id": None, "of": "om", "device": "310P"}
    assert figures.runs_on(published, Texts("en")) == "published om 310P"


def test_a_mode_is_named_by_its_word():
    from ascend_console.tui.glyphs import UNICODE
    from ascend_console.tui.pen import Pen

    pen = Pen(Texts("en"), UNICODE, "dark")
    assert [tables.mode_text(mode, pen) for mode in tables.MODES] == list(tables.MODES)
