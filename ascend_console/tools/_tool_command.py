"""A tool to start: where its program lies, and what it means when the system will not start it."""

from __future__ import annotations

import errno
import os
import platform
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ascend_console.core.errors import BackendUnavailable, ToolFailed, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ascend_console.core.errors import ConsoleError


def start_failure(tool: str, reason: object) -> ToolFailed:
    """The system has no room for another process."""
    return ToolFailed(
        "process.start",
        "{tool} cannot be started: {reason}",
        hint="End other programs, or raise this user's limits (ulimit -a), then run again.",
        tool=tool,
        reason=reason,
    )


class Command(NamedTuple):
    """What to start, where, and with which environment (None: the one of this process)."""

    argv: Sequence[str]
    cwd: Path
    environment: Mapping[str, str] | None

    @property
    def tool(self) -> str:
        """The tool's name in messages."""
        return Path(self.argv[0]).name

    def executable(self) -> str:
        """The absolute path of the program; an error for all that can be known before the start.

        A name without a slash is looked for on the PATH of the environment, any other path is
        relative to `cwd`.
        """
        self._check()
        name, environment = self.argv[0], self.environment
        wanted = str((self.cwd / name).absolute()) if os.path.dirname(name) else name
        search = None if environment is None else environment.get("PATH", os.defpath)
        if found := shutil.which(wanted, path=search):
            return os.path.abspath(found)
        if found := shutil.which(wanted, mode=os.F_OK, path=search):
            raise BackendUnavailable(
                "process.not_executable",
                "{path} may not be executed",
                hint="Type: chmod u+x {quoted}",
                path=found,
                quoted=shlex.quote(found),
            )
        raise BackendUnavailable(
            "process.missing",
            "{tool} was not found",
            hint="Install it, or put its folder on PATH, then run again.",
            tool=name,
        )

    def _check(self) -> None:
        texts = [*self.argv, *(self.environment or {}), *(self.environment or {}).values()]
        if any("\0" in text for text in texts):
            raise UserError(
                "process.nul",
                "an argument of {tool} contains a NUL character",
                hint="Remove it from the names and values that you gave.",
                tool=self.tool,
            )
        if not self.cwd.is_dir():
            raise ToolFailed(
                "process.folder",
                "{tool} cannot run in {folder}: there is no such folder",
                hint="It was moved or removed meanwhile; run again.",
                tool=self.tool,
                folder=self.cwd,
            )

    def environment_block(self) -> bytes:
        """The environment as the guard reads it."""
        if self.environment is None:
            return b"-\n"
        pairs = [f"{name}={value}" for name, value in self.environment.items()]
        block = b"".join(os.fsencode(pair) + b"\0" for pair in pairs)
        return b"%d\n%s" % (len(block), block)

    def refusal(self, executable: str, number: int) -> ConsoleError:
        """What the error number means with which the system refused to start the program."""
        reason = os.strerror(number)
        if number == errno.ENOEXEC:
            hint = (
                "It is a program for another kind of machine (this one is {machine}), or a script "
                "without a first line such as #!/bin/bash."
            )
        elif number in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
            hint = (
                "The program that starts it is missing or may not be executed: see the first line "
                "of a script, or `file {quoted}` on {machine}."
            )
        else:
            return start_failure(self.tool, reason)
        return BackendUnavailable(
            "process.format" if number == errno.ENOEXEC else "process.interpreter",
            "{path} cannot be started: {reason}",
            hint=hint,
            path=executable,
            quoted=shlex.quote(executable),
            machine=platform.machine(),
            reason=reason,
        )
