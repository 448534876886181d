"""Every citation in the repository leads to a rule or a decision that is in it."""

import re
from pathlib import Path

import pytest

from tests.docs import citations, test_rules
from tests.docs.citations import Source, cited_decisions, cited_elsewhere, cited_rules, sources
from tests.docs.site import DOCS

SOURCES = sources(Path(__file__), Path(citations.__file__))
RULES = {*test_rules.rules(), *test_rules.parts()}
DECISIONS = {int(page.name[:4]) for page in (DOCS / "decisions").glob("*.md")}


def test_every_rule_that_is_cited_is_there() -> None:
    missing = [where for each in SOURCES for where, name in cited_rules(each) if name not in RULES]
    assert missing == []


def test_every_decision_that_is_cited_is_there() -> None:
    cited = [found for each in SOURCES for found in cited_decisions(each)]
    assert [where for where, number in cited if number not in DECISIONS] == []
    assert len(cited) > 50


def test_nothing_is_cited_that_is_not_in_the_repository() -> None:
    assert [where for each in SOURCES for where in cited_elsewhere(each)] == []


def test_every_link_to_a_rule_has_an_anchor() -> None:
    cited = [name for each in SOURCES for name in re.findall(r"rules\.md#([\w.]+)", each.text)]
    assert {name.upper() for name in cited if name.startswith("r")} <= RULES


def test_files_that_are_named_after_a_rule_are_of_one() -> None:
    named = re.findall(r"\btest_r(\d+)_\w+\.py", "\n".join(source.path for source in SOURCES))
    assert len(named) > 30
    assert {f"R{int(number)}" for number in named} <= RULES


def test_the_whole_repository_is_read() -> None:
    paths = {source.path.partition("/")[0] for source in SOURCES}
    assert {"ibgu", "tests", "docs", "charts", "migrations", "Makefile", "README.md"} <= paths


@pytest.mark.parametrize("text", ["R0", "R999", "as R9.99 says", "(R1, R7.77)", "R1\n# R1000."])
def test_a_rule_that_is_not_there_is_found(text: str) -> None:
    found = [name for _, name in cited_rules(Source("a", text)) if name not in RULES]
    assert len(found) == 1


@pytest.mark.parametrize("text", ["R9's order", "`R9.2`", "(R9)", "R9, and R9.1.", "R9.\n"])
def test_a_rule_that_is_there_is_none(text: str) -> None:
    assert {name for _, name in cited_rules(Source("a", text))} <= RULES


@pytest.mark.parametrize(
    "text", ["decision 9999", "# decision\n# 9999", "[9999](decisions/9999-of-nobody.md)"]
)
def test_a_decision_that_is_not_there_is_found(text: str) -> None:
    found = {number for _, number in cited_decisions(Source("a", text))}
    assert found == {9999}
    assert not found & DECISIONS


@pytest.mark.parametrize(
    "text",
    [
        "(design 5)",
        "(design, section 6)",
        "design section 4",
        "design §5",
        "design R4",
        "the design's budget",
        "../design.md",
        "(facts: talm.md section 2)",
        "facts/wire.md",
        "`stack.md`",
        "(facts: wire, §2)",
        "preflight P17",
    ],
)
def test_citations_of_texts_outside_the_repository_are_found(text: str) -> None:
    assert list(cited_elsewhere(Source("a", text)))


@pytest.mark.parametrize(
    "text", ["coming-from-talm.md", "facts: HubFacts", "The same facts: ibgu status", "by design"]
)
def test_other_words_are_no_citation(text: str) -> None:
    assert not list(cited_elsewhere(Source("a", text)))


def test_a_citation_has_its_path_and_line() -> None:
    (found,) = cited_elsewhere(Source("a.py", "\n\n# (design 5)\n"))
    assert (found.path, found.line) == ("a.py", 3)
