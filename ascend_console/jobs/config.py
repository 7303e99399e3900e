"""`config`: where the settings file is, what is set and by whom, a new file, a check of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from ascend_console.core.errors import UserError
from ascend_console.core.events import SCHEMA, Answered, ArtifactWritten, Warned
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job
from ascend_console.tools import files, paths, settings_file

if TYPE_CHECKING:
    from pathlib import Path

    from ascend_console.core.specs import Events


@dataclass(frozen=True, kw_only=True)
class ConfigRequest:
    """What to do."""

    action: Literal["path", "show", "init", "validate"] = option(
        "Say where the file is, show every value with its origin, write a file with comments, or "
        "check the file.",
        positional=True,
    )


def _file(env: Env) -> Path:
    return env.settings.config_file or paths.default_config()


def _require_named(path: Path, env: Env) -> None:
    """UserError where --config names a file that is not there; the default one may be absent."""
    if path != paths.default_config() and not settings_file.exists(path):
        settings_file.read(path, required=True)


def _path(env: Env) -> Events:
    path = _file(env)
    there = settings_file.exists(path)
    document = {"schema": SCHEMA, "path": str(path), "exists": there}
    yield Answered(document, ("field", "value"), (("path", str(path)), ("exists", there)))


def _show(env: Env) -> Events:
    path, settings = _file(env), env.settings
    _require_named(path, env)
    there = settings_file.exists(path)
    if there:
        for error in settings_file.mistakes(path):
            yield Warned(error.id, error.message, error.hint, error.values)
    values: dict[str, Any] = {
        "workspace": str(settings.workspace),
        "lang": settings.lang,
        "color": settings.colour,
        "theme": settings.screen.look,
        "glyphs": settings.screen.glyphs,
        "refresh": settings.screen.refresh_hz,
        "keys": dict(settings.screen.keys),
        "baseline": asdict(settings.baseline),
        "lock_dir": str(settings.lock_dir or paths.default_lock_dir()),
    }
    # The folder of locks is one for all workspaces and settings files: the environment alone
    # names another, and a file must not.
    origins = dict(settings.origins)
    if settings.lock_dir is not None:
        origins["lock_dir"] = "environment ASCEND_CONSOLE_LOCK_DIR"
    found = []
    for name, value in values.items():
        origin, _, source = origins.get(name, "default").partition(" ")
        found.append({"name": name, "value": value, "origin": origin, "source": source or None})
    document = {"schema": SCHEMA, "path": str(path), "exists": there, "settings": found}
    columns = ("setting", "value", "origin", "source")
    yield Answered(document, columns, tuple(tuple(entry.values()) for entry in found))


def _init(env: Env) -> Events:
    path = _file(env)
    if path.is_dir():
        raise UserError(
            "output.is_folder",
            "{path} is a folder",
            hint="Name a file in it: --config {path}/config.toml.",
            path=path,
        )
    if settings_file.exists(path) and not env.settings.assume_yes:
        raise UserError(
            "config.exists",
            "the settings file {path} exists already",
            hint="Edit it, or add --yes to replace it by one that sets nothing.",
            path=path,
        )
    defaults = {
        "workspace": str(paths.default_workspace()),
        "lang": "en",
        "color": True,
        "theme": "dark",
        "glyphs": "unicode",
        "refresh": 10,
        "keys": {},
    }
    files.write_text(path, settings_file.default_text(defaults))
    yield ArtifactWritten(str(path), "settings")
    document = {"schema": SCHEMA, "path": str(path), "exists": True}
    yield Answered(document, ("field", "value"), (("path", str(path)), ("written", True)))


def _validate(env: Env) -> Events:
    path = _file(env)
    _require_named(path, env)
    there = settings_file.exists(path)
    found = settings_file.mistakes(path) if there else []
    entries = [
        {
            "id": error.id,
            "line": int(error.values["line"]) if "line" in error.values else None,
            "key": error.values.get("key"),
            "message": error.message,
            "hint": error.hint,
        }
        for error in found
    ]
    document = {
        "schema": SCHEMA,
        "path": str(path),
        "exists": there,
        "valid": not found,
        "mistakes": entries,
    }
    if not found:
        state = "without mistakes" if there else "no file, every value is its default"
        yield Answered(document, ("field", "value"), (("path", str(path)), ("state", state)))
        return
    columns = ("line", "key", "mistake", "hint")
    rows = tuple(
        (entry["line"], entry["key"], entry["message"], entry["hint"]) for entry in entries
    )
    yield Answered(document, columns, rows)
    raise found[0] if len(found) == 1 else _many(path, found)


def _many(path: Path, found: list[UserError]) -> UserError:
    return UserError(
        "config.mistakes",
        "{path} has {count} mistakes: {mistakes}",
        hint="Correct these lines; `ascend-console config init` writes a file with every setting.",
        path=path,
        count=len(found),
        mistakes="; ".join(error.message.removeprefix(f"{path}, ") for error in found),
    )


_ACTIONS = {"path": _path, "show": _show, "init": _init, "validate": _validate}


def config(request: ConfigRequest, env: Env) -> Events:
    """Do what was asked with the settings file."""
    yield from _ACTIONS[request.action](env)


ENTRY = Job(
    name="config",
    summary="Settings: where the file is, each value with its origin, a new file, a check.",
    request=ConfigRequest,
    run=config,
    example="ascend-console config show",
    recording=False,
    order=95,
)
