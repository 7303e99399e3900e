"""`--tune` on `ascend` over test doubles of aoe and atc: both artefacts, stops, refusals."""

from __future__ import annotations

import os

import pytest

from ascend_console.backends import _ascend_live
from ascend_console.core.backend import ConvertSource
from ascend_console.core.errors import BackendUnavailable, ConversionFailed, Interrupted, UserError
from ascend_console.core.events import ArtifactWritten, LogLine, LogOpened, Warned
from ascend_console.jobs._convert import convert_cached
from ascend_console.tools.device_lock import take_turn
from tests.data.ascend_conversion import Conversion, files_in

PLAIN = "tiny_bs4_untuned.om"
BANKS = {"opat": "op_bank_path", "sgat": "mdl_bank_path"}


@pytest.fixture
def made(tmp_path):
    return Conversion(tmp_path)


def bank(made):
    folder = made.folder / "workspace" / "cache" / "aoe" / "bank"
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("job", ["opat", "sgat"])
def test_the_tuned_om_and_the_plain_one_stand_side_by_side(made, job):
    """A later measurement tells what hours of tuning were worth."""
    om = made.convert(tune=job)
    assert list(files_in(om.parent)) == [
        "tiny_bs4.om",
        "tiny_bs4.om.json",
        PLAIN,
        PLAIN + ".json",
    ]
    assert (made.side_car()["tuned"], made.side_car(PLAIN)["tuned"]) == (job, None)
    assert made.option(BANKS[job]) is not None
    assert made.option(BANKS[job], PLAIN) is None
    assert bank(made)
    assert [event.path for event in made.told(ArtifactWritten)] == [str(om.with_name(PLAIN))]
    assert [event.step for event in made.told(LogOpened)] == ["atc", "aoe", "atc"]
    assert "Aoe process finished" in made.log("aoe_bs4")
    assert (made.run / "logs" / "aoe_bs4_result.json").is_file()
    assert made.leftovers() == []


def test_aoe_gets_what_decides_the_tuning_and_no_chip(made, monkeypatch):
    """The chip is that of the device; options that aoe has not end it at once."""
    seen = []
    stream = _ascend_live.process.stream

    def spy(argv, **settings):
        seen.append((list(argv), settings["environment"]))
        return stream(argv, **settings)

    monkeypatch.setattr(_ascend_live.process, "stream", spy)
    made.convert(tune="opat", precision="fp32", atc_option=("disable_reuse_memory=1",))
    argv, environment = seen[1]
    assert argv[1:] == [
        "--job_type=2",
        "--framework=5",
        f"--model={made.onnx}",
        "--input_format=NCHW",
        "--input_shape=image:4,3,8,8",
        "--precision_mode=must_keep_origin_dtype",
    ]
    assert environment["TUNE_BANK_PATH"] == made.option("op_bank_path")
    assert seen[2][1]["TUNE_BANK_PATH"] == environment["TUNE_BANK_PATH"]
    assert "TUNE_BANK_PATH" not in seen[0][1]


def test_a_stopped_tuning_keeps_what_it_has_and_goes_on(made, monkeypatch):
    """Hours of work: a Ctrl-C must not cost them."""
    monkeypatch.setattr(_ascend_live, "_GRACE_S", 0.3)
    made.words["FAKE_AOE"] = "forks,silent"
    witness = made.witness()
    asking = made.cancel_when_ready()
    with pytest.raises(Interrupted):
        made.convert(tune="sgat")
    asking.join()
    assert witness.all_gone()
    os.close(witness.descriptor)
    assert not made.output.exists()
    made.cancel.clear()
    made.words = {}
    made.convert(tune="sgat")
    assert "Reload from step 2 of 4" in made.log("aoe_bs4")
    assert any("goes on with what it left" in event.text for event in made.told(LogLine))
    made.events.clear()
    made.convert(tune="sgat")
    assert not any("goes on" in event.text for event in made.told(LogLine))


def test_with_nothing_to_tune_the_plain_om_is_the_result(made):
    """No second artefact that is the same one."""
    made.words["FAKE_AOE"] = "nothing"
    om = made.convert(tune="opat")
    assert list(files_in(om.parent)) == ["tiny_bs4.om", "tiny_bs4.om.json"]
    assert made.side_car()["tuned"] is None
    assert [event.id for event in made.told(Warned)] == ["ascend.tune_nothing"]
    backend = made.backend()
    backend.open(om, lambda name: list)
    assert backend.batch_size == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [("nodevice", "cannot be opened"), ("killed", "ran out of memory")],
)
def test_a_failed_tuning_leaves_the_plain_om(made, words, said):
    """The plain conversion was done, and is worth keeping."""
    made.words["FAKE_AOE"] = words
    with pytest.raises(ConversionFailed, match=said) as caught:
        made.convert(tune="opat")
    assert "aoe_bs4.log" in caught.value.hint
    assert list(files_in(made.output.parent)) == [PLAIN, PLAIN + ".json"]


@pytest.mark.parametrize(
    ("words", "text_id"),
    [
        ({"FAKE_NPU_SMI": "foreign"}, "ascend.tune_busy"),
        ({"FAKE_NPU_SMI": "nocard"}, "ascend.tune_no_device"),
        ({"FAKE_AOE": "busy"}, "ascend.tune_resource"),
    ],
)
def test_tuning_needs_an_idle_npu(made, words, text_id):
    """Measured beside somebody else's work, every variant looks bad."""
    made.words = words
    with pytest.raises(BackendUnavailable) as caught:
        made.convert(tune="opat", soc_version="Ascend310P3")
    assert caught.value.id == text_id
    assert caught.value.hint


def test_another_chip_than_the_local_one_cannot_be_tuned_for(made):
    """aoe measures on the chip that is there."""
    with pytest.raises(UserError, match=r"this machine's Ascend310P3, which is not Ascend310"):
        made.convert(tune="opat", soc_version="Ascend310")


def test_without_a_process_table_it_is_told_and_not_refused(made):
    """A 310 lists no processes."""
    made.words["FAKE_NPU_SMI"] = "noprocs"
    made.convert(tune="opat")
    assert [event.id for event in made.told(Warned)] == ["ascend.tune_unseen"]


def test_without_aoe_nothing_is_started(made):
    """The package of aoe is one of its own."""
    made.environ.pop("ASCEND_CONSOLE_AOE")
    made.environ["HOME"] = str(made.folder / "nobody")
    with pytest.raises(BackendUnavailable, match="aoe is not installed"):
        made.convert(tune="opat")
    assert made.told(LogOpened) == []


def test_an_old_cann_tunes_inside_atc(tmp_path):
    """5.0 has no aoe, and its --auto_tune_mode is an error everywhere else."""
    made = Conversion(tmp_path, cann="5.0.4")
    made.convert(tune="opat")
    assert made.option("auto_tune_mode") == "RL,GA"
    assert made.option("auto_tune_mode", PLAIN) is None
    assert made.side_car()["tuned"] == "opat"
    assert [event.step for event in made.told(LogOpened)] == ["atc", "atc"]
    made.words["FAKE_ATC"] = "lowmem"
    with pytest.raises(ConversionFailed, match="E10044"):
        made.convert(tune="opat")


def test_tuning_waits_for_the_run_that_has_the_device(made):
    """The console's own measurements are neighbours too."""
    with pytest.raises(StopIteration) as taken:
        next(take_turn("npu:0", made.env))
    lock = taken.value.value
    for event in made.backend(tune="opat").convert(
        ConvertSource(onnx=made.onnx), made.output, batch_size=4
    ):
        made.events.append(event)
        if isinstance(event, Warned) and event.id == "device.waiting":
            lock.release()
    assert [event.id for event in made.told(Warned)] == ["device.waiting"]
    assert made.output.exists()


def test_the_plain_om_comes_from_the_cache_too(made):
    """A measurement of both must not depend on where they come from."""
    source = ConvertSource(onnx=made.onnx)
    for _ in range(2):
        list(convert_cached(made.backend(tune="opat"), source, 4, made.output, made.env))
        assert list(files_in(made.output.parent)) == [
            "tiny_bs4.om",
            "tiny_bs4.om.json",
            PLAIN,
            PLAIN + ".json",
        ]
        for path in made.output.parent.iterdir():
            path.unlink()
