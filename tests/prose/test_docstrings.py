"""A docstring that begins with a fragment is found, and one that has its subject is not."""

from pathlib import Path

import pytest

from tests.prose.docstrings import fragments

MODULE = '''\
"""{}"""


class Who:
    """Who acts is a party."""

    def ask() -> None:
        """{}"""
'''


FIELDS = '''\
"""The rest."""

SPAN = 3
"""{}"""


class Each:
    """Each has a field."""

    began: float
    """{}"""
'''


def lines(folder: Path, module: str, function: str) -> list[int]:
    (folder / "a.py").write_text(MODULE.format(module, function))
    return [each.line for each in fragments([folder / "a.py", folder / "a.md"])]


@pytest.mark.parametrize("text", ["Returns what it is.", "The state of it.", "Office hours."])
def test_a_subject_passes(tmp_path: Path, text: str) -> None:
    assert lines(tmp_path, text, text) == []


@pytest.mark.parametrize("text", ["Of each decision.", "It, too, ends.", "What: all of it."])
def test_a_fragment_is_found_where_it_stands(tmp_path: Path, text: str) -> None:
    assert lines(tmp_path, text, "Returns the rest.") == [1]
    assert lines(tmp_path, "The rest.", text) == [8]


@pytest.mark.parametrize(
    ("span", "began", "found"),
    [
        ("The time of it.", "When it began.", []),
        ("By the clock.", "Why: a word.", [4]),
        ("Whether it did.", "From 1.", [11]),
    ],
)
def test_a_field_says_what_its_value_is(
    tmp_path: Path, span: str, began: str, found: list[int]
) -> None:
    (tmp_path / "a.py").write_text(FIELDS.format(span, began))
    assert [each.line for each in fragments([tmp_path / "a.py"])] == found
