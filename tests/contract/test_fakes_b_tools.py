"""The fake benchmark and msame against their readers, and all inference fakes as programs."""

from __future__ import annotations

import os
import select
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ascend_console.ascend import benchmark, msame
from ascend_console.ascend.ais_bench import generation_of_help
from ascend_console.ascend.ais_bench_log import parse_ais_bench
from ascend_console.ascend.benchmark import BenchmarkRequest, benchmark_argv
from ascend_console.ascend.explain import explain
from ascend_console.ascend.msame import MsameRequest, msame_argv, parse_msame
from ascend_console.core.errors import UserError
from tests.data.fake_tools import PATIENCE_S
from tests.fakes import fake_benchmark, fake_msame
from tests.fakes.cann_root import write_launcher
from tests.fakes.fake_om import OmTensor
from tests.fakes.inference import fake_inference_commands
from tests.fakes.tiny_om import random_images, scores_of, write_tiny_om

IMAGES = 6
FAKES = Path(fake_msame.__file__).parent


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """Inputs, their list, two oms; the working folder is that of the test."""
    before = os.umask(0o022)
    tmp_path.chmod(0o750)
    (tmp_path / "prep").mkdir(mode=0o750)
    for index, image in enumerate(random_images(IMAGES)):
        (tmp_path / "prep" / f"img_{index}.bin").write_bytes(image.tobytes())
        (tmp_path / "prep" / f"img_{index}.bin").chmod(0o640)
    lines = [f"{index} prep/img_{index}.bin 8 8\n" for index in range(IMAGES)]
    (tmp_path / "prep.info").write_text("".join(lines))
    for batch in (1, 4):
        write_tiny_om(tmp_path / f"tiny_bs{batch}.om", batch)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    os.umask(before)


def _request(batch=4, **changes):
    plain = {"om": f"tiny_bs{batch}.om", "batch_size": batch, "info": "prep.info",
             "width": 8, "height": 8}  # fmt: skip
    return BenchmarkRequest(**{**plain, **changes})


def _benchmark(capsys, request, **words):
    code = fake_benchmark.main(benchmark_argv(request), words)
    return code, capsys.readouterr().out


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("batch", [1, 4])
def test_results_and_figures_of_benchmark_are_read(prepared, capsys, batch, binary):
    code, out = _benchmark(capsys, _request(batch, output_binary=binary))
    assert code == 0
    assert "test double" in out.splitlines()[0]
    folder = prepared / "result" / "dumpOutput_device0"
    names = {benchmark.read_result_name(name)[0]: name for name in os.listdir(folder)}
    assert sorted(names) == [f"img_{index}" for index in range(IMAGES)]
    for index, row in enumerate(scores_of(random_images(IMAGES))):
        data = (folder / names[f"img_{index}"]).read_bytes()
        values = (np.frombuffer(data, "f4") if binary
                  else np.array(benchmark.parse_text_result(data.decode())[0]))  # fmt: skip
        np.testing.assert_allclose(values, row, rtol=1e-4, atol=1e-5)
    path = prepared / "result" / benchmark.perf_name(batch, 0)
    assert benchmark.read_perf_name(path.name) == ("vision", batch, 0)
    perf = benchmark.parse_perf(path.read_text())
    assert benchmark.perf_doubts(perf, batch, IMAGES) == ()
    assert benchmark.parse_perf(out) == perf
    assert explain(out).tool == "benchmark"


@pytest.mark.parametrize("word", ["old_labels", "no_comma", "no_blank", "exponent", "full_width"])
def test_every_writing_of_the_performance_file_is_read(prepared, capsys, word):
    _benchmark(capsys, _request(), **{word: ""})
    text = (prepared / "result" / benchmark.perf_name(4, 0)).read_text()
    assert benchmark.perf_doubts(benchmark.parse_perf(text), 4, IMAGES) == ()


def test_performance_files_that_cannot_be_believed_are_told(prepared, capsys):
    path = prepared / "result" / benchmark.perf_name(4, 0)
    for word, doubt in (("wrong_rate", "perf.images"), ("wrong_latency", "perf.latency"),
                        ("slow_stage", "perf.slower")):  # fmt: skip
        _benchmark(capsys, _request(), **{word: ""})
        found = benchmark.perf_doubts(benchmark.parse_perf(path.read_text()), 4, IMAGES)
        assert doubt in [item.id for item in found]
    for word in ("cut_perf", "nan_perf"):
        _benchmark(capsys, _request(), **{word: ""})
        with pytest.raises(UserError):
            benchmark.parse_perf(path.read_text())
    path.unlink()
    assert _benchmark(capsys, _request(), no_perf="")[0] == 0
    assert not path.exists()


def test_a_picture_goes_through_dvpp_and_aipp(prepared, capsys):
    """With `-useDvpp=True` the list names pictures, and the om takes 8-bit values."""
    from PIL import Image

    aipp = {"input_format": "RGB888_U8", **{f"var_reci_chn_{index}": 0.5 for index in range(3)}}
    inputs = (OmTensor("image", (1, 8, 8, 3), "uint8"),)
    write_tiny_om(prepared / "aipp.om", 1, aipp=aipp, inputs=inputs)
    picture = np.random.default_rng(3).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(picture).save(prepared / "photo.png")
    (prepared / "jpg.info").write_text("0 photo.png 8 8\n")
    request = _request(om="aipp.om", batch_size=1, info="jpg.info", use_dvpp=True)
    assert _benchmark(capsys, request)[0] == 0
    text = (prepared / "result" / "dumpOutput_device0" / "photo_1.txt").read_text()
    expected = scores_of(picture.transpose(2, 0, 1)[None].astype("f4") / 2)
    np.testing.assert_allclose(benchmark.parse_text_result(text), expected, rtol=1e-4, atol=1e-3)


def test_random_data_gives_rounds_and_averages_per_sample(prepared, capsys):
    for words in ({}, {"equals": ""}):
        request = _request(info="", rounds=20, width=None, height=None)
        code, out = _benchmark(capsys, request, **words)
        assert code == 0
        (run,) = benchmark.parse_pure(out)
        assert len(run.rounds) == 20
        assert (run.om_stem, run.device) == ("tiny_bs4", 0)
        assert benchmark.pure_batch(run) == 4
        assert benchmark.pure_doubts(run) == ()
        name = "PureInfer_perf_of_tiny_bs4_in_device_0.txt"
        (written,) = benchmark.parse_pure((prepared / "result" / name).read_text())
        assert (written.rate, written.latency_ms) == (run.rate, run.latency_ms)


def test_what_benchmark_refuses(prepared, capsys):
    wrong = {
        "is not equal to model input size[3072]": benchmark_argv(
            _request(om="tiny_bs4.om", batch_size=1)
        ),
        "unknown parameter": ["--no_such=1"],
        "does not exist": benchmark_argv(_request(info="none.info")),
    }
    for words, argv in wrong.items():
        assert fake_benchmark.main(argv, {}) == 1
        assert words in capsys.readouterr().out
    for word in ("device_error", "no_memory", "wrong_soc"):
        code, out = _benchmark(capsys, _request(), **{word: ""})
        assert code == 1
        assert explain(out, exit_code=code).outcome == "failure"
    assert _benchmark(capsys, _request(), lib="")[0] == 127


def _msame(capsys, request, **words):
    code = fake_msame.main(msame_argv(request), words)
    out = capsys.readouterr().out
    (run,) = parse_msame(out)
    return code, run, out


@pytest.mark.parametrize("words", [{}, {"old": ""}])
@pytest.mark.parametrize("outfmt", ["TXT", "BIN"])
def test_msame_over_a_folder_names_its_results_after_the_files(prepared, capsys, outfmt, words):
    request = MsameRequest(model="tiny_bs1.om", output="out", input=("prep",), outfmt=outfmt)
    code, run, out = _msame(capsys, request, **words)
    assert (code, run.outcome, run.errors) == (0, "success", ())
    assert "test double" in out.splitlines()[0]
    assert len(run.times_ms) == IMAGES
    assert abs(run.average_ms - np.mean(run.times_ms)) <= 0.0051
    assert run.model == "tiny_bs1.om"
    for index, row in enumerate(scores_of(random_images(IMAGES))):
        path = Path(run.folder, msame.result_name(f"prep/img_{index}.bin", 0, outfmt))
        values = (np.fromfile(path, "f4") if outfmt == "BIN"
                  else np.array(path.read_text().split(), "f4"))  # fmt: skip
        np.testing.assert_allclose(values, row, rtol=1e-4, atol=1e-5)


def test_msame_over_a_file_repeats_it_and_names_its_result_after_the_model(prepared, capsys):
    """A batch is one file; the text has an empty line between its samples."""
    batch = random_images(4)
    (prepared / "four.bin").write_bytes(batch.tobytes())
    request = MsameRequest(model="tiny_bs4.om", output="out", input=("four.bin",), loop=3,
                           outfmt="TXT", debug=True)  # fmt: skip
    code, run, _ = _msame(capsys, request)
    assert code == 0
    assert len(run.times_ms) == 3
    assert run.timing.count == 3
    assert run.without_first_ms is not None
    assert os.listdir(run.folder) == ["tiny_bs4_output_0.txt"]
    text = Path(run.folder, "tiny_bs4_output_0.txt").read_text()
    rows = [row.split() for row in text.split("\n\n")]
    np.testing.assert_allclose(np.array(rows, "f4"), scores_of(batch), rtol=1e-4, atol=1e-5)


def test_msame_ends_with_nothing_for_an_option_that_it_does_not_know(prepared, capsys):
    assert fake_msame.main(["--no_such", "x"], {}) == 0
    (run,) = parse_msame(capsys.readouterr().out)
    assert run.errors[0] == "unknown paramenter"


@pytest.mark.parametrize(
    "words", [{"device_error": ""}, {"no_memory": ""}, {"wrong_soc": ""}, {"size_zero": ""}]
)
def test_msame_says_that_it_failed(prepared, capsys, words):
    request = MsameRequest(model="tiny_bs1.om", output="out", input=("prep",))
    code, run, out = _msame(capsys, request, **words)
    assert (code, run.outcome) == (1, "failure")
    assert explain(out, exit_code=1).outcome == "failure"


def test_msame_takes_whole_batches_only(prepared, capsys):
    request = MsameRequest(model="tiny_bs4.om", output="out", input=("prep/img_0.bin",))
    code, run, _ = _msame(capsys, request)
    assert (code, run.outcome) == (1, "failure")
    assert any("size:768 needsize:3072" in line for line in run.errors)


def _program(command, *arguments, **environment):
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.parametrize("generation", ["A", "F", "msit"])
def test_the_launchers_are_commands_that_run(prepared, generation):
    told = fake_inference_commands(prepared / "with blank", ais_bench=generation)
    command = shlex.split(told["ASCEND_CONSOLE_AIS_BENCH"])
    ran = _program(command, "--help", **told)
    assert generation_of_help(ran.stdout) == generation
    for name in ("BENCHMARK", "MSAME"):
        ran = _program(shlex.split(told[f"ASCEND_CONSOLE_{name}"]), "--help", **told)
        assert "test double" in ran.stdout.splitlines()[0]
    only = fake_inference_commands(prepared / "x", ais_bench=None, benchmark=False, msame=False)
    assert only == {}


def test_the_package_and_the_other_one_of_its_name_are_told_apart(prepared):
    module = [sys.executable, "-m", "ais_bench"]
    probe = [sys.executable, "-c", "import ais_bench.infer.interface"]
    site, clash = {"PYTHONPATH": str(FAKES / "site")}, {"PYTHONPATH": str(FAKES / "site_clash")}
    ran = _program(module, "--model", str(prepared / "tiny_bs4.om"), "--loop", "2", **site)
    assert ran.returncode == 0
    assert parse_ais_bench(ran.stdout).summaries[0].batch_size == 4
    assert _program(probe, **site).returncode == 0
    assert "aclruntime" in _program(probe, **site, FAKE_AIS_BENCH="no_aclruntime").stderr
    assert generation_of_help(_program(module, "--help", **clash).stdout) is None
    assert "No module named 'ais_bench.infer'" in _program(probe, **clash).stderr


def test_a_killed_run_leaves_some_results_and_no_summary(prepared):
    (prepared / "out").mkdir(mode=0o750)
    told = fake_inference_commands(prepared / "bin", ais_bench="F")
    arguments = ["--model", str(prepared / "tiny_bs1.om"), "--input", str(prepared / "prep"),
                 "--output", str(prepared / "out"), "--output_dirname", "run"]  # fmt: skip
    command = shlex.split(told["ASCEND_CONSOLE_AIS_BENCH"])
    ran = _program(command, *arguments, **told, FAKE_AIS_BENCH="killed")
    assert ran.returncode == -9
    assert len(os.listdir(prepared / "out" / "run")) == IMAGES // 2
    assert os.listdir(prepared / "out") == ["run"]


def test_a_hanging_tool_waits_for_a_signal(prepared):
    told = fake_inference_commands(prepared / "bin", ais_bench=None)
    os.mkfifo(prepared / "ready")
    ready = os.open(prepared / "ready", os.O_RDWR | os.O_NONBLOCK)
    environment = {**os.environ, "FAKE_READY": str(prepared / "ready"), "FAKE_MSAME": "hang"}
    command = [*shlex.split(told["ASCEND_CONSOLE_MSAME"]), "--model", "tiny_bs1.om",
               "--output", "out"]  # fmt: skip
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as running:
        poll = select.poll()
        poll.register(ready, select.POLLIN)
        assert poll.poll(PATIENCE_S * 1000)
        assert os.read(ready, 100).startswith(b"ready ")
        running.terminate()
        assert running.wait() == -15
    os.close(ready)


def test_a_profile_starts_the_tool_again_under_msprof(prepared, monkeypatch):
    """It runs from another folder, so that relative paths are lost."""
    (prepared / "out").mkdir(mode=0o750)
    write_launcher(prepared / "bin", "msprof", "fake_msprof.py")
    monkeypatch.setenv("PATH", f"{prepared / 'bin'}:{os.environ['PATH']}")
    told = fake_inference_commands(prepared / "bin", ais_bench="E")
    command = shlex.split(told["ASCEND_CONSOLE_AIS_BENCH"])
    rest = ["--output", str(prepared / "out"), "--profiler", "1"]
    ran = _program(command, "--model", str(prepared / "tiny_bs1.om"), *rest, **told)
    assert ran.returncode == 0
    assert len(parse_ais_bench(ran.stdout).summaries) == 1
    assert "end run ret:0" in ran.stdout
    assert list((prepared / "out" / "profiler").glob("PROF_*"))
    shutil.rmtree(prepared / "out" / "profiler")
    lost = _program(command, "--model", "tiny_bs1.om", *rest, **told)
    assert "load model from file failed, model file is tiny_bs1.om" in lost.stdout
