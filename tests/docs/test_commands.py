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


@pytest.mark.parametrize(("page", "line"), list(lines()))
def test_every_documented_command_line_exists(page: str, line: str) -> None:
    command, *rest = shlex.split(line.partition(" | ")[0], comments=True)
    if command not in KNOWN:
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
