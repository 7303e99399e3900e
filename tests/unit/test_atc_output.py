"""What atc prints: verdict, error lines of every generation, warnings, the om's own information."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascend_console.ascend.atc import om_info_argv
from ascend_console.ascend.atc_output import (
    choose_om,
    om_candidates,
    om_target,
    parse_atc,
    parse_om_info,
)
from ascend_console.core.errors import UserError

START = "ATC start working now, please wait for a moment.\n"
SUCCESS = "ATC run success, welcome to the next use.\n"
FAILED = "ATC run failed, Please check the detail log, Try 'atc --help' for more information\n"


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (START + SUCCESS, "success"),
        (START + "......." + SUCCESS, "success"),
        (START + FAILED, "failure"),
        (START, "unknown"),
        ("", "unknown"),
        (START + "Traceback (most recent call last):\n  File \"x\"\nImportError: y\n" + SUCCESS,
         "success"),
        (START + "[ERROR] AMCT(7,atc.bin):2023 failed\n", "failure"),
        ("atc.bin: error while loading shared libraries: libascend_hal.so: cannot open\n",
         "failure"),
        (START + "E10016: Opname [x] is not found\n", "failure"),
    ],
)  # fmt: skip
def test_the_verdict_of_a_log(text, outcome):
    """A killed atc prints no verdict, and that is not a success."""
    assert parse_atc(text).outcome == outcome


HEADLINES = {
    "5.x": "E10016: Opname [x] specified in [--input_shape] is not found in the model",
    "8.0": "E10016: 2024-09-09-06:13:16.140.829 Opname [x] specified in [--input_shape] is not "
    "found in the model",
    "8.1": "E10016: [PID: 2004] 2025-06-16-13:02:36.801.136 Opname [x] specified in "
    "[--input_shape] is not found in the model",
    "9.x": "[PID: 2004] 2026-04-09-21:56:40.384.694 Invalid_Argument_Operator_Name(E10016): "
    "Opname [x] specified in [--input_shape] is not found in the model",
    "quoted": "> E10016: Opname [x] specified in [--input_shape] is not found in the model",
    "worker": "(EngineCore_DP0 pid=7) E10016: Opname [x] specified in [--input_shape] is not "
    "found in the model",
}


@pytest.mark.parametrize("form", HEADLINES)
def test_every_generation_of_the_first_error_line_is_read(form):
    """Five generations of CANN write it in five ways."""
    block = parse_atc(
        START + FAILED + HEADLINES[form] + "\n        Possible Cause: a name\n"
        "        Solution: 1. look 2. write\n        TraceBack (most recent call last):\n"
        "        parse failed.[FUNC:Parse][FILE:a.cc][LINE:3]\n"
    ).errors[0]
    assert block.code == "E10016"
    assert block.message == "Opname [x] specified in [--input_shape] is not found in the model"
    assert (block.possible_cause, block.solution) == ("a name", "1. look 2. write")
    assert block.traceback == ("parse failed.[FUNC:Parse][FILE:a.cc][LINE:3]",)
    assert block.pid == (2004 if form in ("8.1", "9.x") else None)


@pytest.mark.parametrize(
    "text",
    [
        "EZ9999: Inner Error!\nEZ9999  Kernel failed.[FUNC:Get][FILE:a.cc][LINE:1]\n",
        "EZ9999: Inner Error!\nEZ9999: [PID: 9] 2025-04-02-00:54:30.240.432  Kernel failed.\n",
        "EZ9999: Internal error!\nEZ9999[PID: 9] 2026-04-02-00:54:30.240.432 "
        "AclNN_Inner_Error(EZ9999):  Kernel failed.\nTraceBack (most recent call last):\n  a\n",
        "EZ9999: Inner Error! EZ9999 Kernel failed.\n",
    ],
)
def test_an_inner_error_is_one_block_with_its_real_words(text):
    """`Inner Error!` alone says nothing; the next line does."""
    (block,) = parse_atc(text).errors
    assert (block.code, block.message) == ("EZ9999", "Kernel failed.")


def test_an_error_without_a_record_keeps_its_sentence():
    """It is all that atc says then."""
    (block,) = parse_atc("E19999: Internal Error!\n        Unknown error occurred.\n").errors
    assert block.message == "Unknown error occurred."


def test_a_solution_that_a_copy_glued_on_is_told_apart():
    """Blog copies lose line ends and indentation."""
    (block,) = parse_atc("E13005: Failed to parse file x. Solution: Check the file.\n").errors
    assert (block.message, block.solution) == ("Failed to parse file x.", "Check the file.")


def test_warnings_after_the_success_line_are_no_errors():
    """They come by the dozen and are harmless."""
    log = parse_atc(START + SUCCESS + "W11001: Op [a] does not hit it.\nW11001: Op [b] does not.\n")
    assert log.outcome == "success"
    assert [block.message for block in log.warnings] == [
        "Op [a] does not hit it.",
        "Op [b] does not.",
    ]
    assert log.errors == ()


def test_blamed_operators_are_listed_with_type_and_opset():
    """They are what somebody must change in the model."""
    log = parse_atc(
        "E19010: No parser is registered for Op [Trilu_1, optype [ai.onnx::14::Trilu]].\n"
        "        TraceBack (most recent call last):\n"
        "        No parser is registered for Op [Trilu_2, optype [ai.onnx::14::Trilu]].\n"
        "E20001: [PID: 3] Failed to compile Op [/m/Slice]. (optype: [StridedSliceD])\n"
        "EZ3002: Optype [TransData] of Ops kernel [AIcoreEngine] is unsupported.\n"
    )
    assert [(item.name, item.type, item.opset) for item in log.operators] == [
        ("Trilu_1", "Trilu", 14),
        ("Trilu_2", "Trilu", 14),
        ("/m/Slice", "StridedSliceD", None),
        ("", "TransData", None),
    ]


INFO = """ATC start working now, please wait for a moment.
============ Display Model Info start ============
Original Atc command line: /usr/bin/atc.bin --model=net.onnx --soc_version=Ascend310
system   info: atc_version[5.1.RC2], soc_version[Ascend310], framework_type[5].
resource info: memory_size[1048576 B], weight_size[2048 B], stream_num[1], event_num[0].
om       info: modeldef_size[77 B], weight_data_size[2048 B].
============ Display Model Info end   ============
"""


def test_an_om_tells_what_it_was_made_from():
    """The only way to know an om without a device."""
    assert om_info_argv("/w/a.om") == ["--mode=6", "--om=/w/a.om"]
    info = parse_om_info(INFO)
    assert info.soc_version == "Ascend310"
    assert info.command.endswith("--soc_version=Ascend310")
    assert (info.memory_bytes, info.weight_bytes) == (1048576, 2048)
    assert (info.stream_count, info.event_count) == (1, 0)


def test_a_cut_information_block_is_an_error():
    """Half a block would give half of the figures as unknown."""
    with pytest.raises(UserError):
        parse_om_info(INFO.split("resource")[0])


def test_the_real_name_of_the_om_is_found():
    """A dynamic model is written under another name than the one that was asked for."""
    assert om_candidates("/w/a")[0] == "/w/a.om"
    assert choose_om("/w/a", ["/w/a.om", "/w/b.om"]) == "/w/a.om"
    assert choose_om("/w/a", ["/w/a_linux_x86_64.om"]) == "/w/a_linux_x86_64.om"
    assert choose_om("/w/a", ["/w/ab.om"]) is None
    with pytest.raises(UserError):
        choose_om("/w/a", ["/w/a.om", "/w/a_linux_x86_64.om"])
    assert om_target("a_linux_aarch64.om") == ("linux", "aarch64")
    assert om_target("a_bs1.om") is None


@given(st.lists(st.sampled_from([
    START, SUCCESS, FAILED, "E10016: x", "EZ9999: Inner Error!", "EZ9999  y", "W11001: z",
    "        Solution: s", "        TraceBack (most recent call last):", "[INFO] a", "\r", "....",
    "[PID: 1] 2026-01-01-00:00:00.000.000 T(E10001): v", "Possible Cause:", "E10016:", "\x1b[31m",
])).map("\n".join) | st.text(max_size=200))  # fmt: skip
@settings(max_examples=300)
def test_no_text_breaks_the_reader(text):
    """It reads whatever a tool, a terminal or a mail program left."""
    log = parse_atc(text)
    assert log.outcome in ("success", "failure", "unknown")
    assert all(block.code for block in log.blocks)
    with contextlib.suppress(UserError):
        parse_om_info(text)
