"""The fake ais_bench against the modules that drive the real one: every generation is read."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ascend_console.ascend.ais_bench import (
    GENERATIONS,
    AisBenchRequest,
    ais_bench_argv,
    at_least,
    generation_of_help,
)
from ascend_console.ascend.ais_bench_log import AisBenchLog, parse_ais_bench
from ascend_console.ascend.ais_bench_output import (
    AisBenchSummary,
    device_folders,
    parse_summary,
    read_result_name,
    result_name,
    summary_places,
)
from ascend_console.ascend.explain import explain
from ascend_console.core.errors import UserError
from ascend_console.tools.result_decode import decode_one
from tests.fakes.ais_bench_command import main
from tests.fakes.fake_om import OmTensor
from tests.fakes.tiny_om import random_images, scores_of, write_tiny_om

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = 6
NAMED = [generation for generation in GENERATIONS if at_least(generation, "C")]


@dataclass
class Ran:
    """One run: how it ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def log(self) -> AisBenchLog:
        """The log as the console reads it."""
        return parse_ais_bench(self.out)


class Bench:
    """An om, a folder of inputs and one for outputs, and the tool over them."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capture = folder, capture
        self.images = random_images(IMAGES)
        self.prepared, self.output = folder / "prep", folder / "out"
        for made in (self.prepared, self.output):
            made.mkdir(mode=0o750)
        for index, image in enumerate(self.images):
            path = self.prepared / f"img_{index}.bin"
            path.write_bytes(image.tobytes())
            path.chmod(0o640)

    def om(self, batch: int = 4, **changes: Any) -> str:
        """The network for a batch size."""
        return str(write_tiny_om(self.folder / f"tiny_bs{batch}.om", batch, **changes))

    def request(self, generation: str = "F", batch: int = 4, **changes: Any) -> AisBenchRequest:
        """All inputs, results as NPY, in the folder `run` where the generation can name it."""
        plain = AisBenchRequest(model=self.om(batch), batchsize=batch, input=(str(self.prepared),),
                                output=str(self.output))  # fmt: skip
        if at_least(generation, "C"):
            plain = replace(plain, output_dirname="run")
        return replace(plain, **changes)

    def run(self, request: AisBenchRequest, generation: str = "F", **words: str) -> Ran:
        """The tool with the arguments that the console would give it."""
        return self.call(ais_bench_argv(request, generation), generation, **words)

    def call(self, argv: list[str], generation: str = "F", **words: str) -> Ran:
        """The tool with any arguments."""
        soc = words.pop("soc", None)
        before = ["benchmark"] if generation == "msit" else []
        code = main([*before, *argv], generation=generation, words=words, soc=soc)
        return Ran(code, *self.capture.readouterr())

    def summary(self, folder: str | Path) -> AisBenchSummary:
        """The summary of a result folder, wherever it lies."""
        (place,) = filter(os.path.exists, summary_places(str(folder)))
        with open(place, encoding="utf-8") as stream:
            return parse_summary(stream.read())


@pytest.fixture
def bench(tmp_path, capsys):
    before = os.umask(0o022)
    tmp_path.chmod(0o750)
    yield Bench(tmp_path, capsys)
    os.umask(before)


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("generation", GENERATIONS)
def test_log_summary_and_results_of_every_generation_are_read(bench, generation, batch):
    """Six images leave half a batch of four: A and B lose it without a word, later ones fill it."""
    ran = bench.run(bench.request(generation, batch), generation)
    assert ran.code == 0, ran.err
    expected = IMAGES if at_least(generation, "C") or batch == 1 else 4
    log, found = ran.log, bench.summary(ran.log.folder)
    assert log.ended
    assert not log.errors
    assert log.doubts() == ()
    assert log.files_per_batch == batch
    assert log.progress == (log.run_count, log.run_count) == (-(-expected // batch),) * 2
    (printed,) = log.summaries
    assert printed.throughput == found.throughput
    assert printed.compute.mean_ms == found.compute.mean_ms
    assert printed.batch_size == found.batch_size == batch
    assert (printed.h2d is None) == at_least(generation, "D")
    assert len(found.compute_list_ms) == (log.run_count if at_least(generation, "D") else 0)
    scores = scores_of(bench.images)
    assert [item.index for item in found.files] == list(range(expected))
    for item, row in zip(found.files, scores, strict=False):
        name = result_name(generation, sample=item.index, first_input=item.infiles[0], output=0,
                           suffix="npy")  # fmt: skip
        assert item.outfiles == (os.path.join(log.folder, name),)
        assert read_result_name(name, generation) is not None
        values = np.load(item.outfiles[0])
        assert values.shape == (1, 5)
        np.testing.assert_allclose(values[0], row, rtol=1e-5, atol=1e-6)
    wanted = expected + (not at_least(generation, "D"))
    assert len(os.listdir(log.folder)) == wanted


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_generation_tells_itself_by_its_help_and_says_that_it_is_a_double(bench, generation):
    ran = bench.call(["--help"], generation)
    assert generation_of_help(ran.out) == generation
    assert ran.code == 0
    assert "test double" in ran.out.splitlines()[0]
    assert bench.call(["--version"], generation).out == ran.out.splitlines()[0] + "\n"


@pytest.mark.parametrize(
    ("generation", "flag"),
    [("A", "--output_dirname=x"), ("B", "--profiler"), ("C", "--warmup_count=1"), ("D", "-m=x"),
     ("E", "--divide_input=1"), ("E", "--om=x"), ("F", "--om-model=x"), ("msit", "--dymBatch=1"),
     ("B", "--device_id=1"), ("D", "--infer_queue_count=2"), ("F", "--no_such")],
)  # fmt: skip
def test_a_flag_of_another_generation_ends_with_two(bench, generation, flag):
    ran = bench.call([*ais_bench_argv(bench.request("A"), generation), flag], generation)
    assert ran.code == 2
    assert "error: " in ran.err
    assert explain(ran.out + ran.err, exit_code=2).outcome == "failure"


def test_an_older_tool_under_reports_without_a_batch_size(bench):
    """A to D take 1, and are wrong by the batch size; later ones ask the model."""
    for generation in GENERATIONS:
        argv = ais_bench_argv(bench.request("A", input=(), output=""), generation)
        index = argv.index("--batch-size" if generation == "msit" else "--batchsize")
        ran = bench.call([*argv[:index], *argv[index + 2 :]], generation)
        assert ran.log.summaries[0].batch_size == (4 if at_least(generation, "E") else 1)


def test_results_come_as_bytes_and_as_text(bench):
    expected = scores_of(bench.images)
    for outfmt in ("BIN", "TXT"):
        ran = bench.run(bench.request(outfmt=outfmt, output_dirname=outfmt))
        assert ran.code == 0
        for item, row in zip(bench.summary(ran.log.folder).files, expected, strict=True):
            with open(item.outfiles[0], "rb") as stream:
                data = stream.read()
            np.testing.assert_allclose(decode_one(data, outfmt), row, rtol=1e-5, atol=1e-6)
            if outfmt == "TXT":
                assert data.decode() == "".join(f"{value:f} " for value in row) + "\n"


def test_text_is_added_to_a_file_of_an_earlier_run_until_it_is_not(bench):
    """D adds to what is there, so that a second run leaves stale first lines; E replaces it."""
    for generation, rows in (("D", 2), ("E", 1)):
        request = bench.request(generation, outfmt="TXT", output_dirname=generation)
        for _ in range(2):
            assert bench.run(request, generation).code == 0
        text = (bench.output / generation / "img_0_0.txt").read_text()
        assert len(text.splitlines()) == rows


def test_names_are_cut_at_the_first_dot_and_then_overwrite_each_other(bench):
    for name in ("x.a.bin", "x.b.bin"):
        os.link(bench.prepared / "img_0.bin", bench.prepared / name)
    ran = bench.run(bench.request(batch=1))
    assert ran.code == 0
    assert len(bench.summary(ran.log.folder).files) == IMAGES + 2
    assert len(os.listdir(ran.log.folder)) == IMAGES + 1


def test_a_loop_is_one_time_in_a_and_b_and_as_many_as_its_rounds_later(bench):
    for generation, count in (("B", None), ("E", 15)):
        ran = bench.run(bench.request(generation, batch=2, loop=5), generation)
        assert bench.summary(ran.log.folder).compute.count == count
        assert ("loop inference exec: (5/5)" in ran.out) == (generation == "E")


def test_a_run_without_inputs_saves_one_result_of_its_own_name(bench):
    ran = bench.run(bench.request(input=(), pure_data_type="zero", display_all_summary=True))
    assert os.listdir(ran.log.folder) == ["pure_infer_data_0.npy"]
    zeros = scores_of(np.zeros((4, 3, 8, 8), np.float32))
    np.testing.assert_allclose(
        np.load(os.path.join(ran.log.folder, "pure_infer_data_0.npy")), zeros, atol=1e-6
    )
    assert ran.log.summaries[0].h2d is not None
    assert bench.run(bench.request(input=(), pure_data_type="random", output_dirname="r")).code == 0


def test_numpy_files_count_by_their_bytes(bench):
    """No type is converted: float64 fills two places, or fits nowhere."""
    for name in os.listdir(bench.prepared):
        os.unlink(bench.prepared / name)
    for index, image in enumerate(bench.images):
        np.save(bench.prepared / f"img_{index}.npy", image[None])
    ran = bench.run(bench.request())
    assert ran.code == 0
    values = np.load(os.path.join(ran.log.folder, "img_5_0.npy"))
    np.testing.assert_allclose(values, scores_of(bench.images)[5:], rtol=1e-5, atol=1e-6)
    np.save(bench.prepared / "img_0.npy", bench.images[0].astype(np.float64))
    wrong = bench.run(bench.request(batch=1, output_dirname="w"))
    assert wrong.code == 1
    assert "arg0 tensorsize: 768 filesize: 1536 not match" in wrong.log.errors
    assert explain(wrong.out + wrong.err, exit_code=1).cause_id == "sign.input_size"


def test_the_model_table_of_debug_is_read(bench):
    for generation in ("A", "E", "F"):
        log = bench.run(bench.request(generation, debug=True), generation).log
        assert log.inputs[0].name == "image"
        assert log.inputs[0].shape == (4, 3, 8, 8)
        assert (log.inputs[0].dtype, log.inputs[0].size) == ("float32", 3072)
        assert log.outputs[0].shape == (4, 5)


def test_several_devices_share_the_inputs_in_e_and_repeat_them_in_f(bench):
    """The exit code of a run that went well is 1 in E, as in the vendor's own example."""
    for generation, divide, counts in (("E", False, [3, 3]), ("F", False, [6, 6]),
                                       ("F", True, [3, 3])):  # fmt: skip
        request = bench.request(generation, devices=(0, 2), batch=1, divide_input=divide,
                                output_dirname=f"{generation}{divide}")  # fmt: skip
        ran = bench.run(request, generation)
        assert ran.code == (generation == "E")
        assert "result:1" in ran.out or generation == "F"
        log = ran.log
        assert log.doubts() == ()
        assert [item.device for item in log.devices] == [0, 2]
        assert len(log.summaries) == 2
        folders = device_folders(str(bench.output / request.output_dirname), (0, 2), generation)
        summaries = [bench.summary(folder) for folder in folders]
        assert [len(item.files) for item in summaries] == counts
        assert sum(item.throughput for item in summaries) == log.total_throughput


def test_one_device_that_fails_is_missing_in_the_sum(bench):
    ran = bench.run(bench.request(devices=(0, 1)), device_error="1")
    assert ran.code == 1
    assert [item.device for item in ran.log.devices] == [0]
    assert any("subprocess run failed" in line for line in ran.log.errors)


@pytest.mark.parametrize(
    ("words", "code", "cause"),
    [
        ({"no_aclruntime": ""}, 1, "sign.aclruntime"),
        ({"no_ascendcl": ""}, 1, "sign.library"),
        ({"device_error": ""}, 1, "sign.device_open"),
        ({"busy": "0"}, 1, "code.EL0005"),
        ({"no_memory": ""}, 1, "code.EL0004"),
        ({"soc": "Ascend910B4"}, 1, "sign.other_chip"),
        ({"wrong_soc": ""}, 1, "sign.other_chip"),
        ({"aicore": ""}, 1, "sign.aicore_any"),
    ],
)
def test_a_failure_is_explained_by_its_cause(bench, words, code, cause):
    ran = bench.run(bench.request(), **words)
    assert ran.code == code
    found = explain(ran.out + ran.err, exit_code=code)
    assert found.outcome == "failure"
    assert cause in [item.id for item in found.findings]


def test_the_newest_tool_refuses_paths_before_it_starts(bench, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(bench.prepared)
    odd = tmp_path / "a b"
    odd.mkdir(mode=0o750)
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o775)
    for path, words in ((link, "soft link"), (odd, "illegal char"), (shared, "group writable")):
        ran = bench.run(bench.request(input=(str(path),)))
        assert ran.code == 2
        assert words in ran.out
        assert f"input path:{path} is illegal" in ran.err
        older = bench.run(bench.request("E", input=(str(path),), output_dirname=""), "E")
        assert older.code == (0 if path == link else 1)
    (bench.prepared / "img_3.bin").chmod(0o666)
    inside = bench.run(bench.request())
    assert inside.code == 1
    assert "is illegal" in inside.err


def test_damaged_summaries_are_not_believed(bench):
    for word in ("truncated_summary", "nan_summary"):
        ran = bench.run(bench.request(output_dirname=word), **{word: ""})
        assert ran.code == 0
        with pytest.raises(UserError):
            bench.summary(ran.log.folder)
    for word, printed in (("no_summary", 0), ("no_summary_file", 1)):
        ran = bench.run(bench.request(output_dirname=word), **{word: ""})
        assert ran.code == 0
        assert len(ran.log.summaries) == printed
        assert not os.path.exists(summary_places(ran.log.folder)[1])


def test_outputs_can_be_wrong_in_all_the_ways_that_matter(bench):
    for word, check in (("zeros", lambda row: not row.any()), ("nan", lambda row: all(row != row)),
                        ("half", lambda row: all(row == row.astype("f2")))):  # fmt: skip
        bench.run(bench.request(output_dirname=word), **{word: ""})
        assert check(np.load(bench.output / word / "img_0_0.npy")[0])
    ran = bench.run(bench.request(output_dirname="missing"), missing_result="")
    assert not os.path.exists(bench.summary(ran.log.folder).files[-1].outfiles[0])


def test_gears_and_dynamic_shapes_are_chosen_by_their_options(bench):
    gears = {"dynamic_batch_size": "1,2"}
    om = str(write_tiny_om(bench.folder / "gears.om", gears=gears))
    plain = bench.request(model=om, batchsize=2)
    ran = bench.run(replace(plain, dym_batch=2))
    assert ran.log.files_per_batch == 2
    values = np.load(bench.output / "run" / "img_4_0.npy")
    np.testing.assert_allclose(values, scores_of(bench.images)[4:5], rtol=1e-5, atol=1e-6)
    for changes, cause in (({"dym_batch": 3}, "gear_wrong"), ({}, "gear_missing")):
        wrong = bench.run(replace(plain, **changes))
        assert wrong.code == 1
        found = explain(wrong.out + wrong.err, exit_code=1)
        assert f"sign.{cause}" in [item.id for item in found.findings]
    om = str(write_tiny_om(bench.folder / "open_linux_x86_64.om", dynamic=True))
    dynamic = replace(plain, model=om, output_size=(4000,))
    assert bench.run(replace(dynamic, dym_shape="image:3,3,8,8")).log.files_per_batch == 3
    assert bench.run(replace(dynamic, auto_set_dymshape_mode=True, input=())).code == 1
    shapes = bench.run(replace(dynamic, dym_shape_range="image:1~2,3,8,8-9", input=())).log.shapes
    assert {item.shape: item.succeeded for item in shapes} == {
        f"image:{batch},3,8,{width}": width == 8 for batch in (1, 2) for width in (8, 9)
    }


def test_an_image_model_takes_eight_bit_pictures(bench):
    aipp = {"aipp_mode": "static", "input_format": "RGB888_U8",
            "var_reci_chn_0": 0.5, "var_reci_chn_1": 0.5, "var_reci_chn_2": 0.5}  # fmt: skip
    inputs = (OmTensor("image", (1, 8, 8, 3), "uint8"),)
    om = str(write_tiny_om(bench.folder / "aipp.om", 1, aipp=aipp, inputs=inputs))
    picture = np.random.default_rng(3).integers(0, 256, (8, 8, 3), np.uint8)
    path = bench.folder / "picture.bin"
    path.write_bytes(picture.tobytes())
    ran = bench.run(bench.request(model=om, batchsize=1, input=(str(path),)))
    assert ran.code == 0
    expected = scores_of(picture.transpose(2, 0, 1)[None].astype(np.float32) / 2)
    values = np.load(bench.output / "run" / "picture_0.npy")
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-4)


def test_threads_give_intervals_instead_of_times(bench):
    ran = bench.run(bench.request(batch=1, pipeline=True, threads=2, energy_consumption=True))
    assert ran.code == 0
    found = bench.summary(ran.log.folder)
    assert found.compute_list_ms == ()
    assert found.compute.count == len(found.files) == IMAGES
    assert ran.log.summaries[0].compute.mean_ms == found.compute.mean_ms
    assert ran.log.energy_j[0][0] == 0


def test_the_summary_keeps_the_arguments(bench):
    ran = bench.run(bench.request())
    assert bench.summary(ran.log.folder).args[1:] == tuple(ais_bench_argv(bench.request(), "F"))
