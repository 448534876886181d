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
