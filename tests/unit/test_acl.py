"""Return codes of the ACL runtime: what they mean, and where a text names one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console.ascend.acl import acl_code, acl_codes_in
from ascend_console.ascend.acl_codes import CODES


def test_every_code_has_a_meaning_and_a_remedy_in_both_languages():
    """A number alone sends people to a search engine."""
    assert len({code for code, *_ in CODES}) == len(CODES)
    for code, *_ in CODES:
        known = acl_code(code)
        assert known.name.startswith("ACL_ERROR_")
        assert known.advice.cause("en")
        assert known.advice.cause("zh")
        assert known.advice.remedies("en")
        assert len(known.advice.remedies("zh")) == len(known.advice.remedies("en"))


def test_an_unknown_code_is_not_explained():
    """Better no cause than that of another code."""
    assert acl_code(599999) is None
    assert acl_code(0) is None


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("[ERROR] acl open device 7 failed\nSetDevice failed.ret=507033", [507033]),
        ("open device 0 failed, runtime result = 507033.[FUNC:ReportCallError]", [507033]),
        ("aclrtMalloc failed, ret = 207001", [207001]),
        ("NPU error, error code is 507018", [507018]),
        ("Execute model(1) error:507011", [507011]),
        ("CANN failure 500001: ACL_ERROR_FAILURE", [500001]),
        ("ret=107001 then ret=507033 and ret=107001", [107001, 507033]),
        ("retCode=0x7020009", []),
        ("100000 images, error rate 0.2", []),
        ("error 100000 files", []),
        ("ret=1000001", []),
        ("ret=507033.5", []),
        ("ret=599999", []),
    ],
)
def test_codes_are_found_behind_the_words_that_announce_them(text, codes):
    """Logs are full of six digits: counts, sizes, times."""
    assert [found.code for found in acl_codes_in(text)] == codes


@given(text=st.text(max_size=200))
def test_any_text_has_codes_or_none(text):
    """Logs hold anything."""
    acl_codes_in(text)
