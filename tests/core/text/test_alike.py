"""Names that may be meant."""

import pytest

from ibgu.core.text.alike import MAX_COMPARED, do_you_mean


@pytest.mark.parametrize(
    ("name", "known", "words"),
    [
        ("dmeo", ["demo", "edge"], "; do you mean demo?"),
        ("ran-41", ["ran-417", "ran-418"], "; do you mean ran-418 or ran-417?"),
        ("demo", ["demo1", "demo2", "demo3", "demo4"], "; do you mean demo4, demo3 or demo2?"),
        ("demo", ["demo", "demo"], ""),
        ("demo", ["edge"], ""),
        ("demo", [], ""),
    ],
)
def test_names_that_are_alike_are_proposed(name: str, known: list[str], words: str) -> None:
    assert do_you_mean(name, known) == words


def test_only_the_first_names_are_compared() -> None:
    known = [f"{number:09}" for number in range(MAX_COMPARED)]
    assert do_you_mean("demo", [*known, "demos"]) == ""
    assert do_you_mean("demo", [*known[1:], "demos"]) == "; do you mean demos?"


def test_very_long_names_are_not_compared() -> None:
    long = "a" * 64
    assert do_you_mean(long, ["a" * 63]) == ""
    assert do_you_mean("a" * 63, [long]) == ""
