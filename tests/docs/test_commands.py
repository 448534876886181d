"""Lines that the pages tell a person to type: ibgu's commands, options and controls exist."""

import re
import shlex
from collections.abc import Iterator

import pytest

from ibgu.core.model import names
from tests.cli.test_docs import commands
from tests.docs.site import DOCS, ROOT, fences

KNOWN = commands()
CONCEPTS = (DOCS / "concepts.md").read_text()


def lines() -> Iterator[tuple[str, str]]:
    """Page and line, of every command of ibgu's in a block."""
    for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]:
        for fence in fences(page):
            for line in fence.text.replace("\\\n", " ").splitlines():
                if found := re.match(r"(?:\$ )?(?:kubectl |oc )?ibgu ([a-z].*)", line):
                    yield page.name, found[1]


def inline() -> list[tuple[str, str]]:
    """Page and command, of every one inside a sentence: remedies of failures, causes and reasons
    are on pages of the reference."""
    found = {
        (page.name, code)
        for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
        if page.name != "CHANGELOG.md" and page.parent.name != "decisions"
        # "ibgu may not …" is a message.
        for code in re.findall(r"`(?:kubectl |oc )?ibgu (?!may )([a-z][^`\n]*)`", page.read_text())
    }
    return sorted(found)


@pytest.mark.parametrize(("page", "line"), list(lines()))
def test_every_documented_command_line_exists(page: str, line: str) -> None:
    assert_known(page, shlex.split(line.partition(" | ")[0], comments=True))


@pytest.mark.parametrize(("page", "code"), inline())
def test_every_command_inside_a_sentence_exists(page: str, code: str) -> None:
    assert_known(page, code.partition(" | ")[0].split())


def assert_known(page: str, words: list[str]) -> None:
    command, *rest = words
    if not rest and any(each.startswith(f"{command} ") for each in KNOWN):
        return  # A group of commands, such as `ibgu prepare`.
    if command not in KNOWN and rest:
        command = f"{command} {rest.pop(0)}"
    options = {word.partition("=")[0] for word in rest if re.match(r"--?[a-zA-Z]", word)}
    assert options <= KNOWN[command], page


@pytest.mark.parametrize("control", names.CONTROLS)
def test_concepts_names_every_control(control: str) -> None:
    assert f"`{control}" in CONCEPTS


def annotations() -> set[str]:
    """Returns those of ibgu's annotations that a page tells a person to set or remove."""
    told = "\n".join(page.read_text() for page in DOCS.rglob("*.md"))
    lines = re.findall(r"annotate (?:ibgu|--overwrite).*|^\| `ibgu\.dev/.*", told, re.MULTILINE)
    return {name for line in lines for name in re.findall(r"ibgu\.dev/[a-z]+(?:-[a-z0-9]+)*", line)}


def test_documented_annotations_exist() -> None:
    known = {value for value in vars(names).values() if isinstance(value, str)}
    known |= set(names.STEP_AUTHORS)
    assert {names.PAUSE, names.RESUME, names.SKIP, names.ADOPT} <= annotations() <= known
