"""A test double of `npu-smi` (ascend-tools.md section 4): the table, lists, types and `watch`.

Without words it stands on a server with one 310P3. Words of FAKE_NPU_SMI:

| word | what happens |
|---|---|
| a name of `npu_servers.SERVERS`, such as `T1`, `T2duo`, `T4b`, `A3wide` | the server |
| `gaps`, `na`, `noprocs` | NPU ids far apart; no figure is known; no process table |
| `health=WORD` | the health of the first chip |
| `foreign=PID` | a process of somebody else (4242) uses the first chip |
| `-8005`, `-8020`, `nocard`, `nodriver` | it cannot answer, and says why |
| `noise` | lines of the driver before the answer |
| `hang`, `deaf`, `held` | it waits for a signal, ignoring all but KILL; at FAKE_GATE |
| `killed`, `segv` | it ends by a signal before it answers |
| `garbage`, `flood=N`, `cut` | no text; N million bytes before the table; half of the answer |
| `lost`, `changes` | from the second poll on the last chip is gone; the layout is another one |
| `unsupported=TYPE` | the product does not answer that type |
| `rounds=N`, `ends` | rounds of `watch` before it waits (3); it ends instead |
| `exit=N` | another exit code |

The words in the rows of failures and waits, and `lost` and `changes`, may be given a number N
(`hang=3`): they act from the Nth poll on. Polls are calls of `info` without `-t`, and are counted
in the file FAKE_POLLS, which those words need.

The state `npu-smi` may have `server`, `version`, `driver`, `layout`, `product`, `npu_name`,
`chips`, `processes` and `process_npus` (`npu_servers.with_state`), and `polls`: a list of states on
top of it, one a poll, of which the last stays.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.fakes import acting, npu_servers
from tests.fakes.acting import TEST_DOUBLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.acting import Part
    from tests.fakes.npu_servers import Server

_FAILURES = {
    "-8005": ("dcmi module initialize failed. ret is -8005", -8005),
    "-8020": ("dcmi model initialized failed, because the device is used. ret is -8020", -8020),
    "nocard": ("There is no NPU card on this server.", -9008),
    "nodriver": ("npu get board type failed. ret is -8008", -8008),
}
_POLLED = (
    *_FAILURES,
    "hang",
    "deaf",
    "held",
    "killed",
    "segv",
    "lost",
    "changes",
    "garbage",
    "cut",
)
_FROM_SECOND = ("lost", "changes")
WORDS = (
    *npu_servers.SERVERS, *_POLLED, "gaps", "na", "noprocs", "health", "foreign", "noise", "flood",
    "unsupported", "rounds", "ends", "exit",
)  # fmt: skip
_USAGE = "Usage: npu-smi info <watch|proc|-h|-m|-l|-t type> [Options...]"
_NOISE = (
    "grep: warning: GREP_OPTIONS is deprecated; please use an alias or script",
    "DrvMngGetConsoleLogLevel failed. (g_conLogLevel=3)",
)
_USAGE_ERROR = 255
_NEWER = {"T1": "T1h", "T2old": "T2", "T3": "T3h", "T4b": "A3wide", "T5": "T5wide"}


@dataclass(frozen=True)
class Call:
    """What the double was told to play, and how often it was asked for the table."""

    part: Part
    poll: int

    def acts(self, word: str, first: int = 1) -> bool:
        """Whether a word holds at this poll; `first` is where it begins by itself."""
        return word in self.part and self.poll >= self.part.number(word, first)


def _poll(part: Part, *, counts: bool) -> int:
    """The number of this poll, from 1; calls that are none belong to the poll before them."""
    path = os.environ.get("FAKE_POLLS")
    if not path:
        if "polls" in part.state or any(
            part.words.get(word) or word in _FROM_SECOND for word in _POLLED if word in part
        ):
            acting.refuse(part.tool, "FAKE_POLLS names no file to count polls in")
        return 1
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if counts:
        os.write(descriptor, b".")
    size = os.fstat(descriptor).st_size
    os.close(descriptor)
    return max(size, 1)


def server_of(call: Call) -> Server:
    """The server as words and state have it at this poll."""
    part = call.part
    name = next((word for word in npu_servers.SERVERS if word in part), "T2")
    server = npu_servers.with_state(npu_servers.server_named(name), part.state)
    polls = part.state.get("polls")
    if polls:
        server = npu_servers.with_state(server, polls[min(call.poll, len(polls)) - 1])
    changes: dict[str, Callable[[Server], Server]] = {
        "gaps": npu_servers.with_gaps,
        "na": npu_servers.without_figures,
        "noprocs": lambda found: replace(found, processes=(), process_npus=()),
        "foreign": lambda found: npu_servers.with_foreign(found, part.number("foreign", 4242)),
        "health": lambda found: replace(found, chips=(
            replace(found.chips[0], health=part.words["health"]), *found.chips[1:])),
    }  # fmt: skip
    for word, change in changes.items():
        if word in part:
            server = change(server)
    if call.acts("lost", 2):
        server = npu_servers.without_last(server)
    if call.acts("changes", 2):
        newer = npu_servers.server_named(_NEWER.get(name, "T2old"))
        server = replace(server, layout=newer.layout, version=newer.version)
    return server


def _refuse(*lines: str) -> int:
    acting.say(*lines)
    return _USAGE_ERROR


def _options(argv: list[str]) -> dict[str, str]:
    """`-i 0 -t board` as names and values; ValueError names an option that cannot be read."""
    options: dict[str, str] = {}
    rest = list(argv)
    while rest:
        name = rest.pop(0)
        if name not in ("-i", "-c", "-t", "-d", "-s", "-p") or not rest:
            raise ValueError(name)
        options[name] = rest.pop(0)
        if name in "-i-c-d" and not options[name].isdecimal():
            raise ValueError(name)
    return options


def _answer(call: Call, argv: list[str]) -> int:
    """What was asked for; the exit code."""
    from tests.fakes import npu_answers

    server = server_of(call)
    if not server.chips:
        return _refuse(_FAILURES["nocard"][0])
    if argv in ([], ["-l"], ["-m"]):
        answers = {"": npu_answers.table, "-l": npu_answers.cards, "-m": npu_answers.mapping}
        lines = answers["".join(argv)](server)
        acting.say(*(lines[: len(lines) // 2] if call.acts("cut") else lines))
        return 0
    try:
        options = _options(argv[1:] if argv[0] == "watch" else argv)
    except ValueError as error:
        return _refuse(f"Error parameter of {error}", _USAGE)
    if argv[0] == "watch":
        return _watch(call, server, options)
    return _of_type(call, server, options)


def _of_type(call: Call, server: Server, options: dict[str, str]) -> int:
    from tests.fakes import npu_answers

    kind = options.get("-t", "")
    if kind not in npu_answers.TYPES and kind not in ("topo", "spod-info", "hccs", "ecc"):
        return _refuse("Error parameter of -t", _USAGE)
    if int(options.get("-i", -1)) not in server.npus:
        return _refuse("Invalid card id.", "Error parameter of -i", _USAGE)
    if kind not in npu_answers.TYPES or call.part.words.get("unsupported") == kind:
        return _refuse(f"This device does not support querying {kind}.")
    npu, chip = int(options["-i"]), int(options["-c"]) if "-c" in options else None
    if chip is not None and chip not in [found.chip for found in server.of(npu)]:
        return _refuse("Invalid chip id.", "Error parameter of -c", _USAGE)
    acting.say(*npu_answers.of_type(server, kind, npu, chip))
    return 0


def _watch(call: Call, server: Server, options: dict[str, str]) -> int:
    """Rounds without a pause, and then the wait of a tool that has more to tell."""
    from tests.fakes import npu_answers

    letters = options.get("-s") or ("ptaicmb" if server.family.chip_ids else "ptaicmbnu")
    if not set(letters) <= set(npu_answers.WATCHED):
        return _refuse("Error parameter of -s", _USAGE)
    chips = [
        chip
        for chip in server.chips
        if options.get("-i") in (None, str(chip.npu))
        and options.get("-c") in (None, str(chip.chip))
    ]
    for _ in range(call.part.number("rounds", 3)):
        acting.say(*npu_answers.watch(server, chips, letters))
    if "ends" not in call.part:
        acting.wait_for_signal()
    return 0


def _before(call: Call) -> int | None:
    """What words do before the answer; an exit code where there is to be none."""
    part = call.part
    if "noise" in part:
        acting.say(*_NOISE)
    if call.acts("hang") or call.acts("deaf"):
        acting.wait_for_signal(deaf="deaf" in part)
    if call.acts("held"):
        acting.wait_at_gate()
    for word, name in (("killed", signal.SIGKILL), ("segv", signal.SIGSEGV)):
        if call.acts(word):
            acting.die(name)
    for word, (text, code) in _FAILURES.items():
        if call.acts(word):
            acting.say(text)
            return code & 0xFF
    if "flood" in part:
        acting.flood(part.number("flood", 1))
    if call.acts("garbage"):
        acting.garbage()
        return 0
    return None


def main(argv: list[str]) -> int:
    """Run once; the exit code."""
    part = acting.begin("npu-smi", WORDS)
    if argv[:1] == ["info"] and argv[1:2] in (["-h"], ["--help"]):
        acting.say(_USAGE)
        return 0
    if argv not in (["-v"], []) and argv[0] != "info":
        return _refuse("Command or option is not found.")
    call = Call(part, _poll(part, counts=argv == ["info"]))
    code = _before(call)
    if code is None and argv == ["-v"]:
        acting.say(f"npu-smi version: {server_of(call).version} ({TEST_DOUBLE})")
        code = 0
    if code is None:
        code = _answer(call, argv[1:]) if argv else _refuse(_USAGE)
    return part.number("exit", code)


class _Unused:
    """Stands for Hypothesis, which takes longer to load than all that is needed to print."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self

    def __or__(self, other: Any) -> Any:
        return self


if __name__ == "__main__":
    # The module that renders tables also has strategies, which nobody draws from here.
    sys.modules["hypothesis"] = _Unused()
    sys.exit(main(sys.argv[1:]))
