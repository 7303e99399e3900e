"""`fetch`: downloads a model's official checkpoint and checks what arrived."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.core import discovery
from ascend_console.core.errors import ToolFailed, UserError
from ascend_console.core.events import (
    SCHEMA,
    Answered,
    ArtifactWritten,
    LogLine,
    Measured,
    Progress,
    StepStarted,
    Warned,
)
from ascend_console.core.options import option
from ascend_console.core.specs import Env, Job, ModelSpec
from ascend_console.jobs._models import zoo_names
from ascend_console.tools import files, paths
from ascend_console.tools.checksums import Checksums, checksums
from ascend_console.tools.locks import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ascend_console.core.specs import Events

_MEGABYTE = 1e6


@dataclass(frozen=True, kw_only=True)
class FetchRequest:
    """Which checkpoint, and where it goes."""

    model: str = option("Model of the zoo.", choices=zoo_names)
    output: Path | None = option(
        "File to write.",
        default=None,
        default_text="checkpoints/ in the workspace, under the published name",
    )
    url: str | None = option(
        "Address to take instead of the published one, such as a mirror.",
        default=None,
        default_text="the published one, as `models NAME` shows it",
    )


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A whole file; `verified` where its md5 is the published one."""

    path: Path
    sums: Checksums
    verified: bool


def _address(spec: ModelSpec, request: FetchRequest) -> str:
    """The address to download from; UserError says what to do where there is no direct link."""
    url = request.url or spec.checkpoint.url
    if url is None:
        raise UserError(
            "fetch.no_link",
            "no direct link to {file} of {model} is published",
            hint="{note} Then name the file with --checkpoint, or fetch it from an address of "
            "your own with --url.",
            file=spec.checkpoint.file,
            model=spec.name,
            note=spec.checkpoint.note or "Ask the people who trained it.",
        )
    if url.partition("?")[0].lower().endswith((".zip", ".tar.gz", ".tgz", ".7z", ".rar")):
        raise UserError(
            "fetch.archive",
            "{url} is an archive, not the checkpoint itself",
            hint="Download it yourself, unpack {file} from it, and name that with --checkpoint.",
            url=url.partition("?")[0],
            file=spec.checkpoint.file,
        )
    return url


def _target(spec: ModelSpec, request: FetchRequest, env: Env) -> Path:
    target = (
        request.output or paths.checkpoints_folder(env.settings.workspace) / spec.checkpoint.file
    )
    if target.is_dir():
        raise UserError(
            "output.is_folder",
            "{path} is a folder",
            hint="Name the file: --output {better}.",
            path=target,
            better=target / spec.checkpoint.file,
        )
    return target


def _checksum_file(target: Path) -> Path:
    """Where the SHA-256 of a file without a published checksum is recorded."""
    return target.with_name(target.name + ".sha256.json")


def _look(path: Path, spec: ModelSpec) -> _Fetched:
    """Size and checksums of a file, and whether it is the published one."""
    return _Fetched(path, sums := checksums(path), bool(sums.is_published(spec.checkpoint.md5)))


def _present(target: Path, spec: ModelSpec, env: Env) -> _Fetched | None:
    """The file where it stands already and need not be fetched; UserError where it is another."""
    if not target.exists():
        return None
    found = _look(files.require_file(target, "a checkpoint"), spec)
    if found.verified or env.settings.assume_yes:
        return found if found.verified else None
    note = _checksum_file(target)
    if spec.checkpoint.md5 is None and note.is_file():
        recorded = files.read_json(note)
        if isinstance(recorded, dict) and recorded.get("sha256") == found.sums.sha256:
            return found
    raise UserError(
        "fetch.exists",
        "{path} exists already, and is not the checkpoint that was fetched or published",
        hint="Name another file with --output, or add --yes to replace it.",
        path=target,
    )


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ToolFailed(
            "files.write",
            "cannot write {path}: {reason}",
            hint="Choose another place with --output, where you may write.",
            path=path,
            reason=error.strerror or error,
        ) from error


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Hold a lock beside the file, so that two downloads never write the same one."""
    lock = FileLock(target.with_name(f".{target.name}.lock"))
    with _writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        free = lock.acquire()
    if not free:
        raise UserError(
            "fetch.busy",
            "{path} is being downloaded by another process",
            hint="Wait for it to end, or name another file with --output.",
            path=target,
        )
    try:
        yield
    finally:
        lock.release()


def _receive(url: str, part: Path, env: Env) -> Events:
    """The download with its progress and its rate."""
    from ascend_console.tools import download

    started_s, first, done = env.clock.monotonic_s(), None, 0
    for state in download.receive(url, part, env.cancel):
        if state.note:
            yield LogLine(state.note, "warning")
        first = state.done if first is None else min(first, state.done)
        done = state.done
        yield Progress(state.done, state.total, "bytes")
    seconds = env.clock.monotonic_s() - started_s
    if first is not None and seconds > 0:
        yield Measured("download", (done - first) / seconds / _MEGABYTE, "MB/s")


def _require_checkpoint(part: Path, found: _Fetched, spec: ModelSpec, url: str) -> None:
    """ToolFailed, with nothing kept, for a file that is not the published one, or no checkpoint."""
    from ascend_console.tools import checkpoint_file, download

    published = spec.checkpoint.md5
    seen = ""
    try:
        checkpoint_file.checkpoint_format(part)
    except UserError as error:
        seen = error.message.replace(str(part), spec.checkpoint.file)
    if found.verified or (published is None and not seen):
        return
    download.discard(part)
    if seen:
        raise ToolFailed(
            "fetch.content",
            "{url} gave something else: {seen}",
            hint="Nothing was kept. Open the address in a browser, or name another with --url.",
            url=download.shown_url(url),
            seen=seen,
        )
    raise ToolFailed(
        "fetch.md5",
        "{url} gave a file of {size} bytes whose md5 is {found}; published is {published}",
        hint="Nothing was kept. Type the line again; if it stays so, the file was replaced there: "
        "name another address with --url.",
        url=download.shown_url(url),
        size=f"{found.sums.size:,}",
        found=found.sums.md5,
        published=(published or "").lower(),
    )


def _unverified(spec: ModelSpec, found: _Fetched) -> Warned:
    values = {
        "path": str(found.path),
        "file": spec.checkpoint.file,
        "sha256": found.sums.sha256,
    }
    return Warned(
        "fetch.unverified",
        f"{found.path} is unverified: no checksum of {spec.checkpoint.file} is published",
        f"Its SHA-256 is recorded beside it: {found.sums.sha256}. Compare it with one you trust.",
        values,
    )


def _answer(spec: ModelSpec, found: _Fetched, url: str, fetched: bool) -> Answered:
    from ascend_console.tools.download import shown_url

    document: dict[str, Any] = {
        "schema": SCHEMA,
        "model": spec.name,
        "path": str(found.path),
        "bytes": found.sums.size,
        "md5": found.sums.md5,
        "sha256": found.sums.sha256,
        "verified": found.verified,
        "url": shown_url(url),
        "downloaded": fetched,
    }
    rows = (
        ("model", spec.name),
        ("path", str(found.path)),
        ("size", f"{found.sums.size:,} bytes"),
        ("md5", found.sums.md5),
        ("sha256", found.sums.sha256),
        ("verified", "yes, the published md5" if found.verified else "no checksum is published"),
        ("url", shown_url(url)),
        ("downloaded", fetched),
        ("next", f"ascend-console export --model {spec.name} --checkpoint {found.path}"),
    )
    return Answered(document, ("field", "value"), rows)


def _record(found: _Fetched, url: str, env: Env) -> None:
    """Keep the SHA-256 of a file that no published checksum covers."""
    from ascend_console.tools.download import shown_url

    note = _checksum_file(found.path)
    if found.verified:
        note.unlink(missing_ok=True)
        return
    document = {
        "schema": SCHEMA,
        "file": found.path.name,
        "bytes": found.sums.size,
        "sha256": found.sums.sha256,
        "verified": False,
        "url": shown_url(url),
        "fetched": env.clock.utc(),
    }
    files.write_json(note, document)


def _download(spec: ModelSpec, url: str, target: Path, env: Env) -> Events:
    """Download beside the target, check, and rename: the target is whole or absent."""
    from dataclasses import replace

    from ascend_console.tools import download

    part = target.with_name(target.name + ".part")
    with _alone(target):
        yield StepStarted("download", 1, 2)
        yield from _receive(url, part, env)
        yield StepStarted("verify", 2, 2)
        found = _look(part, spec)
        _require_checkpoint(part, found, spec, url)
        found = replace(found, path=target)
        with _writing(target):
            _record(found, url, env)
            part.replace(target)
            download.discard(part)
    yield ArtifactWritten(str(target), "checkpoint")
    if not found.verified:
        yield _unverified(spec, found)
    yield _answer(spec, found, url, fetched=True)


def fetch_checkpoint(spec: ModelSpec, request: FetchRequest, env: Env) -> Events:
    """Download the checkpoint of a model, unless it is there already."""
    from ascend_console.tools import download

    url = _address(spec, request)
    download.check_url(url)
    target = _target(spec, request, env)
    if request.url:
        shown, file = download.shown_url(url), spec.checkpoint.file
        yield Warned(
            "fetch.mirror",
            f"{shown} is not the published address of {file}",
            "The published md5 decides whether it is the same file." * bool(spec.checkpoint.md5),
            {"url": shown, "file": file},
        )
    present = _present(target, spec, env)
    if present is None:
        yield from _download(spec, url, target, env)
        return
    if not present.verified:
        yield _unverified(spec, present)
    yield _answer(spec, present, url, fetched=False)


def fetch(request: FetchRequest, env: Env) -> Events:
    """Download the official checkpoint of a model of the zoo."""
    yield from fetch_checkpoint(discovery.load("zoo", request.model), request, env)


ENTRY = Job(
    name="fetch",
    summary="Downloads an official checkpoint: resumed, checked, whole or absent.",
    request=FetchRequest,
    run=fetch,
    example="ascend-console fetch --model ghostnet",
    recording=False,
    order=15,
)
