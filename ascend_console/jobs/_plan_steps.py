"""The steps that every plan has, whoever's commands it uses: environment, weights, fewer images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ascend_console.jobs._plan import PlanStep, Setting, Text, path_word, present, require, word

if TYPE_CHECKING:
    from pathlib import PurePath

    from ascend_console.core.specs import ModelSpec
    from ascend_console.jobs._plan import Wish

KEEPS_TYPES = "must_keep_origin_dtype"
"""The precision mode of --precision fp32; without one atc computes in float16."""

_ENVIRONMENT = Text("Environment", "环境")
_SOURCED_FIRST = Text(
    "set_env.sh needs bash, may read unset variables, and may return an error although all is "
    "well; so it is sourced without the strict rules.",
    "set_env.sh 只能用 bash 执行，可能读取未设置的变量，正常时也可能返回非零值，"
    "因此加载时暂停严格检查。",
)


def work_settings(spec: ModelSpec, wish: Wish) -> list[Setting]:
    """Where the script works, and what sets CANN up."""
    return [
        Setting(
            name="WORK",
            value=path_word(f"plan_{spec.name}"),
            note=Text("Everything is written here.", "所有结果都写在此目录。"),
        ),
        Setting(
            name="SET_ENV",
            value=path_word(wish.set_env),
            note=Text(
                "From CANN 8.5 on it is /usr/local/Ascend/cann/set_env.sh.",
                "CANN 8.5 起为 /usr/local/Ascend/cann/set_env.sh。",
            ),
        ),
    ]


def environment(wish: Wish, *lines: str, notes: tuple[Text, ...] = ()) -> PlanStep:
    """CANN's environment before any tool, then the work folder; `lines` belong to the tools."""
    return PlanStep(
        title=_ENVIRONMENT,
        notes=(*notes, _SOURCED_FIRST),
        lines=(
            present('"$SET_ENV"', wish.lang),
            "set +eu",
            'source "$SET_ENV" || true',
            "set -euo pipefail",
            *lines,
            'mkdir -p "$WORK"',
            'cd "$WORK"',
        ),
    )


_WEIGHTS = Text("Weights", "权重")
_OTHER_MD5 = Text("the md5 is not the published one:", "md5 与公布值不符：")


def checkpoint_setting(spec: ModelSpec, wish: Wish) -> Setting:
    """The checkpoint that was named, or the published file beside the script."""
    return Setting(name="CHECKPOINT", value=path_word(wish.checkpoint or spec.checkpoint.file))


def _fetched(spec: ModelSpec) -> list[str]:
    """Lines that download the published checkpoint, whole or not at all, unless it is there."""
    if spec.checkpoint.url is None:
        return []
    return [
        'if [ ! -s "$CHECKPOINT" ]; then',
        f'    wget -O "$CHECKPOINT".part {word(spec.checkpoint.url)}',
        '    mv "$CHECKPOINT".part "$CHECKPOINT"',
        "fi",
    ]


def weights(spec: ModelSpec, wish: Wish, *notes: Text) -> PlanStep:
    """The checkpoint: one that was named is there; the published one is fetched and checked."""
    there = present('"$CHECKPOINT"', wish.lang)
    if wish.checkpoint is not None:
        return PlanStep(title=_WEIGHTS, lines=(there,))
    lines = [*_fetched(spec), there]
    if spec.checkpoint.md5 is not None:
        test = f"""md5sum < "$CHECKPOINT" | grep -q '^{spec.checkpoint.md5}'"""
        lines.append(require(test, _OTHER_MD5, wish.lang, '"$CHECKPOINT"'))
    return PlanStep(title=_WEIGHTS, notes=notes, lines=tuple(lines))


def beside(path: PurePath, name: str) -> PurePath:
    """A file in the folder in which a file or folder lies."""
    return path.parent / name


_FEWER = Text("The first images only", "仅取前若干张图片")
_DATA = Text("Images and labels", "图片与标签")
_NO_FILE = Text(
    "the first images are taken from a label file, not from:",
    "仅支持从标签文件取前若干张图片，而不是：",
)
_LINKED = Text(
    "Links to the images that the first lines of the labels name.",
    "为标签文件前若干行对应的图片建立链接。",
)


def _looked_up(spec: ModelSpec) -> list[str]:
    """Lines that take the labels in the folder of images where none are beside it."""
    names = {"LABELS": "val_label.txt"}
    if spec.task == "attributes":
        names = {"LABELS": "label.json", "IMAGE_LIST": "image.txt"}
    return [
        f'if [ ! -s "${variable}" ]; then {variable}="$DATASET"/{name}; fi'
        for variable, name in names.items()
    ]


def _first_listed(limit: int) -> tuple[str, ...]:
    return (f'head -n {limit} "$IMAGE_LIST" > image.txt', 'IMAGE_LIST="$WORK"/image.txt')


def _first_labelled(limit: int) -> tuple[str, ...]:
    return (
        f'head -n {limit} "$LABELS" > val_label.txt',
        "rm -rf images",
        "mkdir -p images",
        'while IFS= read -r line || [ -n "$line" ]; do',
        '    ln -s "$DATASET/${line% *}" images/',
        "done < val_label.txt",
        'DATASET="$WORK"/images',
        'LABELS="$WORK"/val_label.txt',
    )


def data(spec: ModelSpec, wish: Wish, *, look_up: bool, class_folders: bool = False) -> PlanStep:
    """Images and labels are there; with a limit the first ones stand for all from here on.

    With `look_up` labels that are not beside the folder of images are taken from inside it, with
    `class_folders` from the names of its folders.
    """
    names = ["DATASET", "LABELS"] + ["IMAGE_LIST"] * (spec.task == "attributes")
    lines = _looked_up(spec) if look_up else []
    if class_folders and spec.task == "classification":
        lines.append('if [ ! -s "$LABELS" ]; then LABELS="$DATASET"; fi')
    lines += [present(f'"${name}"', wish.lang) for name in names]
    if wish.limit is None:
        return PlanStep(title=_DATA, lines=tuple(lines))
    if spec.task == "attributes":
        lines += _first_listed(wish.limit)
        return PlanStep(title=_FEWER, lines=tuple(lines), expected=("image.txt",))
    lines.append(require('test -f "$LABELS"', _NO_FILE, wish.lang, '"$LABELS"'))
    lines += _first_labelled(wish.limit)
    return PlanStep(title=_FEWER, notes=(_LINKED,), lines=tuple(lines), expected=("val_label.txt",))
