"""`--help`: commands in groups, and with each at least one line that can be typed."""

import re
import shlex

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from ibgu.cli.app import app
from ibgu.cli.examples import EXAMPLES
from ibgu.cli.groups import Panel
from tests.cli.test_docs import commands, leaves

COMMANDS = dict(leaves(get_command(app)))
LINES = [(name, line) for name, lines in EXAMPLES.items() for line in lines]


def test_every_command_is_in_a_group() -> None:
    told = CliRunner().invoke(app, ["--help"]).stdout
    groups = [line[:-1] for line in told.splitlines() if line[:-1] in set(Panel)]
    assert groups == list(Panel)
    listed = re.findall(r"^  ([a-z][a-z-]*) ", told.partition(f"{Panel.LOOK}:")[2], re.MULTILINE)
    assert sorted(listed) == sorted({name.partition(" ")[0] for name in commands()})


def test_every_command_has_an_example_and_shows_it() -> None:
    assert set(EXAMPLES) == set(COMMANDS)
    for name, lines in EXAMPLES.items():
        told = CliRunner().invoke(app, [*name.split(), "--help"]).stdout
        assert lines, name
        for line in lines:
            assert f"\n    {line}\n" in told, name


@pytest.mark.parametrize(("name", "line"), LINES)
def test_an_example_can_be_typed(name: str, line: str) -> None:
    words = shlex.split(re.sub(r"^source <\((.*)\)$", r"\1", line))
    while "=" in words[0]:
        assert words.pop(0).partition("=")[0] in ("KUBECONFIG", "DATABASE_URL")
    command = ["ibgu", *name.split()]
    assert words[: len(command)] == command
    # Parsed and checked as it would be, and not carried out.
    COMMANDS[name].make_context(name, words[len(command) :])
