"""Error codes, signs and exit codes: each with a cause and remedies in both languages."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console.ascend import error_data_build, error_data_environment, error_data_inference
from ascend_console.ascend.error_codes import code_advice, known_codes
from ascend_console.ascend.error_signs import exit_advice, find_signs

# The codes that a console has to explain, as the contract of the tools lists them.
LISTED = """
    E10001 E10002 E10011 E10012 E10031 E10040 E10045 E10046 E10049 E10050 E10003 E10005 E10006
    E10013 E10014 E10004 E10054 E10058 E10007 E10008 E10009 E10010 E10016 E10017 E10018 E10019
    E10020 E10021 E10022 E13002 E10025 E10032 E10034 E10035 E10036 E10037 E10038 E10039 E10041
    E10044 E10047 E10056 E10057 E10052 E10055 E10410 E10501 E11017 E12013 E12029 E13000 E13001
    E13003 E13004 E13005 E13018 E13010 E13023 E13024 E13025 E13026 E14001 E16001 E16002 E16004
    E16005 E19010 EZ9010 E76002 E19025 E20001 E40021 EB0000 E90000 EA0000 EB3000 EB4000 EB0500
    EB9000 E20007 E22001 E40001 E40002 E40020 E40024 E40003 W40011 EZ0501 EZ3002 EZ3003 EZ0001
    EZ0007 EH0001 EH0014 EE1001 EE1015 EE1023 EE4001 EL0001 EL0004 EL0005 EL0006 EL0007 EL0015
    EK0007 EK0204 E39999 E39007 E30003 E30006 W11001
"""

SIGNS = (*error_data_inference.SIGNS, *error_data_environment.SIGNS)


def check_advice(advice) -> None:
    """A cause and a remedy that somebody can act on, in both languages."""
    assert advice.cause_en
    assert advice.remedies_en
    assert len(advice.remedies_en) == len(advice.remedies_zh)
    for english in (advice.cause_en, *advice.remedies_en):
        assert not re.search(r"[\u4e00-\u9fff]", english)
    for chinese in (advice.cause_zh, *advice.remedies_zh):
        assert re.search(r"[\u4e00-\u9fff]", chinese)
        assert not re.search(r"[\u4e00-\u9fff][,;()]|[,;()][\u4e00-\u9fff]", chinese)


@pytest.mark.parametrize("code", LISTED.split())
def test_every_listed_code_has_a_cause_and_remedies_of_its_own(code):
    """The family's advice would say next to nothing."""
    assert code in known_codes()
    check_advice(code_advice(code).advice)


def test_every_row_is_whole():
    """Each table is read at once, so a torn row would hide until its code comes up."""
    for advice in known_codes().values():
        check_advice(advice)
    for rows, rest in ((error_data_build.FAMILIES, "7777"), (error_data_build.INNER, "9999")):
        for row in rows:
            for family in row[0].split():
                check_advice(code_advice(family + rest).advice)


@pytest.mark.parametrize(
    ("code", "expected", "wide"),
    [
        ("E10016", "code.E10016", False),
        ("E10001", "code.E10001", True),
        ("EL003", "code.EL0003", True),
        ("E19999", "code.inner.E1", True),
        ("EZ9999", "code.inner.EZ", True),
        ("EE9999", "code.inner.EE", True),
        ("E10999", "code.family.E1", True),
        ("EB1234", "code.family.EB", True),
    ],
)
def test_a_code_without_a_row_is_explained_by_its_family(code, expected, wide):
    """New codes come with each release; their first two signs say whose they are."""
    found = code_advice(code)
    assert (found.advice.id, found.is_wide) == (expected, wide)


@given(st.text(max_size=12))
def test_what_is_no_code_has_no_advice(text):
    """A guess would be a wrong cause."""
    if not re.fullmatch(r"[EW][0-9A-Z][0-9]{4}|E[A-Z][0-9]{3}", text):
        assert code_advice(text) is None


EXAMPLES = {
    "opp_version": "The opp version of the model does not match the current opp run package, "
    "Model is [6.4], opp run package is [7.0], try again",
    "version": "undefined symbol: aclmdlLoad",
    "soc_unknown": "SOC_VERSION ascend310b1 does not support, the support list is",
    "other_chip": "index:0 > stream_list.size(): 0, check invalid",
    "type_unsupported": '{"cause":[{"code":1,"message":"The type is not supported."}]}',
    "kernel_package": "Parse dynamic kernel config fail.",
    "address": "opName:bert/Gather x\nerrorStr: The DDR address of the MTE instruction is out of "
    "range.",
    "aicore": "Aicore kernel execute failed, device_id=0, fault kernel_name=te_conv2d, id=0",
    "aicore_any": "there is an aicore error, core id is 0",
    "chip_memory": "Call rtMalloc fail, runtime result: 207001",
    "device_open": "open device 3 failed, runtime result = 507033",
    "no_driver": "[hdcPcieInit 396] HDC init failed, driver may not load.",
    "device_link": "reason=[hdc send msg fail]",
    "aicpu": "TsdOpen failed, devId=0, tdt error=1",
    "model_load": "[ERROR] load model from file failed, model file is ./a.om",
    "input_count": "fileslist:3 intensor:2 not match",
    "input_vector": "Check i:0 name:input in size:4 needsize:8 not match",
    "split_results": "[ERROR] save out files error array shape:(1, 2)",
    "output_size": "out i:0 size is zero",
    "not_dynamic": "the dynamic_batch_size parameter is not specified for model conversion",
    "gear_missing": "dynamic batch om model detected, but dymbatch, dymdims or dymshape not set!",
    "gear_wrong": "the dymHW parameter is not correct",
    "dynamic_chip": "Dynamic shape is not supported on this chip!",
    "aipp_missing": "can't find aipp config file for model with dym aipp input",
    "dump_profiler": "error bad parameters --profiler and --dump",
    "secure_path": "[ERROR] path :/a is a soft link, not supported",
    "copy_back": "TensorBuffer::TensorBufferCopy failed. ret=1004",
    "aclruntime_old": "aclruntime version:0.0.1 is lower please update",
    "quantise_layer": "[a.cpp:1]layer4/Conv arq weight fake quant failed!",
    "quantise": "Do Calibration failed.",
    "killed": "run.sh: line 3: 4711 Killed   atc --model=x",
    "crashed": "Segmentation fault (core dumped)",
    "disk_full": "OSError: [Errno 28] No space left on device",
    "other_ais_bench": "ModuleNotFoundError: No module named 'ais_bench.infer'",
    "aclruntime": "ModuleNotFoundError: No module named 'aclruntime'",
    "module": "ModuleNotFoundError: No module named 'decorator'",
    "numpy": "AttributeError: `np.float_` was removed in the NumPy 2.0 release.",
    "python_new": "TypeError: cannot pickle 'FrameLocalsProxy' object",
    "driver_library": "atc.bin: error while loading shared libraries: libascend_hal.so: cannot "
    "open shared object file",
    "library": "ImportError: libascendcl.so: cannot open shared object file: No such file",
    "static_tls": "libgomp.so.1: cannot allocate memory in static TLS block",
    "glibc": "/lib/libc.so.6: version `GLIBC_2.34' not found",
    "env_init": "[Init][Env]init env failed!",
    "source_sh": "sh: 1: source: not found",
    "not_found": "bash: atc: command not found",
    "not_executable": "bash: ./benchmark.x86_64: Permission denied",
    "folder_rights": "PermissionError: [Errno 13] Permission denied: '//kernel_meta'",
    "cann_provider": "CANN failure 500001: ACL_ERROR_FAILURE",
    "arguments": "ais_bench: error: unrecognized arguments: --divide_input",
}


@pytest.mark.parametrize("row", SIGNS, ids=lambda row: row.name)
def test_every_sign_is_found_in_its_words(row):
    """The words are those that users met; the needles must let each of them through."""
    found = {sign.advice.id: sign for sign in find_signs(f"before\n{EXAMPLES[row.name]}\nafter\n")}
    sign = found[f"sign.{row.name}"]
    check_advice(sign.advice)
    assert sign.line in EXAMPLES[row.name]
    assert "{" not in sign.advice.cause_en
    assert sign.is_fatal == row.is_fatal


def test_a_sign_takes_the_names_that_stand_in_the_line():
    """`the device 3` helps; `the device` does not."""
    causes = {name: find_signs(EXAMPLES[name])[0].advice.cause_en
              for name in ("device_open", "model_load", "address", "module")}  # fmt: skip
    assert "device 3" in causes["device_open"]
    assert "./a.om" in causes["model_load"]
    assert "bert/Gather" in causes["address"]
    assert "decorator" in causes["module"]


def test_braces_of_a_log_are_only_text():
    """A name from a log is never a template."""
    (sign, *_) = find_signs("load model from file failed, model file is {0.__class__}{op}.om")
    assert "{0.__class__}{op}.om" in sign.advice.cause_en


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[ERROR] arg0 tensorsize: 196608 filesize: 602112 not match", "8-bit images of 256x256"),
        ("[ERROR] arg0 tensorsize: 602112 filesize: 150528 not match", "8-bit images (AIPP)"),
        ("[ERROR] arg0 tensorsize: 100 filesize: 200 not match", "float16"),
        ("[ERROR] arg0 tensorsize: 1600 filesize: 100 not match", "batch size"),
        ("[ERROR] arg0 tensorsize: 100 filesize: 130 not match", "shapes differ"),
        ("[ERROR] arg0 tensorsize: 0 filesize: 130 not match", "is 0"),
        ("input image size[1579014] is not equal to model input size[3158028]", "float16"),
        ("Check i:0 name:in in size:8 needsize:64 not match", "8-bit"),
        ("ndata size:8 not match 16", "float16"),
    ],
)
def test_a_wrong_input_size_is_explained_by_its_ratio(line, expected):
    """The most frequent complaint of all, and the ratio tells its cause."""
    assert expected in find_signs(line)[0].advice.cause_en


@pytest.mark.parametrize(
    ("code", "expected"),
    [(137, "memory"), (-9, "memory"), (139, "crashed"), (-11, "crashed"), (134, "crashed"),
     (127, "not installed"), (126, "execute permission"), (124, "time")],
)  # fmt: skip
def test_exit_codes_that_tell_something(code, expected):
    """A killed tool prints nothing at all."""
    advice = exit_advice(code)
    check_advice(advice)
    assert expected in advice.cause_en


@pytest.mark.parametrize("code", [0, 1, 2, 255, -15])
def test_exit_codes_that_tell_nothing(code):
    """255 is any failure of atc."""
    assert exit_advice(code) is None
