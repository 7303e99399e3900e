"""Conversion on `ascend` over test doubles of atc: artefacts, failures, cancelling, the cache."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import pytest

from ascend_console.backends import _ascend_live
from ascend_console.backends._ascend_durations import Durations
from ascend_console.core.backend import ConvertSource
from ascend_console.core.errors import (
    BackendUnavailable,
    ConversionFailed,
    Interrupted,
    ToolFailed,
    UserError,
)
from ascend_console.core.events import LogLine, LogOpened, Progress, Warned
from ascend_console.jobs._convert import _cache_key, convert_cached
from tests.data.ascend_conversion import Conversion, files_in
from tests.fakes import fake_om


@pytest.fixture
def made(tmp_path):
    return Conversion(tmp_path)


def test_an_om_and_its_side_car_stand_in_place_and_nothing_else(made):
    """The side-car is all that inference has to go by."""
    om = made.convert()
    facts, _ = fake_om.read(om)
    assert (facts.batch, facts.soc_version, facts.precision_mode) == (
        4,
        "Ascend310P3",
        "force_fp16",
    )
    side = made.side_car()
    command = side.pop("command")
    assert side.pop("om_sha256")
    assert side.pop("onnx_sha256")
    assert side == {
        "schema": 1,
        "shape_kind": "static",
        "batch_size": 4,
        "precision": "fp16",
        "soc_version": "Ascend310P3",
        "soc_origin": "npu-smi",
        "cann": "8.0.RC1",
        "tool": f"{made.folder}/bin/atc, CANN 8.0.RC1",
        "inputs": [{"name": "image", "shape": [4, 3, 8, 8], "dtype": "float32"}],
        "outputs": [{"name": "class", "shape": [4, 5], "dtype": "float32"}],
        "gears": None,
        "aipp": None,
        "tuned": None,
    }
    assert command[1:5] == [
        "--framework=5",
        f"--model={made.onnx}",
        "--input_format=NCHW",
        "--input_shape=image:4,3,8,8",
    ]
    assert list(files_in(om.parent)) == ["tiny_bs4.om", "tiny_bs4.om.json"]
    assert made.leftovers() == []
    assert "ATC run success" in made.log()
    assert [event.path for event in made.told(LogOpened)] == [
        str(made.run / "logs" / "atc_bs4.log")
    ]


def test_what_is_opened_is_what_was_converted(made):
    """`open` reads the side-car; the artefact may have been renamed meanwhile."""
    om = made.convert()
    moved = om.rename(om.with_name("renamed.om"))
    om.with_name("tiny_bs4.om.json").rename(om.with_name("renamed.om.json"))
    backend = made.backend()
    backend.open(moved, lambda name: list)
    assert (backend.inputs[0].shape, backend.outputs[0].shape, backend.batch_size) == (
        (4, 3, 8, 8),
        (4, 5),
        4,
    )
    backend.close()
    backend.close()
    assert backend.inputs == ()


def test_the_om_of_a_dynamic_model_is_found_under_its_other_name(made):
    """atc inserts system and machine; the console keeps the name that was asked for."""
    made.words["FAKE_ATC"] = "dynamic"
    om = made.convert()
    assert fake_om.read(om)[0].dynamic
    assert made.side_car()["shape_kind"] == "dynamic_shape"
    assert any("runs on linux" in event.text for event in made.told(LogLine))


def test_float32_keeps_the_types_of_the_graph(made):
    """The guides add no flag for float16; float32 is `must_keep_origin_dtype`."""
    made.convert(precision="fp32")
    assert made.option("precision_mode") == "must_keep_origin_dtype"
    assert made.side_car()["precision"] == "fp32"
    made.convert(precision="fp16")
    assert made.option("precision_mode") is None


def test_other_options_of_atc_are_passed_and_their_files_made_absolute(made, monkeypatch):
    """atc works in another folder, where a relative path would be another file."""
    monkeypatch.chdir(made.folder)
    made.convert(atc_option=("keep_dtype=keep.txt", "op_select_implmode=high_precision"),
                 atc_log="debug")  # fmt: skip
    assert made.option("keep_dtype") == str(made.folder / "keep.txt")
    assert made.option("op_select_implmode") == "high_precision"
    assert made.option("log") == "debug"
    with pytest.raises(UserError, match="flag of its own"):
        made.convert(atc_option=("soc_version=Ascend310",))


def test_a_batch_gear_is_compiled_with_an_open_batch(made):
    """The side-car says which gear a run of this artefact takes."""
    om = made.convert(atc_option=("dynamic_batch_size=1,4,8",))
    assert made.option("input_shape") == "image:-1,3,8,8"
    assert fake_om.read(om)[0].gears == {"dynamic_batch_size": "1,4,8"}
    side = made.side_car()
    assert (side["shape_kind"], side["batch_size"]) == ("dynamic_batch", 4)
    assert side["inputs"][0]["shape"] == [4, 3, 8, 8]
    with pytest.raises(UserError, match="no gear for the batch size 2"):
        made.convert(batch=2, atc_option=("dynamic_batch_size=1,4,8",))


def test_paths_that_atc_stumbles_over_get_a_private_copy(tmp_path):
    """Blanks and quotes are usual on desks, and atc documents none of them."""
    made = Conversion(tmp_path, workspace="my 'work' space", onnx_name="a model (1).onnx")
    made.convert()
    assert made.option("model").endswith("/model.onnx")
    assert " " not in made.option("output")
    assert made.leftovers() == []


FAILURES = {
    "E10016": "no node of the model",
    "E19010": "no parser for an operator",
    "E19010,gen=5": "no parser for an operator",
    "E19010,gen=8.1": "no parser for an operator",
    "E19010,gen=9": "no parser for an operator",
    "E20001": "compile",
    "EL0004": "memory",
    "te": "Python modules",
    "internal": "inside the converter",
    "lib": "not loaded",
    "killed": "ran out of memory",
    "oom": "ran out of memory",
    "segv": "crashed",
    "short,killed": "ran out of memory",
    "nofile": "wrote no om",
    "short": "not whole",
    "noverdict": "without a verdict",
    "exit=3": "neither a code nor words",
    "E10016,exit=0": "no node of the model",
}


@pytest.mark.parametrize("words", FAILURES)
def test_every_failure_has_a_cause_a_remedy_and_its_log(made, words):
    """One message, not a traceback; nothing half-written, and what atc said is kept."""
    made.words["FAKE_ATC"] = words
    with pytest.raises(ConversionFailed) as caught:
        made.convert()
    error = caught.value
    assert FAILURES[words] in error.message
    assert str(made.run / "logs" / "atc_bs4.log") in error.hint
    assert len(error.hint) > 60
    assert made.log()
    assert not made.output.exists()
    assert list(files_in(made.output.parent)) == []
    assert made.leftovers() == []


def test_a_failure_names_its_code_and_the_operator(made):
    """What has to be exported otherwise, in words that can be searched for."""
    made.words["FAKE_ATC"] = "E19010"
    with pytest.raises(ConversionFailed) as caught:
        made.convert()
    assert caught.value.values["code"] == "E19010"
    assert "Trilu_12" in caught.value.message
    assert "算子" in caught.value.values["cause_zh"]
    assert any("Trilu" in event.text for event in made.told(LogLine) if event.level == "error")


@pytest.mark.parametrize("words", ["traceback,dots", "noise", "garbage", "flood=2"])
def test_noise_is_no_failure(made, words):
    """A traceback of a helper, a row of dots, prints of operators, bytes that are no text."""
    made.words["FAKE_ATC"] = words
    assert fake_om.read(made.convert())[0].batch == 4


def test_a_warning_is_shown_twice_and_counted(made):
    """W11001 comes once for each operator, hundreds of times."""
    made.words["FAKE_ATC"] = "w11001=57"
    made.convert()
    shown = [event.text for event in made.told(LogLine) if event.level == "warning"]
    assert len(shown) == 3
    assert "W11001" in shown[0]
    assert "W11001 57 times" in shown[2]


def test_without_atc_the_error_says_where_to_get_it(made):
    """A machine that only infers has an inference tool and no atc."""
    made.environ = {key: made.environ[key] for key in ("PATH", "HOME")}
    made.environ["HOME"] = str(made.folder / "nobody")
    with pytest.raises(BackendUnavailable, match="atc is not installed") as caught:
        made.convert(soc_version="Ascend310")
    assert "ASCEND_CONSOLE_ATC" in caught.value.hint


def test_an_output_that_cannot_be_written_is_known_before_atc_works(made):
    """An hour later it would be the same error."""
    made.run.joinpath("convert").write_text("in the way")
    with pytest.raises(ToolFailed, match="cannot write"):
        made.convert()
    assert made.told(LogOpened) == []


@pytest.mark.parametrize("words", ["silent", "forks,silent", "deaf", "forks,deaf"])
def test_cancelling_leaves_no_process_and_no_artefact(made, monkeypatch, words):
    """atc says nothing for minutes, so that nobody may wait for its next line."""
    monkeypatch.setattr(_ascend_live, "_GRACE_S", 0.3)
    made.words["FAKE_ATC"] = words
    witness = made.witness()
    asking = made.cancel_when_ready()
    with pytest.raises(Interrupted):
        made.convert()
    asking.join()
    assert witness.all_gone()
    os.close(witness.descriptor)
    assert not made.output.exists()
    assert made.leftovers() == []


def test_leaving_the_events_early_stops_atc(made):
    """A front end that dies closes the generator and nothing more."""
    made.words["FAKE_ATC"] = "silent"
    witness = made.witness()
    events = made.backend().convert(ConvertSource(onnx=made.onnx), made.output, batch_size=4)
    while not isinstance(next(events), Progress):
        pass
    next(events)
    events.close()
    assert witness.all_gone()
    os.close(witness.descriptor)
    assert made.leftovers() == []


def test_a_silent_atc_is_followed_by_its_elapsed_time(tmp_path, monkeypatch):
    """It has no percentage, so seconds and the last duration are all there is to show."""
    monkeypatch.setattr(_ascend_live, "_TICK_S", 0.01)
    made = Conversion(tmp_path, step_s=2.0)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    made.words |= {"FAKE_ATC": "held", "FAKE_GATE": str(gate)}
    ticks = []
    for event in made.backend().convert(ConvertSource(onnx=made.onnx), made.output, batch_size=4):
        if isinstance(event, Progress):
            ticks.append(event)
        if len(ticks) == 4:
            with gate.open("w"):
                pass
            ticks.append(event)
    seconds = [event.done for event in ticks]
    assert seconds == sorted(seconds)
    assert seconds[0] < seconds[3]
    assert {event.unit for event in ticks} == {"s"}
    made.words = {}
    made.convert()
    first = made.told(Progress)[0]
    assert first.total == ticks[-1].total


def test_an_unreadable_file_of_durations_is_as_good_as_none(made):
    """It is a guess for a progress bar, and must never stop a conversion."""
    durations = Durations(made.folder / "workspace")
    path = made.folder / "workspace" / "cache" / "durations.json"
    durations.put("atc", 3.6)
    assert durations.get("atc") == 4
    texts = ("{", "[]", '{"schema": 1}', '{"schema": 1, "seconds": {"atc": "x"}}', "\xff", "1" * 9)
    for text in texts:
        path.write_text(text, "latin-1")
        assert durations.get("atc") is None
        durations.put("atc", 0.1)
        assert durations.get("atc") == 1
    path.unlink()
    path.mkdir()
    durations.put("atc", 5)
    assert durations.get("atc") is None


def key(made, source=None, **options):
    return _cache_key(made.backend(**options), source or ConvertSource(onnx=made.onnx), 4)


def test_the_cache_tells_apart_what_makes_another_om(made):
    """A stale artefact is a wrong figure."""
    keep = made.folder / "keep.txt"
    keep.write_text("Conv_0")
    option = {"atc_option": (f"keep_dtype={keep}",)}
    keys = [
        key(made),
        key(made, precision="fp32"),
        key(made, soc_version="Ascend310"),
        key(made, out_nodes="Conv_0:0"),
        key(made, atc_option=("disable_reuse_memory=1",)),
        key(made, tune="opat"),
        key(made, **option),
        key(made, source=ConvertSource(onnx=made.onnx, input_shape=(3, 8, 8))),
    ]
    keep.write_text("Conv_1")
    keys.append(key(made, **option))
    made.environ["HOME"] = str(made.folder / "other")
    keys.append(key(made))
    assert len(set(keys)) == len(keys)


def test_an_artefact_comes_from_the_cache_with_its_side_car(made):
    """The side-car is part of the artefact."""
    source = ConvertSource(onnx=made.onnx)
    list(convert_cached(made.backend(), source, 4, made.output, made.env))
    before = made.side_car()
    made.output.unlink()
    made.output.with_name("tiny_bs4.om.json").unlink()
    made.words["FAKE_ATC"] = "internal"
    list(convert_cached(made.backend(), source, 4, made.output, made.env))
    assert made.side_car() == before
    assert fake_om.read(made.output)[0].batch == 4


def test_two_conversions_at_once_do_not_disturb_each_other(made):
    """Operators are compiled in the working folder, which two atc must not share."""
    backends = [(batch, made.backend()) for batch in (1, 2)]
    outputs = [made.output.with_name(f"bs{batch}.om") for batch, _ in backends]
    source = ConvertSource(onnx=made.onnx)

    def work(batch, backend, output):
        list(backend.convert(source, output, batch_size=batch))

    threads = [
        threading.Thread(target=work, args=(batch, backend, output))
        for (batch, backend), output in zip(backends, outputs, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [fake_om.read(output)[0].batch for output in outputs] == [1, 2]
    assert made.leftovers() == []


def test_another_target_than_the_local_chip_is_warned_about(made):
    """Conversion for a server elsewhere is usual, a forgotten flag too."""
    made.convert(soc_version="ascend310")
    assert made.side_car()["soc_version"] == "Ascend310"
    assert made.side_car()["soc_origin"] == "--soc-version"
    (warned,) = made.told(Warned)
    assert warned.id == "ascend.other_target"
    assert "Ascend310P3" in warned.message
    with pytest.raises(UserError, match=r"made for Ascend310, and device 0 is Ascend310P3"):
        made.backend().open(made.output, lambda name: list)


def test_a_refused_option_of_another_backend_is_named(made):
    """The chip has no execution provider and no threads of ours."""
    options = made.backend().options
    for change in ({"provider": "CUDA"}, {"threads": 2}):
        with pytest.raises(UserError, match=next(iter(change))):
            type(made.backend())(replace(options, **change))
