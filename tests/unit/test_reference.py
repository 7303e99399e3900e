"""Files of reference figures: what they may hold, and every mistake named."""

from __future__ import annotations

import tomllib
from functools import partial

import pytest

from ascend_console.core.errors import UserError
from ascend_console.core.reference import parse_reference
from ascend_console.core.settings import Settings
from ascend_console.tools.model_file import line_of
from ascend_console.tools.paths import assets
from ascend_console.tools.reference_files import in_force, reference_sets, user_sets

WHOLE = """\
# A set with every table.
schema = 1
id = "mine"
model = "ghostnet"
title = "Our acceptance"
title_zh = "我们的验收"
about = "Measured in the laboratory."
kind = "own"
date = "2026-11"
source = "report 7"
official_batch_sizes = [1, 16]
official_basis = "stated"
official_line = 3
doubtful = "The device was shared."

[[columns]]
device = "310P"
chip = "310P3"
per = "chip"
per_basis = "stated"
factor = 2
unit = "images/s"
unit_basis = "stated"
precision = "fp16"
precision_basis = "stated"

[[columns]]
device = "T4"
per = "card"
factor = 1

[[notes]]
lines = [1, 2]
text = "Something odd."
text_zh = "有些奇怪。"

[[accuracy]]
line = 10
metric = "top1"
value = 0.7391
of = "om"
device = "310P"
against = "T4"
batch_sizes = [1, 16]
images = 50000
precision = "fp16"
note = "Measured twice."
note_zh = "测了两次。"

[[throughput]]
line = 20
device = "310P"
device_index = 1
batch_size = 16
raw = 1000.5
printed = 1000.5

[[throughput]]
device = "T4"
batch_size = 16
stated = 900

[[logs]]
device = "310P"
device_index = 0
batch_size = 16
images = 100
e2e = { rate = 100.0, latency_ms = 1000.0 }
data_read = { rate = 110.0, latency_ms = 9.1 }
preprocess = { rate = 110.0, latency_ms = 9.1 }
infer = { rate = 100.0, interface_rate = 1000.5, latency_ms = 5.0 }
post = { rate = 6.25, latency_ms = 160.0 }
contradicts = false

[[timings]]
device = "310P"
batch_size = 16
name = "compute"
min_ms = 1.0
max_ms = 9.0
mean_ms = 2.0
median_ms = 1.9
p99_ms = 8.0

[[ratios]]
line = 21
a = "310P"
b = "T4"
batch_size = 16
printed = 2.2233

[[best]]
device = "310P"
batch_size = 16
printed = 2001.0

[[judgements]]
kind = "performance"
said = "met"
word = "达标"
remark = "Fast enough."
remark_zh = "够快。"
"""


def parsed(text=WHOLE):
    return parse_reference(tomllib.loads(text), "mine.toml", partial(line_of, text))


def wrong(text):
    with pytest.raises(UserError) as caught:
        parsed(text)
    return caught.value


def line_with(text, piece):
    return next(n for n, line in enumerate(text.splitlines(), 1) if piece in line)


def test_every_table_is_read():
    """Typed rows, each with its document, its model, its line and its note."""
    found = parsed()
    assert (found.id, found.model, found.kind) == ("mine", "ghostnet", "own")
    assert found.title.told("zh") == "我们的验收"
    assert found.about.told("zh") == found.about.told("en") == "Measured in the laboratory."
    assert found.notes[0].lines == (1, 2)
    (accuracy,) = found.accuracy
    assert (accuracy.document, accuracy.line, accuracy.batch_sizes) == ("mine", 10, (1, 16))
    assert accuracy.note.told("zh") == "测了两次。"
    chip, card = found.throughput
    assert (chip.chip, chip.factor, chip.precision, chip.unit_basis) == (
        "310P3", 2, "fp16", "stated"
    )  # fmt: skip
    assert (chip.official, chip.doubtful) == (True, True)
    assert (chip.throughput, chip.recomputed, chip.misprinted) == (2001.0, 2001.0, False)
    assert (card.throughput, card.recomputed, card.line) == (900, None, None)
    assert found.logs[0].infer.interface_rate == 1000.5
    assert found.timings[0].mean_ms == 2.0
    assert found.ratios[0].printed == 2.2233
    assert found.best[0].batch_size == 16
    assert found.judgements[0].remark.told("zh") == "够快。"
    assert found.devices == ("310P", "T4")


def test_a_small_set_is_enough():
    """What nobody knows is left out."""
    text = 'schema = 1\nid = "mine"\nmodel = "m"\ntitle = "t"\n'
    found = parsed(text)
    assert found.throughput == ()
    assert found.doubtful is None


# The line of WHOLE that is changed, what stands there instead, and the key that is named.
WRONG = (
    ("schema = 1", "schema = 2", "schema"),
    ("schema = 1", "schema = true", "schema"),
    ('id = "mine"', "id = 3", "id"),
    ('model = "ghostnet"', 'model = " "', "model"),
    ('title = "Our', "title = []", "title"),
    ('title_zh = "我们', "title_zh = 1", "title_zh"),
    ('about = "Measured', "about = 1", "about"),
    ('kind = "own"', 'kind = "paper"', "kind"),
    ('date = "2026-11"', "date = 2026", "date"),
    ("source =", "source = 1", "source"),
    ("official_batch_sizes =", "official_batch_sizes = [1, 1]", "official_batch_sizes"),
    ("official_batch_sizes =", "official_batch_sizes = []", "official_batch_sizes"),
    ("official_basis =", 'official_basis = "guessed"', "official_basis"),
    ("official_line = 3", "official_line = 0", "official_line"),
    ("doubtful =", "doubtful = true", "doubtful"),
    ('chip = "310P3"', "chip = 3", "columns[1].chip"),
    ('per = "chip"', 'per = "server"', "columns[1].per"),
    ('per_basis = "stated"', 'per_basis = "yes"', "columns[1].per_basis"),
    ("factor = 2", "factor = 0", "columns[1].factor"),
    ('unit = "images/s"', 'unit = "fps"', "columns[1].unit"),
    ('unit_basis = "stated"', "unit_basis = 1", "columns[1].unit_basis"),
    ('precision = "fp16"', "precision = 16", "columns[1].precision"),
    ('precision_basis = "stated"', "precision_basis = 1", "columns[1].precision_basis"),
    ("lines = [1, 2]", "lines = 1", "notes[1].lines"),
    ('text = "Something', "text = 1", "notes[1].text"),
    ("line = 10", 'line = "10"', "accuracy[1].line"),
    ('metric = "top1"', "metric = 1", "accuracy[1].metric"),
    ("value = 0.7391", "value = 73.91", "accuracy[1].value"),
    ("value = 0.7391", "value = nan", "accuracy[1].value"),
    ('of = "om"', 'of = "pth"', "accuracy[1].of"),
    ("batch_sizes = [1, 16]\nimages", "batch_sizes = [0]\nimages", "accuracy[1].batch_sizes"),
    ("images = 50000", "images = 5e4", "accuracy[1].images"),
    ('note = "Measured twice."', "note = 2", "accuracy[1].note"),
    ("device_index = 1", "device_index = -1", "throughput[1].device_index"),
    ("batch_size = 16\nraw", "batch_size = 0\nraw", "throughput[1].batch_size"),
    ("raw = 1000.5", "raw = inf", "throughput[1].raw"),
    ("printed = 1000.5", "printed = 0", "throughput[1].printed"),
    ("stated = 900", 'stated = "900"', "throughput[2].stated"),
    ("e2e =", "e2e = 100.0", "logs[1].e2e"),
    ("post =", 'post = { rate = "6.25", latency_ms = 160.0 }', "logs[1].post.rate"),
    ("contradicts = false", 'contradicts = "no"', "logs[1].contradicts"),
    ('name = "compute"', 'name = "copy"', "timings[1].name"),
    ("mean_ms = 2.0", "mean_ms = -2.0", "timings[1].mean_ms"),
    ('a = "310P"', "a = 310", "ratios[1].a"),
    ("printed = 2.2233", "printed = false", "ratios[1].printed"),
    ("printed = 2001.0", "printed = []", "best[1].printed"),
    ('kind = "performance"', 'kind = "speed"', "judgements[1].kind"),
    ('said = "met"', 'said = "达标"', "judgements[1].said"),
    ('remark = "Fast', "remark = 1", "judgements[1].remark"),
)


@pytest.mark.parametrize(("before", "after", "key"), WRONG, ids=[row[1][:40] for row in WRONG])
def test_a_wrong_value_is_named_with_file_line_and_key(before, after, key):
    """Somebody who writes a file by hand sees where, what, and what belongs there."""
    start = WHOLE.index(before)
    end = start + len(before)
    rest = WHOLE[end:] if "\n" in before else WHOLE[WHOLE.index("\n", end) :]
    text = WHOLE[:start] + after + rest
    error = wrong(text)
    assert error.id == "reference.value"
    assert error.values["key"] == key
    assert error.message.startswith(f"mine.toml, line {error.values['line']}: {key} is ")
    assert int(error.values["line"]) == line_with(text, after.splitlines()[0])


@pytest.mark.parametrize(
    ("without", "key"),
    [
        ("schema = 1\n", "schema"),
        ('id = "mine"\n', "id"),
        ('model = "ghostnet"\n', "model"),
        ("factor = 2\n", "columns[1].factor"),
        ('of = "om"\n', "accuracy[1].of"),
        ("stated = 900\n", "throughput[2].printed"),
        ("post = { rate = 6.25, latency_ms = 160.0 }\n", "logs[1].post"),
        ("mean_ms = 2.0\n", "timings[1].mean_ms"),
        ("printed = 2.2233\n", "ratios[1].printed"),
        ('said = "met"\n', "judgements[1].said"),
    ],
)
def test_a_missing_key_is_named(without, key):
    """A figure without its device or value is none."""
    error = wrong(WHOLE.replace(without, "", 1))
    assert (error.id, error.values["key"]) == ("reference.missing", key)


@pytest.mark.parametrize(
    ("added", "key"),
    [
        ('title = "Our acceptance"\ncolour = "red"', "colour"),
        ('metric = "top1"\ntop = 1', "accuracy[1].top"),
    ],
)
def test_an_unknown_key_is_named_with_those_that_there_are(added, key):
    """A typing slip must not silently lose a figure."""
    error = wrong(WHOLE.replace(added.splitlines()[0], added, 1))
    assert (error.id, error.values["key"]) == ("reference.key", key)
    assert int(error.values["line"]) == line_with(WHOLE, added.splitlines()[0]) + 1
    assert "title" in error.hint or "metric" in error.hint


def test_a_rate_needs_its_column():
    """Without it nobody knows whether it is of a chip or of a card."""
    error = wrong(WHOLE.replace('device = "T4"\nbatch_size', 'device = "V100"\nbatch_size'))
    assert error.values["key"] == "throughput[2].device"
    assert "310P, T4" in error.message


def test_a_figure_is_stated_once():
    """Two figures of one device and batch size would leave it to chance which one counts."""
    again = '\n[[throughput]]\ndevice = "T4"\nbatch_size = 16\nprinted = 1.0\n'
    assert wrong(WHOLE + again).values["key"] == "throughput[3].device"


def test_several_mistakes_are_told_at_once():
    """One at a time would take as many attempts as there are mistakes."""
    text = WHOLE.replace("factor = 2", "factor = 0").replace('of = "om"', 'of = "pth"')
    error = wrong(text)
    assert (error.id, error.values["count"]) == ("reference.mistakes", "2")
    assert f"line {line_with(text, 'factor = 0')}: columns[1].factor" in error.message
    assert "accuracy[1].of" in error.message


def test_without_a_text_the_key_stands_alone():
    """What comes from elsewhere than a file has no lines."""
    with pytest.raises(UserError, match=r"^x: schema is 2, and must be 1$"):
        parse_reference({"schema": 2, "id": "a", "model": "b", "title": "c"}, "x")


def test_the_example_of_the_documentation_is_a_set():
    """Everybody begins by copying it."""
    page = (assets() / "docs" / "references.md").read_text("utf-8")
    text = page.split("```toml\n")[1].split("```")[0]
    found = parsed(text)
    assert (found.id, found.throughput[0].throughput) == ("acceptance-2026", 3512.4)


# --- files ---------------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "references").mkdir()
    return Settings(workspace=tmp_path / "ws", config_file=tmp_path / "config.toml")


def write(settings, text=WHOLE, name="mine"):
    path = settings.config_file.parent / "references" / f"{name}.toml"
    path.write_text(text, "utf-8")
    return path


def test_own_sets_stand_beside_the_shipped_ones(settings):
    """The guide stays in force; an own set is one more document."""
    write(settings, WHOLE.replace('kind = "own"', 'kind = "guide"'))
    sets = reference_sets(settings, "ghostnet")
    assert [entry.id for entry in sets][:2] == ["ghostnet-guide", "mine"]
    assert sets[1].kind == "own"
    assert [entry.id for entry in in_force(sets)] == ["ghostnet-guide"]
    assert [entry.id for entry in reference_sets(settings, document="mine")] == ["mine"]
    other = WHOLE.replace('"ghostnet"', '"flowers"')
    write(settings, other)
    assert [entry.id for entry in in_force(reference_sets(settings, "flowers"))] == ["mine"]


def test_a_broken_own_file_is_told_and_hides_nothing(settings):
    """One typing slip must not take the guides away; asked for by name it is the error."""
    path = write(settings, WHOLE.replace("factor = 2", "factor = 0"))
    sets, mistakes = user_sets(settings)
    assert sets == ()
    assert [error.values["path"] for error in mistakes] == [str(path)]
    assert {entry.id for entry in reference_sets(settings, "ghostnet")} >= {"ghostnet-guide"}
    with pytest.raises(UserError) as caught:
        reference_sets(settings, document="mine")
    assert (caught.value.id, caught.value.values["key"]) == ("reference.value", "columns[1].factor")


@pytest.mark.parametrize(
    ("text", "name", "error_id"),
    [
        ("schema = ", "mine", "reference.syntax"),
        (WHOLE, "other", "reference.name"),
        (WHOLE.replace('"mine"', '"ghostnet-guide"'), "ghostnet-guide", "reference.clash"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(settings, text, name, error_id):
    """No TOML, another name than its id, or the id of a shipped set."""
    path = write(settings, text, name)
    (error,) = user_sets(settings)[1]
    assert error.id == error_id
    assert str(path) in error.message


def test_a_file_that_is_no_text_is_told(settings):
    """A spreadsheet that was renamed."""
    write(settings).write_bytes(b"\xff\xfe\x00")
    assert [error.id for error in user_sets(settings)[1]] == ["reference.unreadable"]


def test_an_unknown_document_names_those_that_there_are(settings):
    """The ids are long, and nobody knows them by heart."""
    with pytest.raises(UserError) as caught:
        reference_sets(settings, "deepmar", "ghostnet-guide")
    assert "deepmar-guide" in caught.value.hint
    assert "ghostnet-guide" not in caught.value.hint
