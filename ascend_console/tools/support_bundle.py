"""A bundle for support: what is needed to understand a fault, without what is nobody's business.

Replaced in every text: names of users and hosts, home folders, mail and network addresses, and
values of environment variables that are secrets by their name; further what has the form of a
secret. Left out altogether: logs, data, artefacts, and variables that no tool here reads.
"""

from __future__ import annotations

import ipaddress
import json
import os
import platform
import re
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import ConsoleError
from ascend_console.tools import files, run_folder
from ascend_console.tools.environment import environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from ascend_console.core.settings import Settings

MOST_RUNS = 5
_EPOCH = (1980, 1, 1, 0, 0, 0)
_HIDDEN = "<secret>"
# Replacing every "a" would hide nothing and spoil everything.
_SHORTEST_NAME, _SHORTEST_SECRET = 2, 4
_NOT_PERSONAL = {"root", "localhost", "user", "home"}

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:\w*TOKEN|\w*SECRET|\w*PASSW(?:OR)?D|PASS|PASSPHRASE|PWD_\w+|\w*API_?KEY|KEY|"
    r"\w*_KEY|\w*CREDENTIALS?|AUTH|\w*_AUTH|COOKIE|\w*SESSION_?ID)(?:$|_)",
    re.IGNORECASE,
)
_KEPT_VARIABLES = re.compile(
    r"(?:ASCEND|CANN|TE_|MAX_COMPILE|OMP_|MKL_|CUDA_|NVIDIA_|ORT_|TORCH_|LC_)\w*|LANG|TERM|"
    r"COLORTERM|NO_COLOR|PATH|LD_LIBRARY_PATH|LD_PRELOAD|PYTHONPATH|VIRTUAL_ENV|CONDA_PREFIX|TMUX"
)
_FORMS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
                re.DOTALL), _HIDDEN),
    (re.compile(r"(?<=://)[^\s/@]+@"), f"{_HIDDEN}@"),
    (re.compile(r"(?i)(\b(?:authorization|proxy-authorization|cookie)\b[\"']?\s*[:=]\s*).*"),
     rf"\1{_HIDDEN}"),
    (re.compile(r"(?i)(\bbearer\s+)[\w.~+/=-]+"), rf"\1{_HIDDEN}"),
    (re.compile(r"(?i)((?:^|[\s\"'&?;,{(_-])(?:password|passwd|passphrase|token|secret|"
                r"api[_-]?key|access[_-]?key|secret[_-]?key|credentials?|signature|sig)"
                r"[\"']?\s*(?:[:=]|\s)\s*[\"']?)(?!<)[^\s\"'&;,)}]+"), rf"\1{_HIDDEN}"),
    (re.compile(r"\b(?:gh[opsur]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|sk-[\w-]{16,}|"
                r"xox[abprs]-[\w-]{10,}|hf_\w{16,}|AKIA[0-9A-Z]{16}|"
                r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)"), _HIDDEN),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "<mail>"),
    (re.compile(r"(?i)(?<![0-9a-f:])(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?![0-9a-f:])"), "<mac>"),
)  # fmt: skip
_HOMES = re.compile(r"(?<![\w.])(/(?:home|Users)/|[A-Za-z]:[/\\]Users[/\\])([^/\\\s:'\"<>]+)")
_IPV4 = re.compile(r"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w.]*\w)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{2,39}(?:%\w+)?(?![\w:])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrubber:
    """Replaces what is personal. `texts` are replaced wherever they stand, the longest first.

    `words` only as whole words, in any case; `kept` stays although it looks like an address, such
    as the version 4.5.1.48.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()

    def text(self, text: str) -> str:
        """The text without what is personal."""
        for old in sorted(self.texts, key=len, reverse=True):
            text = text.replace(old, self.texts[old])
        for pattern, new in _FORMS:
            text = pattern.sub(new, text)
        text = _HOMES.sub(r"\1<user>", text)
        text = _IPV4.sub(self._address, text)
        text = _IPV6.sub(self._address, text)
        for old in sorted(self.words, key=len, reverse=True):
            text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(old)}(?![A-Za-z0-9])", self.words[old],
                          text, flags=re.IGNORECASE)  # fmt: skip
        return text

    def _address(self, found: re.Match[str]) -> str:
        text = found[0]
        if text in self.kept:
            return text
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            return text
        return text if address.is_loopback or address.is_unspecified else "<address>"

    def value(self, value: Any) -> Any:
        """A JSON value, its texts scrubbed; keys are scrubbed too, and secret ones hide theirs."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {
                self.text(key): _HIDDEN
                if _SECRET_NAME.search(key) and isinstance(part, str)
                else self.value(part)
                for key, part in value.items()
            }
        if isinstance(value, (list, tuple)):
            # `--token` and its value are two words of a command line.
            before = [None, *value]
            return [
                _HIDDEN if _is_secret_flag(flag) and isinstance(part, str) else self.value(part)
                for flag, part in zip(before, value, strict=False)
            ]
        return value


def _is_secret_flag(word: object) -> bool:
    return (
        isinstance(word, str)
        and word.startswith("-")
        and _SECRET_NAME.search(word.lstrip("-").replace("-", "_")) is not None
    )


def scrubber_of(
    environ: Mapping[str, str], *, users: Iterable[str], hosts: Iterable[str], kept: Iterable[str]
) -> Scrubber:
    """The scrubber for a machine: secrets and the home folder from its environment, and names."""
    texts = {
        value: _HIDDEN
        for name, value in environ.items()
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET
    }
    home = environ.get("HOME", "").rstrip("/")
    if home.count("/") >= 1 and len(home) > 1:
        texts[home] = "~"
    words = {name: "<user>" for name in users if _is_personal(name)}
    for host in hosts:
        words.update({name: "<host>" for name in (host, host.partition(".")[0])
                      if _is_personal(name)})  # fmt: skip
    return Scrubber(texts=texts, words=words, kept=frozenset(kept))


def _is_personal(name: str) -> bool:
    return len(name) >= _SHORTEST_NAME and name.casefold() not in _NOT_PERSONAL


def _user_names(environ: Mapping[str, str]) -> Iterator[str]:
    """Names that the user goes by here."""
    names = ("USER", "LOGNAME", "USERNAME", "SUDO_USER")
    yield from (environ[name] for name in names if environ.get(name))
    home = environ.get("HOME", "").rstrip("/")
    if "/" in home:
        yield home.rpartition("/")[2]
    try:
        import pwd

        account = pwd.getpwuid(os.getuid())
    except (KeyError, ImportError, AttributeError):
        return
    yield account.pw_name
    yield account.pw_gecos.partition(",")[0]


def _host_names(environ: Mapping[str, str]) -> Iterator[str]:
    yield platform.node()
    yield from (environ[name] for name in ("HOSTNAME", "HOST", "COMPUTERNAME") if environ.get(name))


def _run_documents(workspace: Path) -> Iterator[tuple[str, Any]]:
    """The newest runs: what was asked for, how it went, the verdict; damaged ones say so."""
    for folder in run_folder.list_folders(workspace)[-MOST_RUNS:]:
        for name in ("run.json", "view.json", "verdict.json"):
            path = folder / name
            if not path.is_file():
                continue
            try:
                yield f"runs/{folder.name}/{name}", files.read_json(path)
            except ConsoleError as error:
                yield f"runs/{folder.name}/{name}", {"unreadable": error.message}


def bundle_documents(
    doctor: Mapping[str, Any], settings: Settings, *, versions: Iterable[str] = ()
) -> dict[str, Any]:
    """The documents of a bundle by their names, already scrubbed.

    `versions` are texts that may stand in them and look like addresses.
    """
    own = environment()
    environ = settings.environ
    scrub = scrubber_of(
        environ,
        users=_user_names(environ),
        hosts=_host_names(environ),
        kept=(*(text for text in own.values() if isinstance(text, str)), *versions),
    )
    documents: dict[str, Any] = {
        "doctor.json": dict(doctor),
        "versions.json": own,
        "environment.json": {
            name: value for name, value in sorted(environ.items())
            if _KEPT_VARIABLES.fullmatch(name)
        },
        "settings.json": {
            "workspace": str(settings.workspace),
            "lang": settings.lang,
            "origins": dict(settings.origins),
        },
        **dict(_run_documents(settings.workspace)),
    }  # fmt: skip
    return {scrub.text(name): scrub.value(document) for name, document in documents.items()}


def write_bundle(
    path: Path, doctor: Mapping[str, Any], settings: Settings, *, versions: Iterable[str] = ()
) -> int:
    """Write the bundle as a whole file; how many files it has. ToolFailed where it cannot."""
    documents = bundle_documents(doctor, settings, versions=versions)
    with (
        files.atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, document in documents.items():
            text = json.dumps(document, ensure_ascii=False, indent=1)
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, text.encode("utf-8", "backslashreplace"))
    return len(documents)
