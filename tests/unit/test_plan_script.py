"""The scripts of `plan`: bash reads them, names stay words, options reach the tools."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console.ascend.npu_smi import parse_npu_smi
from ascend_console.ascend.soc import soc_version_of_chip
from ascend_console.cli import main
from ascend_console.core import discovery
from ascend_console.core.errors import UserError
from ascend_console.core.settings import Settings
from ascend_console.jobs._plan import Text, Wish, comment, path_word, script_text
from ascend_console.jobs._plan_guide import TOOLS
from ascend_console.jobs._plan_own import own_plan
from ascend_console.jobs._plan_published import guide_of
from tests.conftest import SHARED
from tests.data.plans import ZOO, accepted, answer, bash, commands, script


@pytest.fixture
def env(env, tmp_path):
    """No CANN here, so that paths are those of the guides."""
    settings = Settings(workspace=tmp_path / "workspace", environ={"HOME": str(tmp_path)})
    return dataclasses.replace(env, settings=settings)


@pytest.mark.parametrize("model", ZOO)
@pytest.mark.parametrize("tool", [None, *TOOLS])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_bash_reads_every_plan(model, tool, lang, env):
    """For each tool, in both languages, with all that may be named."""
    env = dataclasses.replace(env, settings=dataclasses.replace(env.settings, lang=lang))
    for more in ({}, {"limit": 3, "precision": "fp32", "device": 2, "soc_version": "310p3"}):
        text = script(env, model=model, infer_tool=tool, **more)
        assert text.startswith("#!/bin/bash\n")
        assert "\nset -euo pipefail\n" in text
        assert accepted(text), text
        assert "{batch}" not in text
        assert "{results}" not in text


@pytest.mark.parametrize("model", ZOO)
def test_each_official_batch_size_is_converted_run_and_judged(model, env):
    """What the guides do at one batch size they publish for several."""
    text = script(env, model=model)
    for batch in discovery.load("zoo", model).official_batch_sizes:
        assert len(re.findall(rf"\natc .*:{batch},3,224,224\"", text)) == 1
        assert len(re.findall(rf"\n\"\$BENCHMARK\" .*-batch_size={batch} "
                              rf"|--batchsize {batch}\n", text)) == 1  # fmt: skip
        assert re.search(rf"(?:result|accuracy)_bs{batch}\.(?:json|txt)", text)


def test_every_expected_file_is_tested_for(env):
    """A tool that fails and exits with 0 is found where it failed."""
    for model in ZOO:
        answered = answer(env, model=model)
        for step in answered.document["steps"]:
            for file in step["expected"]:
                assert f"\ntest -s {file} || {{ echo " in answered.text
        oms = re.findall(r"--output=(\S+)", answered.text)
        assert len(oms) == 2
        for om in oms:
            assert f"test -s {om}.om || {{ echo" in answered.text


@pytest.mark.parametrize("model", ZOO)
def test_commands_are_the_same_in_both_languages(model, env):
    """A language changes what is said and nothing that is done."""

    def done(lang):
        settings = dataclasses.replace(env.settings, lang=lang)
        lines = script(dataclasses.replace(env, settings=settings), model=model).splitlines()
        return [re.sub(r"echo '[^']*'", "echo", line) for line in lines if line[:1] != "#"]

    assert done("en") == done("zh")
    settings = dataclasses.replace(env.settings, lang="zh")
    text = script(dataclasses.replace(env, settings=settings), model=model)
    steps = re.findall(r"^# [0-9]+\. (.*)$", text, re.MULTILINE)
    assert steps
    assert all(re.search("[\u4e00-\u9fff]", step) for step in steps)


def test_precision_device_and_chip_reach_the_tools(env):
    """fp32 is one option more; a device that is not the first must be named to both tools."""
    text = script(env, model="ghostnet", precision="fp32", device=3, soc_version="310p3")
    assert text.count("--precision_mode=must_keep_origin_dtype") == 2
    assert text.count("--batchsize 16 --device 3\n") == 1
    assert "SOC_VERSION=Ascend310P3\n" in text
    assert "npu-smi info |" not in text
    text = script(env, model="se_resnet50", device=3)
    assert text.count(" -device_id=3 ") == 2
    assert "result/dumpOutput_device3" in text
    assert "device_0" not in text
    assert "precision_mode" not in text


def test_another_tool_gets_its_own_commands(env):
    """The guides' scripts read the results of each: text, raw values or a summary."""
    text = script(env, model="moco_v2", infer_tool="ais_bench", batch_size=(4,))
    assert ('"$PYTHON" -m ais_bench --model ./moco-v2-atc-bs4.om --input ./prep_dataset/ '
            "--output ./ais_bs4 --outfmt TXT --batchsize 4\n") in text  # fmt: skip
    assert 'vision_metric_ImageNet.py "$RESULT"/ "$LABELS" ./ result_bs4.json\n' in text
    assert "get_info.py" not in text
    text = script(env, model="ghostnet", infer_tool="benchmark", batch_size=(1,))
    assert 'imagenet_acc_eval.py result/dumpOutput_device0/ "$LABELS" ./ result_bs1.json' in text
    assert "AIS_INFER" not in text


def test_a_named_checkpoint_is_not_compared_with_the_published_one(env):
    """Weights of one's own training have another checksum."""
    assert "md5sum" in script(env, model="ghostnet")
    text = script(env, model="ghostnet", checkpoint=Path("mine.pth"))
    assert "md5sum" not in text
    assert "wget" not in text
    assert 'CHECKPOINT="$PWD"/mine.pth\n' in text


def test_labels_are_looked_for_beside_the_images_and_in_them(env):
    """Both layouts are published."""
    text = script(env, model="ghostnet", dataset=Path("/data/val"))
    assert "\nLABELS=/data/val_label.txt\n" in text
    assert 'then LABELS="$DATASET"/val_label.txt; fi' in text
    text = script(env, model="deepmar", dataset=Path("/data/images"), labels=Path("/l/label.json"))
    assert "\nLABELS=/l/label.json\nIMAGE_LIST=/l/image.txt\n" in text


NASTY = '/data/it\'s "quoted" $(touch pwned) `touch pwned` ${HOME} {batch} \\ 图 ; rm -rf *\nx'


def settings_of(text, *names):
    """The variables at the top, as bash reads them."""
    head = text.partition("\n# 1. ")[0]
    shown = "".join(f"printf '%s\\0' \"${name}\"\n" for name in names)
    ran = bash(f"{head}\n{shown}", cwd="/")
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.split("\0")[:-1]


@pytest.mark.parametrize("own", [False, True])
def test_names_with_blanks_and_quotes_reach_the_commands_whole(own, env, tmp_path):
    """A data folder is named by somebody else, and no name may become a command."""
    text = script(env, model="deepmar", own=own, dataset=Path(NASTY), labels=Path(NASTY + ".json"),
                  checkpoint=Path("sub dir/it's.pth"))  # fmt: skip
    assert accepted(text)
    found = settings_of(text, "DATASET", "LABELS", "IMAGE_LIST", "CHECKPOINT")
    assert found == [NASTY, NASTY + ".json", str(Path(NASTY).parent / "image.txt"),
                     "//sub dir/it's.pth"]  # fmt: skip


@given(st.text(min_size=1).filter(lambda text: "\0" not in text and text.isprintable()))
def test_any_path_is_one_word(text):
    """Whatever a path holds, the shell sees a word."""
    word = path_word(f"/{text}")
    assert shlex.split(word) == [f"/{text}"]
    assert shlex.split(path_word(text.lstrip("/") or "x"))[0].startswith("$PWD/")


@given(st.text())
def test_any_comment_is_one_line(text):
    """A line end in a name would begin a command."""
    assert len(comment(text).splitlines()) == 1


def test_a_users_model_gets_the_consoles_commands_under_any_name(env):
    """Nobody published scripts for it; its name comes from a file that anybody may write."""
    spec = discovery.load("zoo", "ghostnet")
    odd = "my 'model' $(touch pwned)"
    mine = dataclasses.replace(spec, name=odd, onnx_file=f"{odd}.onnx", title=odd + "\nrm -rf x")
    wish = Wish(batch_sizes=(1, 8), set_env=PurePosixPath("/set env.sh"), soc_version="Ascend310")
    text = script_text(own_plan(mine, wish, PurePosixPath("/data")), "en")
    assert accepted(text)
    converted = commands(text, "ascend-console convert")
    assert [words[3] for words in converted] == [odd, odd]
    assert converted[1][-2:] == [f"./{odd}_bs8.om", "--yes"]
    assert not any(line.startswith("rm -rf x") for line in text.splitlines())
    assert guide_of(dataclasses.replace(spec, user=object())) is None


def test_own_commands_need_no_script_of_the_modelzoo(env):
    """It is for servers that reach no repository."""
    for model in ZOO:
        text = script(env, model=model, own=True, soc_version="Ascend310P3", infer_tool="msame",
                      limit=4)  # fmt: skip
        assert accepted(text)
        assert "git " not in text
        assert ".py" not in text
        sizes = discovery.load("zoo", model).official_batch_sizes
        for name in ("convert", "infer", "evaluate"):
            assert len(commands(text, f"ascend-console {name} ")) == len(sizes)
        exports = commands(text, "ascend-console export ")
        assert len(exports) == (2 if discovery.load("zoo", model).fixed_batch else 1)
        assert ("--allow-missing" in text) is (model == "deepmar")
        assert "--infer-tool msame" in text


@pytest.mark.parametrize("model", ZOO)
def test_own_commands_are_ones_that_the_console_takes(model, env):
    """Each line is parsed by the very command that it calls."""
    from ascend_console.core.options import build_request
    from ascend_console.headless import arguments

    text = script(env, model=model, own=True, soc_version="Ascend310P3", limit=2)
    lines = commands(text, "ascend-console ")
    assert len(lines) >= 8
    for words in lines:
        typed = arguments.parse(words[1:])
        job = discovery.load("jobs", typed.command)
        build_request(job.request, arguments.typed_values(job, typed.rest))
        assert typed.yes


@pytest.mark.parametrize(
    ("request_", "text_id"),
    [
        ({"model": "nothing"}, "model.unknown"),
        ({"model": "ghostnet", "soc_version": "none"}, "soc.unknown"),
        ({"model": "ghostnet", "infer_tool": "msame"}, "plan.tool"),
        ({"model": "ghostnet", "sample": True}, "plan.sample"),
        ({"model": "ghostnet", "own": True, "sample": True, "checkpoint": Path("x")},
         "weights.both"),
        ({"model": "ghostnet", "labels": Path("x")}, "run.labels"),
        ({"model": "ghostnet", "device": 256}, "plan.device"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_is_refused(request_, text_id, env):
    """A script that cannot work is worse than none."""
    with pytest.raises(UserError) as caught:
        answer(env, **request_)
    assert caught.value.id == text_id
    assert caught.value.hint


def test_the_script_comes_out_as_plain_text_and_nothing_is_written(tmp_path, capsys, monkeypatch):
    """`plan … > run.sh` is how it is used."""
    monkeypatch.chdir(tmp_path)
    workspace = tmp_path / "workspace"
    argv = ["--workspace", str(workspace), "plan", "--model", "deepmar"]
    assert main(argv) == 0
    seen = capsys.readouterr()
    assert seen.out.startswith("#!/bin/bash\n")
    assert accepted(seen.out)
    assert seen.err == ""
    assert list(tmp_path.iterdir()) == []
    assert main([*argv, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["model"]) == (1, "deepmar")
    assert document["script"] == seen.out
    assert document["steps"][0]["commands"][2] == 'source "$SET_ENV" || true'
    assert main([*argv, "--lang", "zh", "--format", "csv"]) == 0
    assert capsys.readouterr().out.startswith("step,title,command\n1,环境,")


CHIPS = sorted((SHARED / "captures" / "npu-smi").glob("*.txt"))


def chip_step(env):
    """The lines that look the chip up."""
    steps = answer(env, model="ghostnet").document["steps"]
    (lines,) = (step["commands"] for step in steps if step["title"] == "Chip")
    return "\n".join(lines)


@pytest.mark.skipif(not CHIPS, reason="the captures are not here")
@pytest.mark.parametrize("path", CHIPS, ids=lambda path: path.stem)
def test_the_chip_is_read_from_every_layout(path, env):
    """The guides leave it to the reader's eye; a wrong name makes an om that does not load."""
    chips = parse_npu_smi(path.read_text("utf-8")).chips
    expected = soc_version_of_chip(chips[0].name) if chips else None
    text = f"set -euo pipefail\nSOC_VERSION=\nnpu-smi() {{ cat {shlex.quote(str(path))}; }}\n"
    ran = bash(f'{text}{chip_step(env)}\necho "$SOC_VERSION"')
    assert ran.returncode == (3 if expected is None else 0), ran.stderr
    assert ran.stdout == ("" if expected is None else f"{expected}\n")


def test_texts_are_said_in_the_language_asked_for():
    """English stands in for a language that is not there."""
    text = Text("yes", "是")
    assert [text.said(lang) for lang in ("en", "zh", "fr")] == ["yes", "是", "yes"]
