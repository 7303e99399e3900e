"""Models that users bring: TOML files in the config folder, and bare ONNX files."""

from __future__ import annotations

import json
import shutil

import pytest

from ascend_console.cli import main
from tests.data.user_models import FILES, onnx_bytes, write_images, write_models


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A config folder with three models, images, and one workspace for the module."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "config").mkdir()
    (folder / "config" / "config.toml").write_text("")
    write_models(folder / "config" / "models")
    write_images(folder / "images")
    return folder


def call(capsys, place, *argv, config=None):
    config = config or place / "config" / "config.toml"
    code = main(["--workspace", str(place / "ws"), "--config", str(config), *map(str, argv)])
    seen = capsys.readouterr()
    return code, seen.out, seen.err


def verdict_of(out):
    path = next(line for line in out.splitlines() if line.endswith("verdict.json"))
    with open(path) as stream:
        return json.load(stream)


@pytest.mark.parametrize("name", sorted(FILES))
def test_three_differently_shaped_models_reach_a_verdict(name, place, capsys):
    """Raw bytes, a background class, two outputs: each is a field that could be read wrongly."""
    code, out, err = call(capsys, place, "run", "--model", name, "--dataset", place / "images")
    assert code == 0, err
    verdict = verdict_of(out)
    assert (verdict["model"], verdict["weights"], verdict["verdict"]) == (name, "user", "PASS")
    rows = {(row["batch_size"], row["metric"]): row for row in verdict["accuracy"]}
    assert {size for size, _ in rows} == {4}
    top1 = rows[4, "top1"]
    assert top1["value"] == 1.0
    published = name == "background"
    assert all(row["official"] is published for row in verdict["performance"])
    if published:
        assert (top1["reference"], top1["reference_source"]) == (0.995, "a paper")
        assert rows[4, "top5"]["reference"] is None
    else:
        assert top1["reference_source"] == "the ONNX file, unoptimised, on the same 110 images"
        assert top1["disagreements"] == 0
    assert verdict["fingerprint"]["layout"] == ("HWC" if name == "bytes" else "CHW")


def test_a_bare_onnx_file_runs_and_says_what_was_assumed(place, capsys):
    """Whoever brings only a file must see what the figures rest on."""
    onnx = place / "config" / "models" / "files" / "bytes.onnx"
    argv = ("run", "--onnx", onnx, "--dataset", place / "images", "--batch-size", "4")
    code, out, err = call(capsys, place, *argv)
    assert code == 0, err
    assert "input pixels 32x32x3 uint8 NHWC" in err
    assert "short side 36 bilinear, crop 32, raw pixels" in err
    assert "3 classes in output scores (1/1); batch sizes 1, 16, recorded" in err
    verdict = verdict_of(out)
    assert (verdict["model"], verdict["verdict"]) == ("bytes", "PASS")
    assert verdict["performance"][0]["official"] is False


def test_each_step_alone_takes_a_users_model(place, tmp_path, capsys):
    """Who works step by step has the same models, and arrives at the same figures."""
    bins, results = tmp_path / "bins", tmp_path / "results"
    assert call(capsys, place, "preprocess", "--model", "two", "--input", place / "images",
                "--output", bins)[0] == 0  # fmt: skip
    artifact = tmp_path / "two.onnx"
    code, _, err = call(capsys, place, "convert", "--model", "two", "--output", artifact)
    assert code == 0, err
    assert call(capsys, place, "infer", "--artifact", artifact, "--input", bins,
                "--output", results)[0] == 0  # fmt: skip
    code, out, err = call(
        capsys, place, "evaluate", "--model", "two", "--results", results, "--labels",
        place / "val_label.txt", "--json",
    )  # fmt: skip
    assert code == 0, err
    measured = [json.loads(line) for line in out.splitlines()]
    found = {line["name"]: line["value"] for line in measured if line["event"] == "Measured"}
    assert found["top1"] == 1.0


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("other", sorted(FILES))
def test_a_file_is_converted_for_the_model_that_it_is_of_alone(
    name, other, place, tmp_path, capsys
):
    """Another one's artefact under this one's name would be judged as this one."""
    onnx = place / "config" / "models" / "files" / f"{other}.onnx"
    code, _, err = call(capsys, place, "convert", "--onnx", onnx, "--model", name,
                        "--output", tmp_path / "made.onnx")  # fmt: skip
    assert code == (0 if name == other else 2), err
    assert ("is not " + name in err) is (name != other)
    assert (tmp_path / "made.onnx").exists() is (name == other)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"batch": 4}, ""),
        ({"raw": True}, "pixels"),
        ({"side": 40}, "image 3x40x40 float32"),
        ({"width": 1000}, "scores 1000"),
        ({"features": True}, "features 3"),
    ],
)
def test_a_file_of_the_same_shape_is_taken_and_one_of_another_named(
    changes, said, place, tmp_path, capsys
):
    """Weights that were trained again are the same model; another width or side is not."""
    onnx = tmp_path / "again.onnx"
    onnx.write_bytes(onnx_bytes("again", **{"width": 1001, **changes}))
    code, _, err = call(capsys, place, "convert", "--onnx", onnx, "--model", "background",
                        "--output", tmp_path / "made.onnx")  # fmt: skip
    assert code == (2 if said else 0), err
    assert said in err
    assert not said or "not image 3x32x32 float32, scores 1001 float32" in err


def test_models_lists_the_users_beside_the_zoo(place, capsys):
    """A model that no list shows would be forgotten."""
    code, out, err = call(capsys, place, "models", "--json")
    assert (code, err) == (0, "")
    models = {entry["name"]: entry for entry in json.loads(out)["models"]}
    assert {"ghostnet", *FILES} <= set(models)
    assert models["bytes"]["input"] == {
        "name": "pixels", "shape": [32, 32, 3], "dtype": "uint8", "layout": "NHWC",
    }  # fmt: skip
    assert models["bytes"]["parameters"] is None
    assert models["background"]["accuracy"][0]["images"] == 110
    card = call(capsys, place, "models", "background")[1]
    assert "short 36 bicubic, crop 32" in card
    assert "99.500 % (a paper), on 110 images" in card
    assert call(capsys, place, "models")[0] == 0


def test_a_mistaken_file_is_a_warning_of_the_list_and_an_error_of_its_model(
    place, tmp_path, capsys
):
    """One bad file must not take the others away."""
    shutil.copytree(place / "config", tmp_path / "config")
    config = tmp_path / "config" / "config.toml"
    (tmp_path / "config" / "models" / "two.toml").write_text('name = "two"\ntask = 3\n')
    (tmp_path / "config" / "models" / "ghostnet.toml").write_text('name = "ghostnet"\n')
    code, out, err = call(capsys, place, "models", "--format", "csv", config=config)
    assert code == 0
    assert "bytes" in out
    assert "two.toml" in err
    assert "line 2: task is 3" in err
    assert "a model of the zoo has that name" in err
    code, _, err = call(capsys, place, "run", "--model", "bytes,two", "--dataset",
                        place / "images", config=config)  # fmt: skip
    assert code == 2
    assert "line 2: task is 3" in err
    assert "==>" not in err
    assert call(capsys, place, "models", "ghostnet", config=config)[0] == 2


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["run", "--model", "nosuch", "--sample"], "ghostnet"),
        (["run", "--model", "nosuch", "--sample"], "background, bytes, two"),
        (["export", "--model", "nosuch", "--sample"], "bytes"),
        (["preprocess", "--model", "nosuch", "--input", ".", "--output", "x"], "bytes"),
        (["run", "--model", "two"], "--dataset"),
        (["run", "--model", "two", "--sample"], "--sample out"),
        (["run", "--model", "two", "--checkpoint", "x.pth"], "--checkpoint out"),
        (["run", "--model", "two", "--dataset", "IMAGES", "--backend", "torch"], "--backend"),
        (["run", "--model", "two", "--dataset", "IMAGES", "--batch-size", "2"], "batch size 4"),
        (["run", "--model", "two", "--onnx", "x.onnx"], "exclude"),
        (["run", "--onnx", "absent.onnx", "--dataset", "IMAGES"], "absent.onnx"),
        (["run", "--onnx", "LABELS", "--dataset", "IMAGES"], "no ONNX file"),
        (["export", "--model", "two"], "needs no export"),
        (["convert", "--model", "two", "--batch-size", "2"], "batch size 4"),
    ],
)  # fmt: skip
def test_wrong_usage_names_what_to_type(argv, said, place, capsys):
    """Each of these would otherwise fail late, or give a figure of something else."""
    words = {"IMAGES": place / "images", "LABELS": place / "val_label.txt"}
    code, _, err = call(capsys, place, *(words.get(word, word) for word in argv))
    assert code == 2, err
    assert said in err
    assert not list((place / "ws" / "runs").glob("*nosuch*"))


def test_help_names_the_zoo_and_says_that_own_models_count(place, capsys):
    """Names that are only known in the config folder cannot stand in the help."""
    code, out, _ = call(capsys, place, "run", "--help")
    assert code == 0
    assert "se_resnet50/your own" in " ".join(out.split())


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('name = "image"', 'name = "picture"', "line 8: input.name is 'picture'"),
        ("shape = [3, 32, 32]", "shape = [3, 30, 30]", "line 9: input.shape is [3, 30, 30]"),
        ("index = 1", "index = 2", "line 16: output.index is 2"),
        ("index = 1", 'name = "class"', "line 16: output.name is 'class'"),
        ("index = 1", 'index = 1\nname = "features"', "line 16: output.index is 1"),
        ("index = 1", "", "line 15: output.index is missing"),
        ("shape = [3]", "shape = [5]", "line 17: output.shape is [5]"),
        ("official_batch_sizes = [4]", "official_batch_sizes = [1]", "line 4: official_batch"),
        ("fixed_batch = true", "fixed_batch = false", "line 5: fixed_batch is False"),
    ],
)
def test_what_the_graph_contradicts_is_named_before_any_work(
    before, after, said, place, tmp_path, capsys
):
    """A wrong output or shape would give a wrong figure, and a wrong name a late failure."""
    shutil.copytree(place / "config", tmp_path / "config")
    file = tmp_path / "config" / "models" / "two.toml"
    text = FILES["two"].replace(before, after)
    if "30, 30" in after:
        text = text.replace("size = 32", "size = 30")
    file.write_text(text)
    code, _, err = call(capsys, place, "run", "--model", "two", "--dataset", place / "images",
                        config=tmp_path / "config" / "config.toml")  # fmt: skip
    assert code == 2
    assert f"{file}, {said}" in err
    assert "[1/" not in err


def test_a_checkpoint_of_a_zoo_model_is_a_model_of_its_own(place, tmp_path, capsys):
    """Own weights of a known network keep its network, and none of its published figures."""
    models = tmp_path / "models"
    models.mkdir()
    (models / "mine.pth").write_bytes(b"no checkpoint")
    (models / "mine.toml").write_text(
        'name = "mine"\ntask = "classification"\ncheckpoint = "mine.pth"\n'
        'architecture = "ghostnet"\n[input]\nname = "pixels"\n'
    )
    config = tmp_path / "config.toml"
    config.write_text("")
    entry = json.loads(call(capsys, place, "models", "mine", "--json", config=config)[1])["models"]
    assert entry[0]["accuracy"] == []
    assert entry[0]["architecture"] == "ghostnet"
    assert entry[0]["input"]["name"] == "pixels"
    code, _, err = call(capsys, place, "export", "--model", "mine", config=config)
    assert code == 2
    assert "mine.pth" in err
