"""Result files: every layout that the tools write, read exactly, or refused by name."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ascend_console.core import metrics
from ascend_console.core.errors import UserError
from ascend_console.tools import files
from ascend_console.tools.result_set import find_results, image_key, pair, summary_path
from ascend_console.tools.result_writer import ResultWriter, summary_document, txt_bytes
from ascend_console.tools.results import read_blocks, read_results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ascend_console.tools.result_decode import Outfmt

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
FORMATS: tuple[Outfmt, ...] = ("BIN", "NPY", "TXT")


def _write(folder: Path, outfmt: Outfmt, names: Sequence[str], *outputs: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    ResultWriter(folder, outfmt).write([f"in/{name}.bin" for name in names], outputs)
    return folder


def _error(source: Path, **options: Any) -> UserError:
    with pytest.raises(UserError) as caught:
        read_results(source, **options)
    return caught.value


@pytest.mark.parametrize("outfmt", FORMATS)
def test_what_is_written_is_read_back(tmp_path: Path, outfmt: Outfmt) -> None:
    """Names, order and values; TXT keeps six decimals."""
    scores = np.random.default_rng(0).normal(0, 30, (40, 50)).astype(np.float32)
    names = [f"image_{row:03}" for row in range(40)]
    found = read_results(_write(tmp_path / "out", outfmt, names, scores))
    assert list(found.names) == names
    assert found.scores.dtype == np.float32
    if outfmt == "TXT":
        assert np.abs(found.scores - scores).max() <= 1e-5
    else:
        assert np.array_equal(found.scores, scores)


def test_the_layout_is_that_of_the_vendor(tmp_path: Path) -> None:
    """Scripts of the guides read these very files."""
    scores = np.array([[1.5, -0.25], [3.0, 1e-9]], np.float32)
    counts = np.array([[1], [-2]], np.int64)
    for outfmt in FORMATS:
        _write(tmp_path / outfmt, outfmt, ["a", "b.c"], scores, counts)
    assert sorted(os.listdir(tmp_path / "BIN")) == ["a_0.bin", "a_1.bin", "b_0.bin", "b_1.bin"]
    assert (tmp_path / "BIN" / "a_0.bin").read_bytes() == scores[0].tobytes()
    assert np.load(tmp_path / "NPY" / "b_0.npy").shape == (1, 2)
    assert (tmp_path / "TXT" / "a_0.txt").read_text() == "1.500000 -0.250000 \n"
    assert (tmp_path / "TXT" / "b_0.txt").read_text() == "3.000000 0.000000 \n"
    assert (tmp_path / "TXT" / "b_1.txt").read_text() == "-2 \n"
    assert txt_bytes(np.zeros((1, 2, 2), np.float16)) == b"0.000000 0.000000 \n" * 2


def test_padding_of_the_last_batch_is_not_written(tmp_path: Path) -> None:
    """A batch of 8 with 3 real images gives 3 files."""
    folder = _write(tmp_path / "out", "BIN", ["a", "b", "c"], np.zeros((8, 4), np.float32))
    assert len(os.listdir(folder)) == 3


def test_a_writer_refuses_what_would_lose_results(tmp_path: Path) -> None:
    """Two stems that are equal up to the first dot, and outputs without the batch in front."""
    writer = ResultWriter(tmp_path, "BIN")
    writer.write(["x/a.1.bin"], [np.zeros((1, 2))])
    with pytest.raises(UserError) as caught:
        writer.write(["x/a.2.bin"], [np.zeros((1, 2))])
    assert caught.value.id == "results.collision"
    assert "'x/a.1.bin' and 'x/a.2.bin'" in caught.value.message
    for output in (np.zeros((1, 2)), np.zeros(())):
        with pytest.raises(UserError) as caught:
            writer.write(["x/b.bin", "x/c.bin"], [output])
        assert caught.value.id == "results.batch_axis"


def test_top_n_of_result_files_is_the_published_one(tmp_path: Path) -> None:
    """The whole way from files to `result.json`, in every format."""
    expected = json.loads((GOLDEN / "topn_expected.json").read_text())["base"]
    scores = np.load(GOLDEN / "topn_scores.npy")
    lines = (GOLDEN / "topn_val_label.txt").read_text().splitlines()
    images = [line.split()[0] for line in lines]
    labels = np.array([int(line.split()[1]) for line in lines])
    for outfmt in FORMATS:
        folder = _write(tmp_path / outfmt, outfmt, [image_key(name) for name in images], scores)
        found = read_results(folder, width=1000)
        ordered = found.scores[pair(found.names, images)]
        ranks = metrics.topn_ranks(ordered, labels)
        assert ranks.tolist() == expected["ranks_of_true_label"]


@pytest.mark.parametrize("outfmt", FORMATS)
def test_blocks_together_are_the_whole(tmp_path: Path, outfmt: Outfmt) -> None:
    """Reading in parts keeps memory small and changes nothing."""
    scores = np.random.default_rng(1).normal(0, 5, (23, 700)).astype(np.float32)
    folder = _write(tmp_path / "out", outfmt, [f"i_{row:02}" for row in range(23)], scores)
    blocks = list(read_blocks(find_results(folder), rows=7))
    assert [len(block) for block in blocks] == [7, 7, 7, 2]
    assert np.array_equal(np.concatenate(blocks), read_results(folder).scores)


def test_outputs_are_chosen_by_number(tmp_path: Path) -> None:
    """A model may have several outputs; each image has a file for each."""
    first, second = np.zeros((2, 3), np.float32), np.ones((2, 5), np.float32)
    folder = _write(tmp_path / "out", "BIN", ["a", "b"], first, second)
    assert read_results(folder).scores.shape == (2, 3)
    assert read_results(folder, output_index=1).scores.sum() == 10
    error = _error(folder, output_index=2)
    assert error.id == "results.output"
    assert "found outputs: 0, 1" in error.message


def test_results_of_benchmark_count_from_one(tmp_path: Path) -> None:
    """`ILSVRC2012_val_00000001_1.txt` is its first output; its text has no blank at the end."""
    folder = tmp_path / "dumpOutput_device0"
    folder.mkdir()
    (folder / "ILSVRC2012_val_00000001_1.txt").write_text("0.5 1.5e-05 -2")
    (folder / "ILSVRC2012_val_00000002_1.txt").write_text("1 2 3 \n")
    found = read_results(folder, width=3)
    assert found.names == ("ILSVRC2012_val_00000001", "ILSVRC2012_val_00000002")
    assert found.scores[0].tolist() == [0.5, np.float32(1.5e-05), -2.0]


def test_other_files_of_the_tools_are_no_results(tmp_path: Path) -> None:
    """Summaries, hidden files and dump folders lie among the results."""
    folder = _write(tmp_path / "out", "BIN", ["a"], np.zeros((1, 2), np.float32))
    (folder / "sumary.json").write_text("{}")
    (folder / "acl.json").write_text("{}")
    (folder / ".a_0.bin.tmp").write_bytes(b"12")
    (folder / "dump").mkdir()
    assert len(find_results(folder)) == 1


def _summary(folder: Path, path: Path, outputs: Sequence[str]) -> None:
    listed = {
        str(row): {"infiles": [f"prep/img{row}.bin"], "outfiles": [f"{folder}/{name}"]}
        for row, name in enumerate(outputs)
    }
    path.write_text(json.dumps({"filesinfo": listed}))


def test_summaries_of_both_generations_are_read(tmp_path: Path) -> None:
    """`sumary.json` inside (2022), `<folder>_summary.json` beside (since 2022-11); moved too."""
    folder = _write(tmp_path / "2026_11_20", "BIN", ["img0", "img1"], np.eye(2, dtype=np.float32))
    outputs = ["img0_0.bin", "img1_0.bin"]
    _summary(folder, folder / "sumary.json", outputs)
    _summary(Path("/elsewhere"), summary_path(folder), outputs)
    expected = np.eye(2).tolist()
    for source in (folder, folder / "sumary.json", summary_path(folder)):
        found = read_results(source)
        assert found.names == ("img0", "img1")
        assert found.scores.tolist() == expected


def test_results_that_name_no_image_are_understood_through_the_summary(tmp_path: Path) -> None:
    """`sample_id_0_output_0.bin` of 2022-06: the position alone says nothing."""
    folder = tmp_path / "out"
    folder.mkdir()
    outputs = [f"sample_id_{row}_output_0.bin" for row in range(2)]
    for name, row in zip(outputs, np.eye(2, dtype=np.float32), strict=True):
        row.tofile(folder / name)
    assert _error(folder).id == "results.anonymous"
    _summary(folder, folder / "sumary.json", outputs[::-1])
    assert read_results(folder).names == ("img0", "img1")
    assert read_results(folder).scores.tolist() == [[0, 1], [1, 0]]
    (folder / "notes.md").write_text("")
    _summary(folder, folder / "sumary.json", ["notes.md"])
    assert _error(folder / "sumary.json").id == "results.unknown_file"


@pytest.mark.parametrize(
    ("text", "error_id"),
    [
        ("[]", "results.summary"),
        ('{"filesinfo": [1]}', "results.summary"),
        ('{"filesinfo": {"0": {"infiles": [], "outfiles": []}}}', "results.summary"),
        ('{"filesinfo": {}}', "results.gone"),
        ('{"filesinfo": {"0": {"infiles": ["a"], "outfiles": ["b_0.bin"]}}}', "results.gone"),
        ("not json", "files.json"),
        ("[" * 100_000, "results.summary"),
    ],
)
def test_a_damaged_summary_is_an_error(tmp_path: Path, text: str, error_id: str) -> None:
    """It may come from a run that was killed, or from another tool."""
    (tmp_path / "x_summary.json").write_text(text)
    assert _error(tmp_path / "x_summary.json").id == error_id


def test_a_source_that_holds_no_results_is_an_error(tmp_path: Path) -> None:
    """Missing, empty, or another kind of file."""
    assert _error(tmp_path / "missing").id == "results.unreadable"
    assert _error(tmp_path).id == "results.none"
    (tmp_path / "a_0.bin").write_bytes(b"1234")
    assert _error(tmp_path / "a_0.bin").id == "results.source"


@pytest.mark.parametrize(
    ("names", "error_id", "named"),
    [
        (["a_0.bin", "b_0.npy"], "results.mixed", "'a_0.bin', 'b_0.npy'"),
        (["a_0.bin", "a_0.x.bin"], "results.duplicate", "'a_0.bin', 'a_0.x.bin'"),
        (["a_0.bin", "b.bin"], "results.name", "'b.bin'"),
        (["ILSVRC2012_val_00000001.txt"], "results.name", "'ILSVRC2012_val_00000001.txt'"),
        (["_0.bin"], "results.name", "'_0.bin'"),
        (["a_0.bin", "notes.md"], "results.unknown_file", "'notes.md'"),
        (["a_0.bin", *(f"n{i}.md" for i in range(5))], "results.unknown_file", "and 2 more"),
    ],
)
def test_names_that_cannot_be_paired_are_an_error(
    tmp_path: Path, names: list[str], error_id: str, named: str
) -> None:
    """The published scripts count every file, and print a figure."""
    for name in names:
        (tmp_path / name).write_bytes(b"1234")
    error = _error(tmp_path)
    assert error.id == error_id
    assert named in error.message
    assert error.hint


@pytest.mark.parametrize("outfmt", FORMATS)
@pytest.mark.parametrize("victims", [1, 5])
def test_empty_files_are_named(tmp_path: Path, outfmt: Outfmt, victims: int) -> None:
    """An empty file was a miss, a crash or no figure at all, depending on the script."""
    names = [f"i{row}" for row in range(9)]
    folder = _write(tmp_path / "out", outfmt, names, np.ones((9, 4), np.float32))
    for row in range(victims):
        (folder / f"i{row}_0.{outfmt.lower()}").write_bytes(b"")
    error = _error(folder)
    assert error.id == "results.empty"
    assert error.values["count"] == str(victims)
    assert f"'i0_0.{outfmt.lower()}'" in error.message
    assert ("and 2 more" in error.message) == (victims == 5)


@pytest.mark.parametrize("outfmt", FORMATS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_files_with_nan_are_named(tmp_path: Path, outfmt: Outfmt, value: float) -> None:
    """Such a model is broken; the figure would hide it."""
    scores = np.ones((9, 4), np.float32)
    scores[5, 2] = value
    folder = _write(tmp_path / "out", outfmt, [f"i{row}" for row in range(9)], scores)
    error = _error(folder)
    assert error.id == "results.not_finite"
    assert f"'i5_0.{outfmt.lower()}'" in error.message


@pytest.mark.parametrize("outfmt", FORMATS)
def test_a_file_of_another_width_is_named_even_as_the_first(tmp_path: Path, outfmt: Outfmt) -> None:
    """The odd one is the one to look at, not the 9,999 others."""
    folder = tmp_path / "out"
    folder.mkdir()
    writer = ResultWriter(folder, outfmt)
    writer.write(["a"], [np.ones((1, 5), np.float32)])
    writer.write(["b", "c", "d"], [np.ones((3, 4), np.float32)])
    error = _error(folder)
    assert error.id == "results.width"
    assert f"1 result files do not hold 4 values: 'a_0.{outfmt.lower()}'" in error.message
    assert "do not hold 5 values: 'b_0" in _error(folder, width=5).message


def test_a_file_that_is_no_file_is_an_error(tmp_path: Path) -> None:
    """A pipe would be waited for without end."""
    os.mkfifo(tmp_path / "a_0.bin")
    assert _error(tmp_path).id == "results.unknown_file"


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    """A model file among the results must not fill the memory."""
    with (tmp_path / "a_0.bin").open("wb") as stream:
        stream.truncate(65 << 20)
    assert _error(tmp_path).id == "results.too_large"


def test_a_file_far_longer_than_expected_is_of_another_width(tmp_path: Path) -> None:
    """It is read to its end before anything is said about it."""
    (tmp_path / "a_0.txt").write_text("1.5 " * 10_000)
    assert _error(tmp_path, width=2).id == "results.width"


def test_a_file_that_vanishes_while_reading_is_an_error(tmp_path: Path) -> None:
    """Somebody cleans up while we read."""
    found = find_results(_write(tmp_path / "out", "BIN", ["a", "b"], np.zeros((2, 3))))
    (tmp_path / "out" / "b_0.bin").unlink()
    with pytest.raises(UserError) as caught:
        list(read_blocks(found))
    assert caught.value.id == "results.unreadable"


def test_results_are_paired_by_name_not_by_position() -> None:
    """By position, the reversed label file turned 45.31 % into 0.00 % without an error."""
    names = ["a", "b", "c"]
    assert pair(names, ["c.JPEG", "a.JPEG", "b.JPEG"]).tolist() == [2, 0, 1]


def test_missing_extra_and_colliding_names_are_errors() -> None:
    """Each names the files."""
    cases = [
        (["a"], ["a.JPEG", "b.JPEG", "c.JPEG"], "results.missing", "'b.JPEG', 'c.JPEG'"),
        (["a", "x"], ["a.JPEG", "b.JPEG"], "results.missing", "1 results have no image"),
        (["a", "x", "y"], ["a.JPEG"], "results.extra", "'x', 'y'"),
        (["a"], ["a.1.JPEG", "a.2.JPEG"], "results.collision", "'a.1.JPEG' and 'a.2.JPEG'"),
    ]
    for names, images, error_id, text in cases:
        with pytest.raises(UserError) as caught:
            pair(names, images)
        assert caught.value.id == error_id
        assert text in caught.value.message


def test_the_summary_has_the_keys_of_the_vendor(tmp_path: Path) -> None:
    """Scripts read its throughput and its list of files."""
    with files.atomic_folder(tmp_path / "out") as temporary:
        writer = ResultWriter(temporary, "NPY", final=tmp_path / "out")
        writer.write(["in/a.bin", "in/b.bin"], [np.eye(2, dtype=np.float32)])
    document = summary_document(
        writer.filesinfo, args=["infer"], compute_ms=[2.0, 4.0], batch_size=2, pid=77
    )
    files.write_json(summary_path(tmp_path / "out"), document)
    assert " ".join(document) == (
        "filesinfo args NPU_compute_time H2D_latency D2H_latency throughput "
        "npu_compute_time_list pid"
    )
    assert document["filesinfo"]["1"] == {
        "infiles": ["in/b.bin"],
        "outfiles": [str(tmp_path / "out" / "b_0.npy")],
    }
    assert document["NPU_compute_time"] == {
        "min": 2.0, "max": 4.0, "mean": 3.0, "median": 3.0, "percentile(99%)": 3.98, "count": 2,
    }  # fmt: skip
    assert document["H2D_latency"]["mean"] is None
    assert document["throughput"] == pytest.approx(2000 / 3)
    assert read_results(summary_path(tmp_path / "out")).scores.tolist() == [[1, 0], [0, 1]]
    nothing = summary_document({}, args=[], compute_ms=[], batch_size=1, pid=1)
    assert nothing["throughput"] is None
