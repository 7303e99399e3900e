"""Checks of the machine itself, memory, disk, cache and logout, and of the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ascend_console.core.doctor import Check
from ascend_console.core.verdict import finding

if TYPE_CHECKING:
    from ascend_console.jobs._doctor_facts import HostFacts, TerminalFacts

_GB = 1 << 30
_LITTLE_MEMORY, _NO_MEMORY = 4 * _GB, 1 * _GB
_LITTLE_DISK, _NO_DISK = 5 * _GB, _GB // 2
_LARGE_CACHE = 20 * _GB
_SMALLEST_TERMINAL = (60, 16)
# From 3.2 on `tmux load-buffer -w` reaches the clipboard of the terminal.
_CLIPBOARD_TMUX = (3, 2)


def gigabytes(size: int) -> str:
    """`3.1`: GB of 1,073,741,824 bytes."""
    return f"{size / _GB:.1f}"


def check_memory(facts: HostFacts) -> Check:
    """Whether there is memory for a conversion and for torch."""
    total, available = facts.memory_total, facts.memory_available
    if total is None or available is None:
        return Check("host.memory", "SKIP", finding(
            "doctor.memory_unknown", "the system does not tell its memory"))  # fmt: skip
    values = {"available": gigabytes(available), "total": gigabytes(total)}
    if available >= _LITTLE_MEMORY:
        return Check("host.memory", "PASS", finding(
            "doctor.memory", "{available} of {total} GB memory are free", **values))  # fmt: skip
    return Check("host.memory", "FAIL" if available < _NO_MEMORY else "WARN", finding(
        "doctor.memory_little",
        "only {available} of {total} GB memory are free",
        "End other programs, or add swap. For atc on a small board: export "
        "TE_PARALLEL_COMPILER=1 MAX_COMPILE_CORE_NUMBER=1; or convert on another machine.",
        **values,
    ))  # fmt: skip


def check_disk(facts: HostFacts) -> Check:
    """Whether the workspace can be written, and has room."""
    if not facts.is_writable:
        return Check("disk.free", "FAIL", finding(
            "doctor.disk_refused",
            "the workspace {folder} cannot be written",
            "Name a folder of yours: --workspace DIR, or ASCEND_CONSOLE_WORKSPACE.",
            folder=facts.workspace,
        ))  # fmt: skip
    free = facts.disk_free
    if free is None:
        return Check("disk.free", "SKIP", finding(
            "doctor.disk_unknown",
            "the system does not tell how much room the workspace has"))  # fmt: skip
    values = {"free": gigabytes(free), "folder": facts.workspace}
    if free >= _LITTLE_DISK:
        return Check("disk.free", "PASS", finding(
            "doctor.disk", "{free} GB are free in the workspace {folder}", **values))  # fmt: skip
    return Check("disk.free", "FAIL" if free < _NO_DISK else "WARN", finding(
        "doctor.disk_little",
        "only {free} GB are free in the workspace {folder}",
        "Type: ascend-console runs prune --keep 20 --yes; or name a larger disk with --workspace.",
        **values,
    ))  # fmt: skip


def check_cache(facts: HostFacts) -> Check:
    """How much the cache of artefacts takes."""
    values = {"size": gigabytes(facts.cache_bytes), "folder": facts.cache_folder}
    if facts.cache_bytes <= _LARGE_CACHE:
        return Check("disk.cache", "PASS", finding(
            "doctor.cache", "{size} GB of artefacts in {folder}", **values))  # fmt: skip
    return Check("disk.cache", "WARN", finding(
        "doctor.cache_large",
        "{size} GB of artefacts in {folder}",
        "Delete that folder whenever no run goes on: everything in it can be made again.",
        **values,
    ))  # fmt: skip


def check_logout(facts: HostFacts) -> Check | None:
    """Whether a run outlives the session that started it; None where no rule says otherwise."""
    if facts.kills_at_logout is None:
        return None
    if not facts.kills_at_logout:
        return Check("host.logout", "PASS", finding(
            "doctor.logout", "runs go on after logout"))  # fmt: skip
    return Check("host.logout", "WARN", finding(
        "doctor.logout_kills",
        "this system ends everything of a user at logout, runs and tmux included",
        "Type: loginctl enable-linger",
    ))  # fmt: skip


def check_terminal(facts: TerminalFacts) -> Check:
    """Size and colours of the terminal."""
    if not facts.is_terminal or facts.size is None:
        return Check("terminal.screen", "SKIP", finding(
            "doctor.terminal_none",
            "stderr is no terminal: headless works, the full-screen console does not",
        ))  # fmt: skip
    columns, rows = facts.size
    values = {"columns": str(columns), "rows": str(rows), "term": facts.term or "?"}
    if facts.term in ("", "dumb"):
        return Check("terminal.screen", "WARN", finding(
            "doctor.terminal_dumb",
            "TERM is {term!r}: a terminal without cursor movement",
            "Type: export TERM=xterm-256color, if the terminal is one.",
            term=facts.term,
        ))  # fmt: skip
    if columns < _SMALLEST_TERMINAL[0] or rows < _SMALLEST_TERMINAL[1]:
        return Check("terminal.screen", "WARN", finding(
            "doctor.terminal_small",
            "the terminal has {columns}x{rows} cells; the full-screen console needs 60x16",
            "Enlarge the window, or choose a smaller font.",
            **values,
        ))  # fmt: skip
    return Check("terminal.screen", "PASS", finding(
        "doctor.terminal",
        "{columns}x{rows} cells, TERM {term}, {colours} colours",
        colours=colours(facts), **values,
    ))  # fmt: skip


def colours(facts: TerminalFacts) -> str:
    """How many colours the terminal shows: 0, 16, 256 or 16 million."""
    if facts.no_color or facts.term in ("", "dumb"):
        return "0"
    if facts.colorterm in ("truecolor", "24bit") or facts.term.endswith("-direct"):
        return "16 million"
    return "256" if "256color" in facts.term else "16"


def check_locale(facts: TerminalFacts) -> Check:
    """Whether texts in Chinese and signs beyond ASCII come out."""
    values = {"locale": facts.locale or "C"}
    if facts.locale_error is not None:
        return Check("terminal.locale", "WARN", finding(
            "doctor.locale_missing",
            "the locale {locale} is not installed here",
            "Type: export LANG=C.UTF-8 LC_ALL=C.UTF-8",
            **values,
        ))  # fmt: skip
    if facts.encoding is not None and facts.encoding.upper().replace("-", "") != "UTF8":
        return Check("terminal.locale", "WARN", finding(
            "doctor.locale_encoding",
            "the locale {locale} writes {encoding}: Chinese and some signs do not come out",
            "Type: export LANG=C.UTF-8",
            encoding=facts.encoding, **values,
        ))  # fmt: skip
    return Check("terminal.locale", "PASS", finding(
        "doctor.locale", "{locale}, UTF-8", **values))  # fmt: skip


def check_clipboard(facts: TerminalFacts) -> Check | None:
    """How `c` reaches the clipboard; None without a terminal."""
    if not facts.is_terminal:
        return None
    if not facts.in_tmux:
        return Check("terminal.clipboard", "PASS", finding(
            "doctor.clipboard", "copied through the terminal (OSC 52)"))  # fmt: skip
    version = facts.tmux or "?"
    if _tmux_numbers(version) >= _CLIPBOARD_TMUX:
        return Check("terminal.clipboard", "PASS", finding(
            "doctor.clipboard_tmux", "copied through tmux {version}", version=version))  # fmt: skip
    return Check("terminal.clipboard", "WARN", finding(
        "doctor.clipboard_old_tmux",
        "tmux {version} does not pass copies on to the terminal",
        "Use tmux 3.2 or newer; copies also stand in clipboard.txt of the workspace.",
        version=version,
    ))  # fmt: skip


def _tmux_numbers(version: str) -> tuple[int, ...]:
    """`3.3a` as (3, 3); `next-3.5` as (3, 5)."""
    text = version.rpartition("-")[2].rstrip("abcdefghijklmnopqrstuvwxyz")
    parts = text.split(".")
    return tuple(int(part) for part in parts) if all(map(str.isdecimal, parts)) else ()
