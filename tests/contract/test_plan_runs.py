"""Plans that are run: every command is one that its tool takes, and every file is there in time."""

from __future__ import annotations

import dataclasses
import json
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ascend_console.core import discovery
from ascend_console.core.settings import Settings
from ascend_console.jobs._plan import Wish
from ascend_console.jobs._plan_own import atc_command
from ascend_console.jobs.plan import PlanRequest, plan
from tests.data.modelzoo_stand_ins import write_scripts
from tests.data.rule_b import filled_network
from tests.data.user_models import write_images, write_models
from tests.fakes import fake_om
from tests.fakes.cann_root import make_cann_root, write_launcher
from tests.fakes.inference import fake_inference_commands

ROOT = Path(__file__).parents[2]
IMAGES = 5
LIMIT = 3
PATIENCE_S = 300
_AIS_INFER = f"""\
import sys

sys.path.insert(0, {str(ROOT)!r})
from tests.fakes.fake_ais_bench import run

sys.exit(run(sys.argv[1:]))
"""


def program(folder: Path, name: str, line: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{line}\n")
    (folder / name).chmod(0o755)


class Server:
    """A server with CANN and one 310P3, without the network; `place` is where somebody works."""

    def __init__(self, folder: Path, cann: str = "8.0.RC1") -> None:
        self.place = folder / "a place"
        self.place.mkdir()
        self.home = folder / "home"
        make_cann_root(self.home, cann)
        tools = folder / "tools"
        write_launcher(tools, "npu-smi", "fake_npu_smi.py")
        program(tools, "python3", f'exec "{sys.executable}" "$@"')
        program(tools, "ascend-console", f'exec "{sys.executable}" -m ascend_console "$@"')
        for name in ("git", "wget"):
            program(tools, name, "exit 97")
        self.environ = {
            "HOME": str(self.home),
            "PATH": f"{tools}:/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
            "ASCEND_CONSOLE_WORKSPACE": str(folder / "workspace"),
            "ASCEND_CONSOLE_LOCK_DIR": str(folder / "locks"),
        }

    def script(self, env, config: Path | None = None, **request) -> str:
        settings = Settings(
            workspace=self.home / "workspace", environ=self.environ, config_file=config
        )
        env = dataclasses.replace(env, settings=settings)
        return list(plan(PlanRequest(**request), env))[-1].text

    def run(self, text: str, **more: str) -> subprocess.CompletedProcess[str]:
        path = self.place / "plan.sh"
        path.write_text(text)
        return subprocess.run(
            ["bash", str(path)], cwd=self.place, env={**self.environ, **more}, text=True,
            capture_output=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip


@pytest.fixture
def server(tmp_path):
    return Server(tmp_path)


def write_data(model: str, folder: Path) -> dict[str, Path]:
    """Images that only the stand-ins can read, their labels and, for DeepMAR, their list."""
    images = folder / "the images"
    images.mkdir(parents=True)
    deepmar = model == "deepmar"
    names = [f"{index:05}.{'png' if deepmar else 'JPEG'}" for index in range(1, IMAGES + 1)]
    for name in names:
        (images / name).write_text(name)
    if deepmar:
        (folder / "image.txt").write_text("".join(f"{name}\n" for name in names))
        (folder / "label.json").write_text(json.dumps({name: [1] * 35 for name in names}))
        return {"dataset": images, "labels": folder / "label.json"}
    lines = (f"{name} {index}\n" for index, name in enumerate(names))
    (folder / "val_label.txt").write_text("".join(lines))
    return {"dataset": images}


def place_tool(server: Server, tool: str) -> dict[str, str]:
    """The inference tool where the guides put it, benchmark as it comes: not executable."""
    if tool == "benchmark":
        fake_inference_commands(server.place, ais_bench=None, msame=False)
        (server.place / f"benchmark.{platform.machine()}").chmod(0o644)
        return {}
    if tool == "ais_infer":
        (server.place / "ais_infer.py").write_text(_AIS_INFER)
        return {"FAKE_GENERATION": "C"}
    return {"PYTHONPATH": f"{ROOT / 'tests' / 'fakes' / 'site'}:{ROOT}", "FAKE_GENERATION": "F"}


def ready(server: Server, model: str, tool: str) -> tuple[dict[str, object], dict[str, str]]:
    """Everything that a plan of this model expects; its request, and variables of the doubles."""
    work = server.place / f"plan_{model}"
    write_scripts(model, server.place / f"modelzoo_{model}", work)
    data = write_data(model, server.place / "data")
    if model == "deepmar":
        for name in ("image.txt", "label.json"):
            shutil.copy(server.place / "data" / name, server.place / "modelzoo_deepmar" / name)
    (server.place / "weights.pth").write_text("weights")
    request = {"model": model, "checkpoint": Path("weights.pth"), **data}
    return request, place_tool(server, tool)


CASES = [
    ("se_resnet50", "benchmark", {}),
    ("moco_v2", "benchmark", {}),
    ("deepmar", "benchmark", {}),
    ("ghostnet", "ais_infer", {}),
    ("ghostnet", "benchmark", {"limit": LIMIT}),
    ("deepmar", "ais_bench", {"limit": LIMIT, "precision": "fp32"}),
    ("se_resnet50", "ais_infer", {"soc_version": "Ascend310"}),
]


@pytest.mark.parametrize(("model", "tool", "more"), CASES, ids=lambda value: str(value)[:12])
def test_the_plan_of_a_guide_runs_to_its_figures(model, tool, more, server, env):
    """All tools take its commands, and each file that it tests for is made before."""
    request, words = ready(server, model, tool)
    text = server.script(env, **request, infer_tool=tool, **more)
    ran = server.run(text, **words)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
    work = server.place / f"plan_{model}"
    sizes = discovery.load("zoo", model).official_batch_sizes
    for batch in sizes:
        (om,) = work.glob(f"*bs{batch}.om")
        facts, _ = fake_om.read(om)
        assert facts.batch == batch
        assert facts.soc_version == more.get("soc_version", "Ascend310P3")
        assert (facts.precision_mode == "must_keep_origin_dtype") is ("precision" in more)
        (result,) = [*work.glob(f"result_bs{batch}.json"), *work.glob(f"accuracy_bs{batch}.txt")]
        assert str(more.get("limit", IMAGES)) in result.read_text()
    assert ran.stdout.count("hroughput") >= len(sizes)
    if model == "deepmar":
        assert b"\x03Pad" in (work / "deepmar_bs1.onnx").read_bytes()
        assert b"\x03Pad" not in (work / "deepmar_bs1_nopad.onnx").read_bytes()


@pytest.mark.parametrize("cann", ["5.0.4", "8.5.0"])
def test_each_set_env_is_survived(cann, tmp_path, env):
    """That of 8.5 runs under its own `set -e` and returns an error although all is well."""
    server = Server(tmp_path, cann)
    request, words = ready(server, "se_resnet50", "benchmark")
    text = server.script(env, **request, batch_size=(1,), limit=1)
    assert str(server.home) in text
    ran = server.run(text, **words)
    assert ran.returncode == 0, ran.stderr[-2000:]


def test_a_plan_is_run_again_in_the_same_place(server, env):
    """Nothing of the first time may stand in the way, or be taken for a result of the second."""
    request, words = ready(server, "se_resnet50", "benchmark")
    first = server.run(server.script(env, **request, batch_size=(1,)), **words)
    assert first.returncode == 0, first.stderr[-2000:]
    again = server.run(server.script(env, **request, batch_size=(1,), limit=LIMIT), **words)
    assert again.returncode == 0, again.stderr[-2000:]
    result = server.place / "plan_se_resnet50" / "result_bs1.json"
    assert f'"Number of images", "value": "{LIMIT}"' in result.read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"FAKE_ATC": "nofile"}, "se_resnet50_bs1.om"),
        ({"FAKE_BENCHMARK": "missing_result"}, "result/dumpOutput_device0"),
        ({"FAKE_BENCHMARK": "no_perf"}, "perf_vision_batchsize_1_device_0.txt"),
        ({"FAKE_NPU_SMI": "-8005"}, None),
        ({"FAKE_ATC": "E16005"}, None),
    ],
)
def test_a_tool_that_fails_ends_the_script_there(words, told, server, env):
    """Tools that fail and exit with 0 exist; what comes after would work on old files."""
    request, more = ready(server, "se_resnet50", "benchmark")
    text = server.script(env, **request, batch_size=(1,), limit=1)
    ran = server.run(text, **more, **words)
    assert ran.returncode != 0
    assert not (server.place / "plan_se_resnet50" / "result_bs1.json").exists()
    if told is not None:
        assert ran.returncode == 3
        assert told in ran.stderr.splitlines()[-1]


@pytest.mark.parametrize("missing", ["set_env", "script", "checkpoint", "dataset", "tool"])
def test_what_is_missing_is_named_before_anything_is_made(missing, server, env):
    """A conversion takes minutes; a path that is wrong should not cost them."""
    request, words = ready(server, "se_resnet50", "benchmark")
    text = server.script(env, **request)
    paths = {
        "script": server.place / "modelzoo_se_resnet50" / "gen_dataset_info.py",
        "checkpoint": server.place / "weights.pth",
        "dataset": server.place / "data",
        "tool": server.place / f"benchmark.{platform.machine()}",
        "set_env": server.home / "Ascend" / "ascend-toolkit" / "set_env.sh",
    }
    path = paths[missing]
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    ran = server.run(text, **words)
    # A script of the ModelZoo would be cloned, and there is no network here.
    assert ran.returncode == (97 if missing == "script" else 3), ran.stderr
    assert missing == "script" or path.name in ran.stderr.splitlines()[-1]
    assert not list(server.place.glob("plan_*/*.onnx"))


def own_tools(server: Server) -> dict[str, str]:
    """The inference tool of the console's own commands."""
    return fake_inference_commands(server.home / "bin", ais_bench="F", benchmark=False, msame=False)


@pytest.fixture
def users(server):
    """A config folder with models of a user, and images that they know."""
    config = server.home / "config"
    config.mkdir()
    (config / "config.toml").write_text("")
    write_models(config / "models")
    write_images(server.place / "images")
    return config / "config.toml"


def test_own_commands_take_a_users_model_to_its_accuracy(server, users, env):
    """Who brings a model has no scripts, and the plan needs none."""
    text = server.script(env, config=users, model="two", dataset=Path("images"), limit=6)
    ran = server.run(text, **own_tools(server))
    assert ran.returncode == 0, ran.stderr[-3000:]
    work = server.place / "plan_two"
    assert json.loads((work / "result_bs4_summary.json").read_text())["throughput"] > 0
    document = json.loads((work / "accuracy_bs4.json").read_text())
    values = {entry["key"]: entry["value"] for entry in document["value"]}
    assert (values["Number of images"], values["Top1 accuracy"]) == ("6", "100.0%")


def test_own_commands_take_a_model_of_the_zoo_to_its_accuracy(server, env):
    """From a checkpoint on, with real images and a real network."""
    torch = pytest.importorskip("torch")
    torch.save(filled_network("ghostnet").state_dict(), server.place / "mine.pth")
    data = ROOT / "sample_data" / "imagenet"
    text = server.script(env, model="ghostnet", own=True, checkpoint=Path("mine.pth"),
                         dataset=data / "val", batch_size=(2,), limit=LIMIT)  # fmt: skip
    ran = server.run(text, **own_tools(server))
    assert ran.returncode == 0, ran.stderr[-3000:]
    work = server.place / "plan_ghostnet"
    document = json.loads((work / "accuracy_bs2.json").read_text())
    assert {"key": "Number of images", "value": str(LIMIT)} in document["value"]
    results = sorted((work / "result_bs2").glob("*.npy"))
    assert len(results) == LIMIT
    assert all(np.isfinite(np.load(path)).all() for path in results)


def atc_options(words: list[str]) -> list[tuple[str, str]]:
    """Names and values in order, paths left out."""
    pairs = [word.removeprefix("--").split("=", 1) for word in words]
    return [(name, value) for name, value in pairs if name not in ("model", "output")]


def test_the_conversion_that_is_planned_is_the_one_that_a_run_makes(server, users, env):
    """A plan that converts otherwise would explain another model than the one that was judged."""
    named = ["--model", "two", "--backend", "ascend", "--precision", "fp32"]
    command = ["ascend-console", "run", *named, "--dataset", "images", "--limit", "4", "--json",
               "--config", str(users)]  # fmt: skip
    ran = server.run(
        f'source "{server.home}/Ascend/ascend-toolkit/set_env.sh"\n{shlex.join(command)}',
        **own_tools(server),
    )
    (side_car,) = (server.home.parent / "workspace" / "runs").glob("*/convert/*.om.json")
    executed = json.loads(side_car.read_text())["command"]
    text = server.script(env, config=users, model="two", own=True, dataset=Path("images"),
                         precision="fp32", soc_version="Ascend310P3")  # fmt: skip
    (line,) = (line for line in text.splitlines() if line.startswith("# atc "))
    planned = shlex.split(line.removeprefix("# "))
    assert ran.returncode == 7, ran.stderr  # four images decide nothing
    assert planned[0] == "atc"
    assert Path(executed[0]).name == "atc"
    assert atc_options(planned[1:]) == atc_options(executed[1:])


@pytest.mark.parametrize("model", ["ghostnet", "deepmar"])
def test_the_published_conversion_differs_from_a_run_only_in_its_log(model, server, env):
    """The guides' options in the guides' order make the same om as the console's."""
    spec = discovery.load("zoo", model)
    text = server.script(env, model=model, soc_version="Ascend310P3", batch_size=(4,))
    (line,) = (line for line in text.splitlines() if line.startswith("atc "))
    published = dict(atc_options(shlex.split(line)[1:]))
    wish = Wish(batch_sizes=(4,), soc_version="Ascend310P3", set_env=Path("/set_env.sh"))
    own = dict(atc_options(atc_command(spec, "m.onnx", "m", 4, wish)[1:]))
    assert published.pop("soc_version") == "$SOC_VERSION"
    assert own.pop("soc_version") == "Ascend310P3"
    published.pop("log")
    own.pop("log")
    assert published == own
