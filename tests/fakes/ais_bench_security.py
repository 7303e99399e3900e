"""The path checks with which generation F refuses to start (ascend-tools.md section 2.3)."""

from __future__ import annotations

import os
import re
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.printing import Console

_ILLEGAL = re.compile(r"[^_A-Za-z0-9/.-]")
_LONGEST_PATH = 4096
_LONGEST_NAME = 255
_OTHERS_MAY_WRITE = 0o022
_LARGEST_OM = 10 * 2**30
_LARGEST_CONFIG = 12_800


def _refuse(console: Console, text: str) -> bool:
    console.error(text)
    console.line("[\033[1;32mSOLUTION\033[0m] visit \033[1;32m the wiki \033[0m for a solution")
    return False


def _is_plain(path: str, console: Console) -> bool:
    if len(path) > _LONGEST_PATH:
        return _refuse(console, f"file total path{path} length out of range ({_LONGEST_PATH}), "
                       "please check the file(or directory) path")  # fmt: skip
    for name in path.split("/"):
        if len(name) > _LONGEST_NAME:
            return _refuse(console, f"file name{name} length out of range ({_LONGEST_NAME}), "
                           "please check the file(or directory) path")  # fmt: skip
    if _ILLEGAL.search(path):
        return _refuse(console, f"path:{path} contains illegal char, "
                       "legal chars include A-Z a-z 0-9 _ - / .")  # fmt: skip
    return True


def is_legal(path: str, console: Console, use: Literal["read", "write"] = "read") -> bool:
    """Whether the tool takes a path; where it does not, it says why in one line."""
    if not _is_plain(path, console):
        return False
    if not os.path.exists(path):
        if use == "write":
            return True
        console.error(f"path: {path} not exist, please check if file or dir is exist")
        return False
    if os.path.islink(path):
        return _refuse(console, f"path :{path} is a soft link, not supported, "
                       "please import file(or directory) directly")  # fmt: skip
    facts = os.stat(path)
    if facts.st_uid != os.geteuid() and facts.st_gid not in os.getgroups():
        return _refuse(console, f"current user isn't path:{path}'s owner or ownergroup, make sure "
                       "current user belong to its owner or ownergroup")  # fmt: skip
    if facts.st_mode & _OTHERS_MAY_WRITE:
        direction = "import" if use == "read" else "export"
        return _refuse(console, f"The file {path} is group writable, or is others writable, as "
                       f"{direction} file(or directory), permission should not be over "
                       "0o755(rwxr-xr-x)")  # fmt: skip
    return True


def _illegal(kind: str, path: str) -> ArgumentTypeError:
    return ArgumentTypeError(f"{kind} path:{path} is illegal. Please check.")


def om_path(console: Console) -> Callable[[str], str]:
    """The type of `--model`: a legal file that ends in .om and is not too large."""

    def check(path: str) -> str:
        if not is_legal(path, console) or not os.path.isfile(path):
            raise _illegal("om", path)
        if not path.endswith(".om"):
            console.error(f"path:{path}, file type not in ['om']")
            raise _illegal("om", path)
        if os.path.getsize(path) > _LARGEST_OM:
            raise _illegal("om", path)
        return path

    return check


def input_paths(console: Console) -> Callable[[str], str]:
    """The type of `--input`: legal paths with commas between them."""

    def check(paths: str) -> str:
        for path in paths.split(","):
            if not is_legal(path, console):
                raise _illegal("input", path)
        return paths

    return check


def output_path(console: Console) -> Callable[[str], str]:
    """The type of `--output` and its subfolder: a legal path that may be new."""

    def check(path: str) -> str:
        if not is_legal(path, console, "write"):
            raise _illegal("output", path)
        return path

    return check


def config_path(console: Console) -> Callable[[str], str]:
    """The type of `--aipp_config`: a legal small `.config` file."""

    def check(path: str) -> str:
        if not is_legal(path, console) or not path.endswith(".config"):
            raise _illegal("aipp config", path)
        if os.path.getsize(path) > _LARGEST_CONFIG:
            raise _illegal("aipp config", path)
        return path

    return check


def json_path(console: Console) -> Callable[[str], str]:
    """The type of `--acl_json_path`: a legal `.json` file."""

    def check(path: str) -> str:
        if not is_legal(path, console) or not path.endswith(".json"):
            raise _illegal("acl json", path)
        return path

    return check
