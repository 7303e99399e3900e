"""Where the vendor's tools and CANN are found, and with which environment they are started."""

from __future__ import annotations

import sys

import pytest

from ascend_console.core.errors import BackendUnavailable, UserError
from ascend_console.tools.vendor_tools import VendorTools, variable_of
from tests.fakes.cann_root import fake_commands, make_cann_root


def environ_of(tmp_path, **more):
    return {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", **more}


@pytest.mark.parametrize("version", ["5.1.RC1", "8.0.RC1", "8.5.0"])
def test_each_layout_of_cann_is_found_with_its_version_and_tools(tmp_path, version):
    """Three generations of folders; the user has sourced nothing."""
    make_cann_root(tmp_path, version)
    tools = VendorTools(environ_of(tmp_path))
    assert tools.cann is not None
    assert tools.cann.version == version
    assert tools.require("atc").argv[0].endswith("/atc")
    assert tools.environment["ASCEND_HOME_PATH"]


@pytest.mark.parametrize("version", ["5.1.RC1", "8.0.RC1"])
def test_the_inner_number_of_a_part_is_not_taken_for_the_version(tmp_path, version):
    """`version.cfg` has the inner number first, and a comment that looks like a version."""
    make_cann_root(tmp_path, version)
    for path in tmp_path.rglob("*_install.info"):
        path.unlink()
    cann = VendorTools(environ_of(tmp_path)).cann
    assert cann is not None
    assert cann.version is None or cann.version.split(".")[:2] == version.split(".")[:2]


def test_our_virtual_environment_is_not_handed_on(tmp_path):
    """Its interpreter lacks the packages that the vendor's tools need."""
    own = f"{sys.prefix}/bin"
    environ = environ_of(tmp_path, VIRTUAL_ENV=sys.prefix)
    environ["PATH"] = f"{own}:{environ['PATH']}"
    found = VendorTools(environ).environment
    assert own not in found["PATH"].split(":")
    assert "VIRTUAL_ENV" not in found


def test_a_command_in_its_variable_goes_first_and_is_taken_as_it_is(tmp_path):
    make_cann_root(tmp_path, "8.0.RC1")
    tools = VendorTools(environ_of(tmp_path, ASCEND_CONSOLE_ATC="'/opt/my tools/atc' --x"))
    found = tools.require("atc")
    assert found.argv == ("/opt/my tools/atc", "--x")
    assert found.origin == "ASCEND_CONSOLE_ATC"


def test_a_command_that_cannot_be_read_names_its_variable(tmp_path):
    with pytest.raises(UserError, match="ASCEND_CONSOLE_ATC"):
        VendorTools(environ_of(tmp_path, ASCEND_CONSOLE_ATC="'open")).find("atc")


def test_a_missing_tool_says_what_to_install_and_which_variable_names_it(tmp_path):
    with pytest.raises(BackendUnavailable) as caught:
        VendorTools(environ_of(tmp_path)).require("npu-smi")
    assert variable_of("npu-smi") in caught.value.hint


def test_fake_commands_are_found(tmp_path):
    tools = VendorTools(environ_of(tmp_path) | fake_commands(tmp_path / "bin"))
    assert tools.find("atc") is not None
    assert tools.find("npu-smi") is not None
