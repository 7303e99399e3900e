"""What stands beside every figure: it must be true on x86, on Arm and where nothing is known."""

from __future__ import annotations

import json
import platform

import pytest

from ascend_console.tools.environment import (
    cores,
    cpu_fields,
    environment,
    processor_in,
    processor_model,
    vector_extensions_in,
    version_of,
)

X86 = """processor\t: 0
model name\t: Some(R) CPU   @ 2.40GHz
flags\t\t: fpu sse4_2 avx avx2 avx512f rdtscp

processor\t: 1
model name\t: Another
flags\t\t: fpu
"""

ARM = """processor\t: 0
Features\t: fp asimd evtstrm aes
CPU implementer\t: 0x48
CPU part\t: 0xd01

processor\t: 1
"""


def test_an_x86_processor_is_named_with_single_blanks() -> None:
    """The name is compared between machines, so that its padding must not matter."""
    assert processor_in(X86) == "Some(R) CPU @ 2.40GHz"
    assert vector_extensions_in(X86) == "sse4_2 avx avx2 avx512f"


def test_an_arm_processor_without_a_name_is_its_implementer_and_part() -> None:
    """Ascend servers are often Arm, where the kernel prints numbers only."""
    assert processor_in(ARM) == "implementer 0x48 part 0xd01"
    assert vector_extensions_in(ARM) == "asimd"


@pytest.mark.parametrize("text", ["", "\n\n", "no colon here", ":::", "flags :"])
def test_a_strange_cpuinfo_names_nothing(text: str) -> None:
    """A container may show an empty file: unknown is said, never guessed."""
    assert processor_in(text) == ""
    assert vector_extensions_in(text) == ""


def test_only_the_first_processor_is_read() -> None:
    """A server has hundreds of equal blocks."""
    assert cpu_fields(X86)["model name"].startswith("Some")


def test_the_environment_can_be_stored_and_carries_what_the_caller_adds() -> None:
    """It goes into run.json as it is."""
    found = environment(threads=2, provider=None)
    assert json.loads(json.dumps(found)) == found
    assert found["threads"] == 2
    assert found["provider"] is None
    assert found["python"] == platform.python_version()
    assert found["numpy"] == version_of("numpy")
    assert found["processor"] == processor_model() != ""
    assert found["cores"] == cores() >= 1


def test_an_absent_package_has_no_version() -> None:
    """None is the one way to say unknown."""
    assert version_of("no-such-distribution-anywhere") is None
