"""Label files of any editor are read; a bad one is named with its line or its entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console.core.errors import UserError
from ascend_console.tools import label_files

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, text: str) -> Path:
    path = folder / "labels"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    ["a.jpg 5\nb.jpg 6\n", "a.jpg 5\r\nb.jpg 6", "\ufeffa.jpg\t5\n\n  b.jpg   6  \n\n", "a 5\rb 6"],
)
def test_label_files_from_any_editor_are_read(tmp_path: Path, text: str) -> None:
    """Byte order marks, line ends and tabs change no label."""
    assert label_files.class_labels(written(tmp_path, text), 1000) == {"a": 5, "b": 6}


def test_names_with_blanks_foreign_letters_and_folders_are_keys(tmp_path: Path) -> None:
    """The class is what follows the last blank; folders of a training list do not matter."""
    path = written(tmp_path, "my cat.jpg 5\n图片.jpg 6\nn01440764/fish.x.JPEG 7\n")
    assert label_files.class_labels(path, 1000) == {"my cat": 5, "图片": 6, "fish": 7}


@pytest.mark.parametrize(
    ("text", "error_id", "words"),
    [
        ("", "labels.bad", "is empty"),
        ("\n \n", "labels.bad", "is empty"),
        ("a.jpg 1\nb.jpg\n", "labels.line", "line 2 of"),
        ("a.jpg one\n", "labels.line", "line 1 of"),
        ("a.jpg 1\n\nb.jpg -1\n", "labels.line", "line 3 of"),
        ("a.jpg 1000\n", "labels.line", "classes are 0 to 999"),
        ("a.jpg 1\na.png 1\n", "labels.repeated", "'a'"),
        (".jpg 1\n", "labels.line", "line 1 of"),
    ],
)
def test_bad_class_labels_are_named_with_their_line(
    tmp_path: Path, text: str, error_id: str, words: str
) -> None:
    """The user must find the mistake in 50,000 lines."""
    path = written(tmp_path, text)
    with pytest.raises(UserError) as caught:
        label_files.class_labels(path, 1000)
    assert caught.value.id == error_id
    assert words in caught.value.message
    assert str(path) in caught.value.message


@pytest.mark.parametrize(
    ("text", "error_id"),
    [
        ("", "labels.bad"),
        ("{", "labels.bad"),
        ("[]", "labels.bad"),
        ("{}", "labels.bad"),
        ("[[1, 2]]", "labels.bad"),
        ("[" * 100_000, "labels.bad"),
        ('{"1.png": [0, 1], "2.png": [0]}', "labels.rows"),
        ('{"1.png": [0, 2], "2.png": [0, 1]}', "labels.rows"),
        ('{"1.png": [0, true], "2.png": [0, 1]}', "labels.rows"),
        ('{"1.png": [], "2.png": []}', "labels.rows"),
        ('{"1.png": 1, "2.png": [1]}', "labels.rows"),
        ('{"1.png": {"a": 1}, "2.png": [1]}', "labels.rows"),
        ('{"1.png": [1], "1.png": [0]}', "labels.repeated"),
    ],
)
def test_bad_attribute_labels_are_refused(tmp_path: Path, text: str, error_id: str) -> None:
    """A row that is no row would shift or drop attributes."""
    path = written(tmp_path, text)
    with pytest.raises(UserError) as caught:
        label_files.attribute_labels(path)
    assert caught.value.id == error_id
    assert str(path) in caught.value.message


def test_attribute_labels_are_rows_by_key(tmp_path: Path) -> None:
    """The demanded width is that of the model."""
    path = written(tmp_path, '{"1.png": [0, 1], "2.png": [1, 1]}')
    assert label_files.attribute_labels(path) == {"1": (0, 1), "2": (1, 1)}
    with pytest.raises(UserError, match="lists of 35 numbers"):
        label_files.attribute_labels(path, 35)


def test_long_lists_of_names_are_cut() -> None:
    """Three names show the pattern; thousands hide the message."""
    assert label_files.some(["b", "a"]) == "'a', 'b'"
    assert label_files.some("edcba") == "'a', 'b', 'c' and 2 more"


@given(text=st.text(max_size=80) | st.binary(max_size=80))
def test_no_text_makes_the_parsers_fail_otherwise(
    text: str | bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A label file is read, or refused by a UserError; nothing else reaches the user."""
    path = tmp_path_factory.mktemp("any") / "labels"
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    for parse in (
        lambda: label_files.class_labels(path, 1000),
        lambda: label_files.attribute_labels(path),
        lambda: label_files.image_list(path),
    ):
        try:
            assert parse()
        except UserError as error:
            assert str(path) in error.message  # noqa: PT017 - either end is right
