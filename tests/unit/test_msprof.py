"""Tables of msprof: the operators that cost most, and no figure from half a line."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascend_console.ascend.msprof import FLAGS, parse_operators
from ascend_console.core.errors import UserError

CAPTURES = Path(__file__).parents[2].parent / "shared" / "captures" / "msprof"

NEW_SUMMARY = (
    "Device_id,Model ID,Task ID,Stream ID,Op Name,OP Type,OP State,Task Type,Task Start Time(us),"
    "Task Duration(us),Task Wait Time(us),Block Num,Input Shapes,Context ID\n"
    '0,1,3,2,conv_1,Conv2D,static,AI_CORE,"1695115378713661.1\t",300.5,0,16,'
    '"""1,3,224,224;64,3,7,7""",N/A\n'
    '0,1,4,2,trans_1,TransData,static,AI_VECTOR_CORE,1695115378714000.0\t,120.25\t,0,8,"""1,64""",N/A\n'
    '0,1,5,2,conv_2,Conv2D,static,AI_CORE,1695115378715000.0\t,99.5,0,16,"""1,64""",N/A\n'
    "0,1,N/A,N/A,hcom_1,hcom_allReduce_,N/A,HCCL,1695115378716000.0\t,20,0,N/A,N/A,N/A\n"
    "0,1,6,2,cast_1,Cast,static,AI_CPU,1695115378717000.0\t,72,0,1,,N/A\n"
    "0,1,7,2,slice_1,StridedSliceD,static,AI_VECTOR_CORE,1695115378718000.0\t,N/A,0,1,,N/A\n"
)
OLD_SUMMARY = (
    "Model Name,Model ID,Task ID,Stream ID,Infer ID,Op Name,OP Type,Task Type,Task Start Time,"
    "Task Duration(us),Task Wait Time(us),Block Dim\n"
    "ghostnet_bs16,1,3,5,1,Conv_0,Conv2D,AI_CORE,100.0,50.0,0,2\n"
    "ghostnet_bs16,1,4,5,1,Slice_9,StridedSliceD,AI_CORE,150.0,30.0,0,2\n"
    "ghostnet_bs16,1,3,5,2,Conv_0,Conv2D,AI_CORE,200.0,40.0,0,2\n"
)
OLD_STATISTIC = (
    "Model Name,OP Type,Core Type,Count,Total Time(us),Min Time(us),Avg Time(us),Max Time(us),"
    "Ratio(%)\n"
    "ghostnet_bs16,Conv2D,AI_CORE,36,900,20,25,31.5,75\n"
    "ghostnet_bs16,TransData,AI_CORE,4,300,70,75,80,25\n"
)


def brief(profile) -> list[tuple]:
    return [(cost.op_type, cost.core_type, cost.count, cost.total_us) for cost in profile.operators]


def test_a_new_summary_is_summed_by_type():
    """Quotes in shapes, TABs behind numbers, N/A in rows of communication are the normal case."""
    profile = parse_operators(NEW_SUMMARY)
    assert profile.kind == "op_summary"
    assert brief(profile) == [
        ("Conv2D", "AI_CORE", 2, 400.0),
        ("TransData", "AI_VECTOR_CORE", 1, 120.25),
        ("Cast", "AI_CPU", 1, 72.0),
        ("hcom_allReduce_", "HCCL", 1, 20.0),
    ]
    assert profile.total_us == 612.25
    assert profile.untimed == 1
    assert profile.operators[0].share == 400 / 612.25
    assert profile.operators[0].mean_us == 200.0
    assert [cost.flags for cost in profile.operators] == [
        (),
        ("trans_data",),
        ("ai_cpu", "cast"),
        (),
    ]


def test_an_old_summary_is_summed_by_name():
    """CANN 5 and 6 put the model first; each operator runs once an inference."""
    profile = parse_operators(OLD_SUMMARY, by="name")
    assert [(cost.name, cost.count, cost.total_us) for cost in profile.operators] == [
        ("Conv_0", 2, 90.0),
        ("Slice_9", 1, 30.0),
    ]
    assert profile.top(1) == profile.operators[:1]
    assert profile.operators[1].flags == ("strided_slice_d",)


def test_a_statistic_has_sums_already():
    """Its counts are counts of runs, not of rows."""
    profile = parse_operators(OLD_STATISTIC)
    assert profile.kind == "op_statistic"
    assert brief(profile) == [("Conv2D", "AI_CORE", 36, 900.0), ("TransData", "AI_CORE", 4, 300.0)]
    assert [cost.share for cost in profile.operators] == [0.75, 0.25]
    assert parse_operators(OLD_STATISTIC.replace(",25,31.5", ",N/A,31.5")) == profile


def test_rows_of_two_devices_are_summed():
    """Two devices of one run write one file."""
    text = (
        "Device_id,OP Type,Core Type,Count,Total Time(us)\n0,Add,AI_CORE,2,10\n1,Add,AI_CORE,2,12\n"
    )
    assert brief(parse_operators(text)) == [("Add", "AI_CORE", 4, 22.0)]


def test_without_types_names_stay_apart():
    """The lowest level of task times has no types: all operators would be one."""
    head = "Op Name,OP Type,Task Type,Task Duration(us),Task Wait Time(us)\n"
    text = head + "a,N/A,N/A,5,0\nb,N/A,N/A,3,0\n"
    assert [cost.name for cost in parse_operators(text).operators] == ["a", "b"]


def test_a_line_with_a_cell_missing_gives_no_figure():
    """Its waiting time would be taken for its duration; the others stay."""
    text = OLD_SUMMARY.replace(",50.0", "")
    profile = parse_operators(text)
    assert profile.unread_lines == (2,)
    assert brief(profile) == [("Conv2D", "AI_CORE", 1, 40.0), ("StridedSliceD", "AI_CORE", 1, 30.0)]
    assert parse_operators(OLD_SUMMARY.replace("Conv_0,", "Conv_0,,")).unread_lines == (2, 4)


def test_a_figure_at_the_end_of_a_text_without_line_end_is_not_trusted():
    """A copy that stopped inside the last number looks like a smaller one."""
    text = "OP Type,Count,Total Time(us)\nAdd,1,10\nMul,1,1"
    assert parse_operators(text).unread_lines == (3,)
    assert parse_operators(text + "00\n").total_us == 110.0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no header"),
        ("a,b\n1,2\n", "no header"),
        (OLD_SUMMARY.split("\n")[0], "no operator"),
        (OLD_SUMMARY.replace("50.0", "fast"), "no number"),
        (OLD_SUMMARY.replace("50.0", "-50.0"), "no number"),
        (OLD_SUMMARY.replace("50.0", "nan"), "no number"),
        (OLD_SUMMARY.replace("50.0", "5" * 400), "no number"),
        (OLD_SUMMARY.replace("50.0", "٥٠"), "no number"),
        (OLD_SUMMARY.replace("Duration(us)", "Duration(ns)"), "no header"),
        ("\n".join(OLD_SUMMARY.split("\n")[:2])[:-7], "no operator"),
        (OLD_SUMMARY + OLD_SUMMARY, "no number"),
        (OLD_SUMMARY.replace("Block Dim", "Op Name"), "two columns"),
        (OLD_STATISTIC.replace("36", "35.5"), "no count"),
        (OLD_STATISTIC.replace("36", "0"), "no count"),
        (OLD_STATISTIC.replace("900", "90"), "do not make"),
        (NEW_SUMMARY.replace('7,7"""', "7,7"), "quotes"),
        (NEW_SUMMARY.replace('7,7"""', "7,7").replace('"""1,64"""', ""), "quotes"),
        (OLD_SUMMARY.replace("Conv_0", '"Conv_0').replace("Slice_9", 'Slice_9"'), "quotes"),
    ],
)
def test_what_cannot_be_read_is_refused(text, reason):
    """A table that was cut or edited gives no figure instead of a wrong one."""
    with pytest.raises(UserError, match=reason) as raised:
        parse_operators(text)
    assert raised.value.id == "msprof.unreadable"


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="the captures are not here")
@pytest.mark.parametrize(
    ("name", "kind", "rows", "first"),
    [
        ("kernel_details-level1-pytorch", "kernel_details", 24, ("Conv2D", 4, 654.173)),
        ("kernel_details-tab-in-start-time", "kernel_details", 19, ("MatMulV3", 8, 4122.342)),
        ("op_statistic-level1-pytorch", "op_statistic", 187, ("ForeachAddList", 3, 1959.079)),
        # Its line 18 has no duration, and the waiting time in that place.
        ("op_summary-step-id-first-bandwidth-columns", "op_summary", 20,
         ("FlashAttentionScore", 3, 21112.8507)),
    ],
)  # fmt: skip
def test_every_capture_parses(name, kind, rows, first):
    """Real tables are the contract."""
    profile = parse_operators((CAPTURES / f"{name}.txt").read_text("utf-8"))
    top = profile.operators[0]
    assert profile.kind == kind
    assert sum(cost.count for cost in profile.operators) == rows
    assert (top.op_type, top.count) == first[:2]
    assert top.total_us == pytest.approx(first[2])
    assert math.fsum(cost.share for cost in profile.operators) == pytest.approx(1)


def test_every_flag_says_what_to_do():
    """A flag without a remedy is decoration."""
    for advice in FLAGS.values():
        assert advice.remedies("en")
        assert len(advice.remedies("en")) == len(advice.remedies("zh"))


ROWS = st.lists(
    st.tuples(
        st.sampled_from(("conv", "slice_1", 'a "name", quoted', "名字")),
        st.sampled_from(("Conv2D", "TransData", "N/A")),
        st.sampled_from(("AI_CORE", "AI_CPU", "N/A")),
        st.none() | st.integers(0, 10**7).map(lambda thousandths: thousandths / 1000),
    ),
    min_size=1,
    max_size=12,
)
EXTRA = st.lists(st.sampled_from(("Model ID", "Task ID", "Step Id", "Context ID", "mac_ratio")),
                 unique=True)  # fmt: skip


@st.composite
def tables(draw) -> tuple[str, list[tuple]]:
    """A summary with its columns in any order, and the rows that it holds."""
    rows = draw(ROWS)
    head = ["Op Name", "OP Type", "Task Type", "Task Duration(us)"]
    order = draw(st.permutations([*head, *draw(EXTRA)]))
    tab = draw(st.sampled_from(("", "\t")))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=draw(st.sampled_from(("\n", "\r\n"))))
    writer.writerow([*order, "last"])
    for row in rows:
        duration = "N/A" if row[3] is None else f"{row[3]}{tab}"
        cells = dict(zip(head, (*row[:3], duration), strict=True))
        writer.writerow([*(cells.get(column, "7") for column in order), "N/A"])
    return out.getvalue(), rows


@given(table=tables())
@settings(deadline=None)
def test_any_order_of_columns_gives_the_same_sums(table):
    """Columns move with version, chip and metrics."""
    text, rows = table
    timed = [row for row in rows if row[3] is not None]
    if not timed:
        with pytest.raises(UserError, match="no operator"):
            parse_operators(text)
        return
    profile = parse_operators(text, by="name")
    assert profile.untimed == len(rows) - len(timed)
    assert sum(cost.count for cost in profile.operators) == len(timed)
    assert profile.total_us == pytest.approx(math.fsum(row[3] for row in timed))
    for cost in profile.operators:
        same = [row for row in timed if row[:3] == (cost.name, cost.op_type or "N/A",
                                                    cost.core_type or "N/A")]  # fmt: skip
        assert cost.count == len(same)
        assert cost.total_us == pytest.approx(math.fsum(row[3] for row in same))


@given(table=tables(), data=st.data())
@settings(deadline=None)
def test_a_cut_table_has_whole_rows_or_is_an_error(table, data):
    """A disk that filled up must not make an operator cheaper."""
    text, rows = table
    try:
        profile = parse_operators(text[: data.draw(st.integers(0, len(text)))], by="name")
    except UserError:
        return
    kept = profile.untimed + sum(cost.count for cost in profile.operators)
    assert len(profile.unread_lines) <= 1
    timed = [row[3] for row in rows[:kept] if row[3] is not None]
    assert profile.total_us == pytest.approx(math.fsum(timed))


@given(text=st.text(max_size=300) | st.text(alphabet='",\n\t0N/A', max_size=60).map(
    lambda tail: "Op Name,OP Type,Task Type,Task Duration(us),x\n" + tail))  # fmt: skip
def test_any_text_is_a_profile_or_the_documented_error(text):
    """People name the wrong file."""
    try:
        parse_operators(text)
    except UserError as error:
        refused = error.id
        assert refused == "msprof.unreadable"
