"""What an om is, told by its side-car or by the vendor's tools; and the backend that runs it."""

from __future__ import annotations

import json
import os
import re

import numpy as np
import pytest

from ascend_console.backends._ascend_om import (
    OmFacts,
    command_options,
    is_whole,
    read_om,
    read_side_car,
    write_side_car,
)
from ascend_console.backends.ascend import ENTRY, AscendBackend, unavailable
from ascend_console.core.backend import BackendOptions, TensorInfo
from ascend_console.core.errors import BackendUnavailable, UserError
from ascend_console.jobs.inspect import InspectRequest, inspect
from ascend_console.tools.vendor_tools import VendorTools
from tests.data.ascend_conversion import Conversion
from tests.fakes.inference import fake_inference_commands
from tests.fakes.tiny_om import random_images, scores_of, write_tiny_om

IMAGE = TensorInfo("image", (4, 3, 8, 8), "float32")
SCORES = TensorInfo("class", (4, 5), "float32")


@pytest.fixture
def made(tmp_path):
    before = os.umask(0o022)
    yield Conversion(tmp_path)
    os.umask(before)


def with_inference(made, **tools):
    made.environ |= fake_inference_commands(made.folder / "bin", **tools)
    return made


def read(made, path):
    return read_om(path, VendorTools.of(made.env.settings), made.env)


def without_side_car(made, **options):
    om = made.convert(**options)
    om.with_name(om.name + ".json").unlink()
    return om


def test_a_side_car_comes_back_as_it_was_written(made):
    """Every field: a run decides by them which flags a tool gets."""
    path = write_tiny_om(made.folder / "tiny.om", 4)
    facts = write_side_car(
        OmFacts(
            path=path,
            batch_size=4,
            shape_kind="dynamic_batch",
            soc_version="Ascend310P3",
            inputs=(IMAGE, TensorInfo("open", (None, 2), "int64")),
            outputs=(SCORES,),
            precision="fp32",
            soc_origin="npu-smi",
            cann="8.0.RC1",
            tool="atc, CANN 8.0.RC1",
            command=("atc", "--framework=5"),
            onnx_sha256="0" * 64,
            aipp="aipp_op {}",
            tuned="opat",
            gears={"dynamic_batch_size": "1,4"},
        )
    )
    assert read_side_car(path) == facts
    assert read(made, path) == facts


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: text.replace('"schema": 1', '"schema": 2'),
        lambda text: text.replace('"static"', '"liquid"'),
        lambda text: text.replace('"shape":', '"form":'),
        lambda text: re.sub(r'("om_sha256": ").', r"\1x", text),
    ],
    ids=["cut", "list", "schema", "kind", "keys", "other om"],
)
def test_a_side_car_that_is_damaged_or_of_another_om_is_not_believed(made, spoil):
    """A renamed om beside an old side-car would run with the wrong batch."""
    om = made.convert()
    side_car = om.with_name(om.name + ".json")
    side_car.write_text(spoil(side_car.read_text()))
    assert read_side_car(om) is None
    assert read(made, om).told_by == "atc"


def test_without_a_side_car_atc_tells_inputs_and_chip(made):
    """`--mode=6` has the original command line; outputs stand nowhere in it."""
    om = without_side_car(made)
    facts = read(made, om)
    assert (facts.told_by, facts.soc_version, facts.batch_size) == ("atc", "Ascend310P3", 4)
    assert (facts.inputs, facts.outputs, facts.shape_kind) == ((IMAGE,), (), "static")
    assert facts.precision == "fp16"
    om = without_side_car(made, precision="fp32", atc_option=("dynamic_batch_size=1,4",))
    facts = read(made, om)
    assert (facts.shape_kind, facts.batch_size) == ("dynamic_batch", None)
    assert facts.precision == "fp32"
    assert dict(facts.gears) == {"dynamic_batch_size": "1,4"}


@pytest.mark.parametrize("generation", ["A", "D", "E", "F", "msit"])
def test_the_table_of_ais_bench_completes_it(made, generation):
    """Only that table has the outputs, which results are read by."""
    with_inference(made, ais_bench=generation)
    facts = read(made, without_side_car(made))
    assert (facts.told_by, facts.soc_version) == ("ais_bench", "Ascend310P3")
    assert (facts.inputs, facts.outputs) == ((IMAGE,), (SCORES,))


def test_without_atc_the_table_alone_is_enough(made):
    """An inference server has no atc."""
    om = without_side_car(made)
    made.environ = {"PATH": made.environ["PATH"], "HOME": str(made.folder / "nobody")}
    with_inference(made)
    facts = read(made, om)
    assert (facts.inputs, facts.outputs, facts.batch_size) == ((IMAGE,), (SCORES,), 4)
    assert (facts.soc_version, facts.precision) == (None, None)


def test_where_nothing_tells_the_inputs_it_is_said(made):
    """Guessing a shape would be a wrong figure."""
    om = without_side_car(made)
    made.environ = {"PATH": made.environ["PATH"], "HOME": str(made.folder / "nobody")}
    with pytest.raises(UserError, match="nothing tells which inputs") as caught:
        read(made, om)
    assert "tiny_bs4.om.json" in caught.value.hint


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.99])
@pytest.mark.parametrize("beside", [True, False])
def test_a_torn_om_is_refused_by_name(made, keep, beside):
    """A copy that broke off is bad input, and never a figure."""
    om = made.convert()
    if not beside:
        om.with_name(om.name + ".json").unlink()
    data = om.read_bytes()
    om.write_bytes(data[: int(len(data) * keep)])
    backend = made.backend()
    with pytest.raises(UserError, match=re.escape(str(om))):
        backend.open(om, lambda name: list)
    assert backend.inputs == ()


def real_header(body, *, length=None):
    """An om with the header of CANN: magic, its own 256 bytes, the length of the body."""
    size = len(body) if length is None else length
    head = b"IMOD" + (256).to_bytes(4, "little") + bytes(68) + size.to_bytes(4, "little")
    return head.ljust(256, b"\0") + body


def test_the_header_tells_whether_an_om_is_whole(tmp_path):
    """atc itself does not look whether the disk took everything."""
    path = tmp_path / "x.om"
    cases = {
        real_header(b"x" * 100): True,
        real_header(b"x" * 99, length=100): False,
        real_header(b"", length=0): None,
        real_header(b"x" * 100)[:200]: False,
        b"IMOD" + bytes(252): None,
        b"PK\x03\x04" + bytes(300): False,
        b"": False,
    }
    for data, expected in cases.items():
        path.write_bytes(data)
        assert is_whole(path) is expected
    assert is_whole(tmp_path / "absent") is False


def test_options_are_read_from_a_command_line_that_lost_its_quotes():
    """atc keeps the words, not the shell's quotes."""
    command = "/x/atc.bin --model=a.onnx --framework 5 --input_shape=a:1,3;b:2 --log= it's"
    assert command_options(command) == {
        "model": "a.onnx",
        "framework": "5",
        "input_shape": "a:1,3;b:2",
        "log": "",
    }


def answer(made, path):
    return list(inspect(InspectRequest(file=path), made.env))[-1]


def test_inspect_shows_what_atc_and_the_side_car_say(made):
    """Chip, CANN and command decide whether an om of unknown origin can run here."""
    om = made.convert()
    told = answer(made, om)
    assert told.document["soc"] == "Ascend310P3"
    assert told.document["atc_version"].startswith("8.0.RC1")
    assert "--input_shape=image:4,3,8,8" in told.document["atc_command"]
    assert told.document["memory_bytes"] > 0
    assert told.document["side_car"] == json.loads(om.with_name(om.name + ".json").read_text())
    assert told.document["note"] is None
    rows = dict(told.rows)
    assert rows["input"] == "image float32 4x3x8x8"
    assert (rows["chip"], rows["batch size"], rows["precision"]) == ("Ascend310P3", 4, "fp16")


def test_inspect_without_atc_shows_the_side_car_and_says_so(made):
    """A laptop has the file and no CANN."""
    om = made.convert()
    made.environ = {"PATH": made.environ["PATH"], "HOME": str(made.folder / "nobody")}
    told = answer(made, om)
    assert (told.document["soc"], told.document["atc_version"]) == ("Ascend310P3", None)
    assert "needs atc" in told.document["note"]
    assert told.document["side_car"]["batch_size"] == 4


def test_inspect_names_a_torn_om_and_a_foreign_side_car(made):
    """Both look right from outside."""
    om = made.convert()
    om.write_bytes(om.read_bytes()[:500])
    told = answer(made, om)
    assert told.document["side_car"] is None
    assert "atc told nothing of the om" in told.document["note"]
    assert "tiny_bs4.om.json is of another om" in told.document["note"]


def test_one_tool_of_either_kind_makes_the_backend_available(made, tmp_path):
    """A laptop converts, a server infers; the half that is missing says so when it is needed."""
    empty = {"PATH": "/nowhere", "HOME": str(tmp_path / "nobody")}
    assert "source " in (unavailable(empty) or "")
    assert "\n" not in (unavailable(empty) or "")
    only = {**empty, "ASCEND_CONSOLE_ATC": "atc"}
    assert ENTRY.unavailable(only) is None
    assert ENTRY.unavailable({**empty, "ASCEND_CONSOLE_MSAME": "msame"}) is None
    assert "ASCEND_CONSOLE_ATC" in (unavailable({**empty, "ASCEND_CONSOLE_ATC": '"x'}) or "")
    om = made.convert()
    backend = made.backend()
    backend.open(om, lambda name: list)
    with pytest.raises(BackendUnavailable, match="none of the inference tools"):
        backend.infer(random_images(4))


def test_a_batch_goes_through_files_and_comes_back_exactly(made):
    """The same call as on every other backend, by way of the vendor's tool."""
    with_inference(made)
    om = made.convert()
    backend = made.backend()
    backend.open(om, lambda name: list)
    images = random_images(4)
    (scores,) = backend.infer(images)
    np.testing.assert_allclose(scores, scores_of(images), atol=1e-6)
    assert scores.dtype == np.float32
    with pytest.raises(UserError, match="image"):
        backend.infer(images[:3])
    assert made.leftovers() == []


def test_files_and_random_input_are_handed_to_the_tool(made):
    """An artefact that is not the open one is read where it is named."""
    with_inference(made)
    om = made.convert()
    backend = made.backend()
    paths = []
    for number, image in enumerate(random_images(5)):
        paths.append(made.folder / f"{number}.bin")
        paths[-1].write_bytes(image.tobytes())
    events = backend.run_files(om, paths, made.run / "results", batch_size=4, loop=2)
    ran = drained(events)
    assert (ran.samples, len(ran.outputs), ran.source) == (5, 5, "dataset")
    backend.open(om, lambda name: list)
    assert backend.read_outputs(ran.outputs[4])[0].shape == (5,)
    assert drained(backend.run_random(om, batch_size=4, duration_s=0.01)).source == "random"


def drained(events):
    while True:
        try:
            next(events)
        except StopIteration as end:
            return end.value


@pytest.mark.parametrize(
    ("words", "device", "name", "factor"),
    [
        ("T1", "1", "npu:1 Ascend310", 4),
        ("T1", "0,3", "npu:0,3 Ascend310", 1),
        ("T2", None, "npu:0 Ascend310P3", 1),
        ("T2duo", "1", "npu:1 Ascend310P3", 2),
        ("T4b", None, "npu:0 Ascend910_9392", 1),
        ("nocard", None, "npu:0 (device not verified)", 1),
        ("T2", "0,7", "npu:0,7 (device not verified)", 1),
    ],
)
def test_a_figure_can_name_its_device_and_its_card(made, words, device, name, factor):
    """Tables are per card: four chips on a 310 card, two on a 310P Duo."""
    made.words["FAKE_NPU_SMI"] = words
    backend = made.backend(device=device)
    assert (backend.device_name(), backend.card_factor) == (name, factor)
    assert backend.threads == 1
    assert all(re.fullmatch(r"npu:\d", lock) for lock in backend.lock_names())


def test_a_figure_can_name_its_tool(made):
    """atc while there is nothing open, the inference tool afterwards."""
    with_inference(made)
    backend = made.backend()
    assert backend.version() == f"{made.folder}/bin/atc (CANN 8.0.RC1, Ascend310P3)"
    backend.open(made.convert(), lambda name: list)
    assert "generation F" in backend.version()
    assert "CANN 8.0.RC1" in backend.version()


def test_a_slice_of_a_chip_is_no_other_chip(made):
    """A vNPU shows under the name of the whole chip."""
    om = made.convert(soc_version="Ascend310P3Vir04")
    backend = made.backend()
    backend.open(om, lambda name: list)
    assert backend.batch_size == 4


def test_without_an_environment_the_mistake_is_ours(made):
    """Only a job can start tools."""
    with pytest.raises(AssertionError, match="env"):
        AscendBackend(BackendOptions(precision="fp16")).version()
