"""`plan` against the guides: the same commands, and what they had wrong put right and said."""

from __future__ import annotations

import dataclasses
import re
import shlex
from pathlib import PurePosixPath

import pytest

from ascend_console.core import discovery
from ascend_console.core.settings import Settings
from ascend_console.jobs._plan import Wish, script_text
from ascend_console.jobs._plan_guide import TOOLS
from ascend_console.jobs._plan_published import guide_of, published_plan
from tests.conftest import SHARED
from tests.data.plans import ZOO, commands, script

SEEDS = {
    "se_resnet50": "000_85dc6e4e09d7b0ef.txt",
    "moco_v2": "002_1547fa45308fa293.txt",
    "deepmar": "003_c127096c8f0086dd.txt",
    "ghostnet": "004_0325ae5d7b0fdb4a.txt",
}

# The conversion of each guide: batch size, chip, and the command as it is printed. Of these lines
# only the chip is put right (MoCo and GhostNet write a variable, DeepMAR one without Ascend).
ATC = {
    "se_resnet50": (
        16,
        "Ascend310",
        "atc --framework=5 --model=./se_resnet50.onnx --input_format=NCHW "
        '--input_shape="image:16,3,224,224" --output=se_resnet50_bs16 --log=debug '
        "--soc_version=Ascend310",
    ),
    "moco_v2": (
        1,
        "Ascend${chip_name}",
        "atc --model=moco-v2-bs1.onnx --framework=5 --output=moco-v2-atc-bs1 --input_format=NCHW "
        '--input_shape="actual_input_1:1,3,224,224" --log=info --soc_version=Ascend${chip_name}',
    ),
    "deepmar": (
        1,
        "${chip_name}",
        "atc --model=deepmar_bs1_nopad.onnx --framework=5 --output=deepmar_bs1 "
        '--input_format=NCHW --input_shape="actual_input_1:1,3,224,224" --log=error '
        "--soc_version=${chip_name}",
    ),
    "ghostnet": (
        1,
        "Ascend${chip_name}",
        "atc --framework=5 --model=./ghostnet.onnx --input_format=NCHW "
        '--input_shape="image:1,3,224,224" --output=ghostnet_bs1 --log=debug '
        "--soc_version=Ascend${chip_name}",
    ),
}
INFER = {
    "se_resnet50": (
        "./benchmark.x86_64 -model_type=vision -device_id=0 -batch_size=16 "
        "-om_path=se_resnet50_bs16.om -input_text_path=./se_resnet50_prep_bin.info "
        "-input_width=224 -input_height=224 -output_binary=False -useDvpp=False"
    ),
    "moco_v2": (
        "./benchmark.x86_64 -model_type=vision -batch_size=1 -device_id=0 "
        "-input_text_path=./dataset_prep_bin.info -input_width=224 -input_height=224 "
        "-om_path=./moco-v2-atc-bs1.om -useDvpp=False -output_binary=False"
    ),
    "deepmar": (
        "./benchmark.x86_64 -model_type=vision -batch_size=1 -device_id=0 -om_path=deepmar_bs1.om "
        "-input_width=224 -input_height=224 -input_text_path=deepmar.info -useDvpp=false "
        "-output_binary=true"
    ),
    "ghostnet": (
        "python ais_infer.py --model ./ghostnet_bs1.om --input ./prep_dataset/ --output ./ "
        "--outfmt NPY --batchsize 1"
    ),
}
# What the guides type for the scripts. <> stands for a path that the plan names once, at its top,
# or finds by itself; words after an arrow are what the plan has in place of the guide's.
PYTHON = {
    "se_resnet50": (
        "setup.py install",
        "se_resnet50_pth2onnx.py <> se_resnet50.onnx",
        "imagenet_torch_preprocess.py resnet <> ./prep_dataset",
        "gen_dataset_info.py bin ./prep_dataset ./se_resnet50_prep_bin.info 224 224",
        "imagenet_acc_eval.py result/dumpOutput_device0/ <> ./ result.json->result_bs16.json",
    ),
    "moco_v2": (
        "pthtar2onnx.py 1 <>",
        "imagenet_torch_preprocess.py <> ./prep_dataset",
        "get_info.py bin ./prep_dataset ./dataset_prep_bin.info 224 224",
        "vision_metric_ImageNet.py result/dumpOutput_device0/ <> ./ result.json->result_bs1.json",
    ),
    "deepmar": (
        "export_onnx.py <> deepmar_bs1.onnx->../deepmar_bs1.onnx 1",
        "remove_pad.py deepmar_bs1.onnx->deepmar_bs1_nopad.onnx "
        "deepmar_bs1_nopad.pnnx->deepmar_bs1_nopad.onnx",
        "preprocess_deepmar_pytorch.py <> input_bin <>",
        "get_info.py ./input_bin deepmar.info 224 224",
        "postprocess_deepmar_pytorch.py result/dumpOutput_device0/ <>",
    ),
    "ghostnet": (
        "ghostnet_pth2onnx.py <> ghostnet.onnx",
        "imagenet_torch_preprocess.py ghostnet <> ./prep_dataset",
        "gen_dataset_info.py bin ./prep_dataset ./ghostnet_prep_bin.info 224 224",
        "imagenet_acc_eval.py <> <>",
    ),
}
# A word of the comment for each thing that the guide had otherwise (guides-audit.md).
DEFECTS = {
    "se_resnet50": (
        "/root/datasets/imagenet", "_x.bin", "http.", "result.json", "benchmark.x86_64",
    ),
    "moco_v2": (
        "${datasets_path}/imageNet/val", "benchmark.${arch}", "output nodes", "accuracy at 32",
        "hiascend.com", "Ascend${chip_name}",
    ),
    "deepmar": (
        "deepmar_bs1_nopad.pnnx", "overwrites its input", "five arguments", "fusion_result.json",
        "--soc_version=${chip_name}",
    ),
    "ghostnet": (
        "before it sources set_env.sh", "--input_shape, which is no option", "lcmout/2022",
        "F7241350B4486BF00ACCBF9C3A192331", "/root/datasets/imageNet",
    ),
}  # fmt: skip


def of_batch(model, env, **request):
    """The script for the guide's own batch size and device."""
    return script(env, model=model, batch_size=(ATC[model][0],), **request)


@pytest.fixture
def env(env, tmp_path):
    """No CANN here, so that paths are those of the guides."""
    settings = Settings(workspace=tmp_path / "workspace", environ={"HOME": str(tmp_path)})
    return dataclasses.replace(env, settings=settings)


@pytest.mark.parametrize("model", ZOO)
def test_atc_is_called_as_in_the_guide(model, env):
    """The guides' oms are the published ones: an option more or less makes another model."""
    _, chip, command = ATC[model]
    (words,) = commands(of_batch(model, env, soc_version="Ascend310P3"), "atc ")
    expected = shlex.split(command.replace(f"={chip}", "=$SOC_VERSION"))
    assert words == expected


@pytest.mark.parametrize("model", ZOO)
def test_the_inference_tool_is_called_as_in_the_guide(model, env):
    """Same options, same order, same spelling; only where results go is the plan's own."""
    expected = shlex.split(INFER[model])
    if model == "ghostnet":
        (words,) = commands(of_batch(model, env), '"$PYTHON" "$AIS_INFER" ')
        assert words[:2] == ["$PYTHON", "$AIS_INFER"]
        expected[expected.index("./")] = "./ais_bs1"
        assert words[2:] == expected[2:]
    else:
        (words,) = commands(of_batch(model, env), '"$BENCHMARK" ')
        assert words[1:] == expected[1:]


def replaced(word):
    """What the plan has for a word of the guide; None for a path of its own."""
    return None if word == "<>" else word.partition("->")[2] or word


@pytest.mark.parametrize("model", ZOO)
def test_scripts_are_called_as_in_the_guide(model, env):
    """Order and arguments are those of the guide, and no call is left out."""
    text = of_batch(model, env)
    calls = re.findall(r'"\$PYTHON" (?:"\$SCRIPTS"/)?(\w+\.py [^|)\n]*)', text)
    assert len(calls) == len(PYTHON[model])
    expected = [[replaced(word) for word in line.split()] for line in PYTHON[model]]
    for found, wanted in zip(sorted(map(shlex.split, calls)), sorted(expected), strict=True):
        assert len(found) == len(wanted)
        assert all(word in (None, have) for have, word in zip(found, wanted, strict=True)), found


@pytest.mark.parametrize("model", ZOO)
def test_steps_come_in_the_order_of_the_guide(model, env):
    """Every file is there when it is needed, and CANN's environment before the first tool."""
    text = of_batch(model, env)
    export = PYTHON[model][1 if model == "se_resnet50" else 0].split()[0]
    infer = '"$PYTHON" "$AIS_INFER"' if model == "ghostnet" else '"$BENCHMARK" -'
    marks = ['source "$SET_ENV"', 'mkdir -p "$WORK"', "take ", f'{export} "$CHECKPOINT"', "\natc ",
             "mkdir -p ", '"$DATASET" ', infer]  # fmt: skip
    if model == "moco_v2":
        marks[3] = f'{export} 1 "$CHECKPOINT"'
    place = 0
    for mark in marks:
        assert mark in text[place:], (mark, model)
        place = text.index(mark, place) + len(mark)
    assert text.index('chmod u+x "$BENCHMARK"') < text.index(infer) if infer[1] == "$B" else True


@pytest.mark.parametrize("model", ZOO)
@pytest.mark.skipif(not (SHARED / "seeds").is_dir(), reason="the guides are not here")
def test_the_transcribed_commands_stand_in_the_guides(model):
    """The tables of this file are facts; a slip in them would prove nothing."""
    text = (SHARED / "seeds" / SEEDS[model]).read_text("utf-8").replace("\\\n", "")
    plain = " ".join(text.split())
    assert ATC[model][2] in plain
    assert INFER[model] in plain
    for line in PYTHON[model]:
        words = [re.escape(word.partition("->")[0]) for word in line.split()]
        pattern = r"python3?(?:\.7)? " + " ".join(words).replace("<>", r"\S+")
        assert re.search(pattern, plain), line


@pytest.mark.parametrize("model", ZOO)
def test_what_the_guide_had_otherwise_is_said(model, env):
    """Whoever compares with the guide must see why a line differs."""
    text = of_batch(model, env)
    comments = " ".join(line[2:] for line in text.splitlines() if line.startswith("# "))
    for mark in DEFECTS[model]:
        assert mark in comments, mark
    code = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for wrong in (".pnnx", "2022_xx", "--soc_version=${chip_name}", "python3.7", "x86_64"):
        assert wrong not in code


@pytest.mark.parametrize("model", ZOO)
def test_scripts_of_the_modelzoo_have_a_source(model, env):
    """A name alone does not tell which of the many scripts of that name is meant."""
    text = of_batch(model, env)
    used = set(re.findall(r'"\$SCRIPTS"/(\w+\.py)', text))
    for name in used:
        assert re.search(rf"^take [0-9a-f]{{40}} ACL_PyTorch/\S+/{name}$", text, re.MULTILINE)
        assert re.search(rf"^# {re.escape(name)}: \w+", text, re.MULTILINE), name
    assert "https://github.com/Ascend/ModelZoo-PyTorch" in text


def test_a_guide_is_told_apart_by_its_tool(env):
    """Published steps that a tool does not need are left out, and no plan lacks one it needs."""
    wish = Wish(batch_sizes=(1,), set_env=PurePosixPath("/set_env.sh"), soc_version="Ascend310")
    for model in ZOO:
        spec = discovery.load("zoo", model)
        guide = guide_of(spec)
        for tool in TOOLS:
            text = script_text(published_plan(spec, guide, tool, wish), "en")
            used = set(re.findall(r'"\$PYTHON" "\$SCRIPTS"/(\w+\.py)', text))
            used |= {"DeepMAR.py", "export_onnx.py"} if model == "deepmar" else set()
            taken = set(re.findall(r"^take \S+ \S+/(\w+\.py)$", text, re.MULTILINE))
            assert used == taken, (model, tool)
