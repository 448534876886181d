"""The name of a test says what happens, and when: subject, verb, condition, in plain English."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
NO_SUBJECT = re.compile(
    r"test_(what|who|whom|whose|which|it|its|they|them|their|those|these|this|that|how|why|where"
    r"|whatever|whoever|however|wherever|of|by|as|so|then|than|too|also|else)(?=_|$)"
)
"""First words behind which no subject stands."""
PRIVATE = re.compile(
    r"_(tell|tells|telling|told|anew|whom|whoever|hushed|owe|owes|owed|spared|aside"
    r"|nobodys|somebodys|everybodys)(?=_|$)"
)
"""Words for which the field has others: 'is reported', 'again', 'any caller', 'is pending'."""
MAX_LENGTH = 75
"""Characters of a name."""


def problem(name: str) -> str:
    if found := NO_SUBJECT.match(name):
        return f"begins with '{found[1]}': name the subject, as in 'a_late_run_is_withdrawn'"
    if found := PRIVATE.search(name):
        return f"has the private word '{found[1]}': use the field's word"
    return f"has more than {MAX_LENGTH} characters" if len(name) > MAX_LENGTH else ""


def named() -> Iterator[tuple[str, str]]:
    for path in sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node, "name", "")
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and name[:5] == "test_":
                yield f"{path.relative_to(TESTS)}:{node.lineno}", name


def test_every_test_has_a_plain_name() -> None:
    tests = list(named())
    unclear = [f"{at}: {name} {words}" for at, name in tests if (words := problem(name))]
    assert unclear == []
    assert len(tests) > 3000


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("test_what_is_gone", "begins with 'what'"),
        ("test_who_may_not", "begins with 'who'"),
        ("test_it_waits", "begins with 'it'"),
        ("test_an_error_is_told_once", "private word 'told'"),
        ("test_a_claim_is_nobodys", "private word 'nobodys'"),
        (f"test_{'a' * MAX_LENGTH}", "more than 75 characters"),
    ],
)
def test_an_unclear_name_is_found(name: str, words: str) -> None:
    assert words in problem(name)


@pytest.mark.parametrize(
    "name", ["test_a_cluster_whose_run_ended_waits", "test_items_are_listed", "test_a_page_says_so"]
)
def test_a_plain_name_passes(name: str) -> None:
    assert problem(name) == ""
