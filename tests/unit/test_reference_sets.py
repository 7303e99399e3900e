"""The shipped reference tables: complete, typed, at their lines, with every contradiction noted."""

from __future__ import annotations

import functools
import re
from dataclasses import fields

import pytest

from ascend_console.ascend.benchmark import PerfFile, Stage, perf_doubts
from ascend_console.core import discovery
from ascend_console.core.reference import best
from ascend_console.core.reference_judgement import judgements
from ascend_console.core.reference_ratios import GATES, set_ratios, with_copies
from ascend_console.core.settings import Settings
from ascend_console.tools.reference_files import in_force, reference_sets, shipped_sets
from tests.conftest import SHARED

TABLES = ("accuracy", "throughput", "logs", "timings", "ratios", "best", "judgements")

# Rows of each table, in the order of TABLES.
ROWS = {
    "se_resnet50-guide": (7, 5, 5, 0, 0, 0, 2),
    "moco_v2-guide": (4, 18, 0, 0, 14, 3, 2),
    "deepmar-guide": (5, 6, 6, 0, 0, 0, 2),
    "ghostnet-guide": (4, 15, 0, 3, 10, 0, 2),
    "se_resnet50-builtin": (3, 2, 0, 0, 0, 0, 0),
    "se_resnet50-modelzoo-2022-11": (0, 6, 0, 0, 0, 1, 0),
    "se_resnet50-modelzoo-2023-05": (2, 6, 0, 0, 0, 1, 0),
    "se_resnet50-upstream": (4, 0, 0, 0, 0, 0, 0),
    "moco_v2-modelzoo-2022-03": (4, 0, 0, 0, 0, 0, 0),
    "moco_v2-modelzoo-2023-01": (2, 6, 0, 0, 0, 1, 0),
    "moco_v2-training": (1, 0, 0, 0, 0, 0, 0),
    "moco_v2-upstream": (2, 0, 0, 0, 0, 0, 0),
    "deepmar-modelzoo-2023-01": (0, 6, 0, 0, 0, 1, 0),
    "deepmar-training": (1, 0, 0, 0, 0, 0, 0),
    "ghostnet-modelzoo-2022-03": (5, 5, 0, 0, 0, 0, 0),
    "ghostnet-modelzoo-2022-10": (4, 15, 0, 0, 0, 0, 0),
    "ghostnet-modelzoo-2022-12": (1, 6, 0, 0, 0, 0, 0),
    "ghostnet-upstream": (2, 0, 0, 0, 0, 0, 0),
}
GUIDES = ("se_resnet50", "moco_v2", "deepmar", "ghostnet")

# Where a guide contradicts itself, or says what cannot be: each of these lines has its note.
CONTRADICTIONS = {
    "se_resnet50": (113, 127, 152, 160, 162, 176, 182, 213, 251),
    "moco_v2": (104, 113, 133, 141, 177, 193, 203, 207, 214, 219, 220),
    "deepmar": (
        111, 124, 152, 190, 205, 209, 221, 225, 233, 236, 242, 247, 258, 264, 269, 280, 286,
    ),
    "ghostnet": (79, 103, 106, 134, 147, 189, 205, 218, 230, 251, 256, 257),
}  # fmt: skip

FILES = {"se_resnet50": "000_", "moco_v2": "002_", "deepmar": "003_", "ghostnet": "004_"}


@functools.cache
def sets():
    return {entry.id: entry for entry in shipped_sets()}


def guide(model):
    return sets()[f"{model}-guide"]


def figures(entry):
    return [figure for table in TABLES for figure in getattr(entry, table)]


def known(model):
    return discovery.load("zoo", model).accuracy


@functools.cache
def seed_lines(model):
    found = sorted((SHARED / "seeds").glob(f"{FILES[model]}*"))
    if not found:
        pytest.skip("the guides are not here")
    return found[0].read_text("utf-8").splitlines()


def test_every_document_is_one_set_with_all_of_its_rows():
    """A row that was lost would be missed by nobody but the reader who looks for it."""
    assert {name: tuple(len(getattr(entry, table)) for table in TABLES)
            for name, entry in sets().items()} == ROWS  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_every_row_says_where_it_comes_from(name):
    """Document, model, and in the guides the line; a rate also what it is a rate of."""
    entry = sets()[name]
    assert (entry.id, entry.model) == (name, name.partition("-")[0])
    assert entry.title.text
    assert entry.title.text_zh
    for figure in figures(entry):
        assert (figure.document, figure.model) == (name, entry.model)
        assert (figure.line is not None) == (entry.kind == "guide"), figure
    for figure in entry.throughput:
        assert figure.unit in ("images/s", "batches/s")
        assert figure.per in ("card", "chip")
        assert figure.per_basis in ("stated", "inferred")
        assert figure.factor == (4 if figure.device == "310" else 1)
        assert figure.official == (figure.batch_size in entry.official_batch_sizes)
        assert figure.throughput > 0


@pytest.mark.parametrize("name", ROWS)
def test_every_text_is_there_in_both_languages(name):
    """Half of the readers are Chinese, and the facts of a footnote must reach them."""
    entry = sets()[name]
    texts = [entry.about, entry.doubtful, *entry.notes]
    texts += [figure.note for figure in figures(entry)]
    texts += [judgement.remark for judgement in entry.judgements]
    for text in filter(None, texts):
        assert re.search(r"[\u4e00-\u9fff]", text.text_zh), text
        assert not re.search(r"[\u4e00-\u9fff]", text.text), text


@pytest.mark.parametrize("model", GUIDES)
def test_every_line_that_contradicts_itself_has_its_note(model):
    """What a guide gets wrong is shown, and said."""
    entry = guide(model)
    noted = {line for note in entry.notes for line in note.lines}
    for figure in figures(entry):
        if figure.note is not None:
            noted.add(figure.line)
            noted |= {int(found) for found in re.findall(r"line (\d+)", figure.note.text)}
    assert set(CONTRADICTIONS[model]) <= noted


def printed_values(entry, figure):
    """The numbers that a guide prints for a figure, from its line on."""
    if figure in entry.accuracy:
        fraction = entry.model == "deepmar" and figure.of == "om"
        found = None if figure.value is None else (
            figure.value if fraction else round(100 * figure.value, 3)
        )  # fmt: skip
        return [found]
    if figure in entry.logs:
        stages = (figure.e2e, figure.data_read, figure.preprocess, figure.infer, figure.post)
        return [value for stage in stages
                for value in (stage.rate, stage.latency_ms, stage.interface_rate)]  # fmt: skip
    if figure in entry.timings:
        return [getattr(figure, item.name) for item in fields(figure) if item.name.endswith("_ms")]
    raw = None if entry.model == "ghostnet" else getattr(figure, "raw", None)
    return [getattr(figure, "printed", None), raw]


@pytest.mark.parametrize("model", GUIDES)
def test_every_figure_stands_at_its_line(model):
    """A figure must be found where it is said to be."""
    lines, entry = seed_lines(model), guide(model)
    for figure in figures(entry):
        several = figure in entry.logs or figure in entry.timings
        text = " ".join(lines[figure.line - 1 : figure.line + 4 * several])
        numbers = {float(found) for found in re.findall(r"\d+\.?\d*", text)}
        assert {value for value in printed_values(entry, figure) if value is not None} <= numbers
    assert all("达标" in lines[judgement.line - 1] for judgement in entry.judgements)


def test_the_logs_of_one_guide_are_sound_and_those_of_the_other_are_not():
    """The self-check of a performance file is fair: five real logs pass it."""
    for log in (*guide("se_resnet50").logs, *guide("deepmar").logs):
        perf = PerfFile(
            e2e_rate=log.e2e.rate,
            elapsed_ms=log.e2e.latency_ms,
            **{
                name: Stage(getattr(log, name).rate, getattr(log, name).latency_ms)
                for name in ("data_read", "preprocess", "infer", "post")
            },
            interface_rate=log.infer.interface_rate,
        )
        doubts = perf_doubts(perf, log.batch_size, log.images)
        assert bool(doubts) is log.contradicts, doubts
        assert log.contradicts is (log.model == "deepmar")
        if log.contradicts and log.batch_size > 1:
            assert f"{perf.images:,.0f} images" in log.note.text
        (rate,) = (row for row in sets()[log.document].throughput
                   if row.batch_size == log.batch_size)  # fmt: skip
        assert (rate.raw, rate.device_index) == (log.infer.interface_rate, log.device_index)


def test_the_cells_that_differ_from_print_are_these():
    """Ratios and products are recomputed from raw values; four prints are wrong."""
    ratios = {
        (name, f"{ratio.a}/{ratio.b}", ratio.batch_size, ratio.printed): round(ratio.value, 6)
        for name, entry in sets().items()
        for ratio in set_ratios(entry)
        if ratio.misprinted
    }
    assert ratios == {("moco_v2-guide", "310P/T4", 4, 2.503371): 2.503491}
    rates = {
        (figure.document, figure.batch_size, figure.printed): round(figure.throughput, 6)
        for entry in sets().values()
        for figure in entry.throughput
        if figure.misprinted
    }
    assert rates == {
        ("deepmar-guide", 16, 2171.812): 2171.74,
        ("deepmar-guide", 64, 1666.608): 1666.612,
        ("ghostnet-modelzoo-2022-03", 16, 1090.564): 1090.684,
    }
    assert all(figure.note for figure in guide("deepmar").throughput if figure.misprinted)


@pytest.mark.parametrize("model", ["moco_v2", "ghostnet"])
def test_every_printed_ratio_is_recomputed(model):
    """The guide's whole table, and the best row where it has one."""
    entry = guide(model)
    found = {(r.a, r.b, r.batch_size): r.printed for r in set_ratios(entry) if r.printed}
    assert found == {(r.a, r.b, r.batch_size): r.printed for r in entry.ratios}


@pytest.mark.parametrize(
    ("model", "accuracy", "performance", "ratios"),
    [
        ("se_resnet50", ("met", "met"), ("not met", "not computable"), {}),
        ("moco_v2", ("met", "met"), ("met", "met"),
         {"310P/310": 1.345, "310P/T4": 1.758, "310/T4": 1.307}),
        ("deepmar", ("met", "met"), ("met", "not computable"), {}),
        ("ghostnet", ("met", "not computable"), ("met", "met"),
         {"310P/310": 1.391, "310P/T4": 3.622, "310/T4": 2.604}),
    ],
)  # fmt: skip
def test_each_guide_is_judged_as_it_says_and_by_the_rule(model, accuracy, performance, ratios):
    """Published judgement, then the recomputed one; GhostNet's accuracy is not printed."""
    one, two = judgements(guide(model), known(model))
    assert (one.published.said, one.recomputed.said) == accuracy
    assert (two.published.said, two.recomputed.said) == performance
    found = {
        f"{ratio.a}/{ratio.b}": round(ratio.value, 3)
        for ratio in set_ratios(guide(model))
        if ratio.batch_size is None and ratio.value is not None and (ratio.a, ratio.b) in GATES
    }
    assert found == ratios
    text = "; ".join(entry.message for entry in two.recomputed.basis)
    assert ("not computable: no T4 figure" in text) is (not ratios)


def test_what_is_doubtful_says_why():
    """Logs that contradict themselves, and batches that are called images."""
    assert {name for name, entry in sets().items() if entry.doubtful} == {
        "deepmar-guide", "moco_v2-modelzoo-2023-01", "deepmar-modelzoo-2023-01"
    }  # fmt: skip
    top = best(guide("deepmar").throughput)
    assert (top.batch_size, top.throughput, top.doubtful, top.official) == (
        16,
        2171.74,
        True,
        False,
    )
    rivals = [*guide("moco_v2").rates("310P"), *sets()["moco_v2-modelzoo-2023-01"].throughput]
    assert best(rivals).document == "moco_v2-guide"


def test_batches_a_second_become_images_a_second():
    """Multiplied by the batch size they fit the earlier tables."""
    rates = [round(row.throughput) for row in sets()["moco_v2-modelzoo-2023-01"].throughput]
    assert rates == [836, 3344, 3983, 3910, 2544, 2528]


def test_the_copies_halve_the_published_rate():
    """1675 images a second where 3439 are published."""
    assert round(with_copies(guide("ghostnet"), "310P", 16), 1) == 1675.0


@pytest.mark.parametrize("model", GUIDES)
def test_every_accuracy_of_the_zoo_is_in_a_set(model):
    """The two must not drift apart."""
    published = {
        (figure.metric, figure.value)
        for entry in sets().values()
        if entry.model == model
        for figure in entry.accuracy
    }
    assert {(item.metric, item.value) for item in known(model)} <= published


@pytest.mark.parametrize("model", GUIDES)
def test_the_guide_is_in_force(model, tmp_path):
    """Tables show the guide unless another document is asked for."""
    found = reference_sets(Settings(workspace=tmp_path), model)
    assert {entry.model for entry in found} == {model}
    assert [entry.id for entry in in_force(found)] == [f"{model}-guide"]
    spec = discovery.load("zoo", model)
    assert guide(model).official_batch_sizes == spec.official_batch_sizes
