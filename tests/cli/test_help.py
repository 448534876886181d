"""`--help`: commands in groups, and with each at least one line that can be typed."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from ibgu.cli.app import app
from ibgu.cli.groups import Panel
from tests.cli.test_docs import commands

ROOT = get_command(app)


def everything(command: Any, *names: str) -> Iterator[tuple[str, ...]]:
    """The words of every command, and of every group, after `ibgu`."""
    yield names
    for name, each in getattr(command, "commands", {}).items():
        yield from everything(each, *names, name)


NAMES = list(everything(ROOT))


def help_of(names: tuple[str, ...]) -> str:
    told = CliRunner().invoke(
        app, [*names, "--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}
    )
    assert told.exit_code == 0
    return told.stdout


def examples_in(told: str) -> list[str]:
    return [line.strip() for line in told.partition("Examples:\n")[2].splitlines() if line.strip()]


def test_every_command_is_in_a_group() -> None:
    told = CliRunner().invoke(app, ["--help"]).stdout
    groups = [line[:-1] for line in told.splitlines() if line[:-1] in set(Panel)]
    assert groups == list(Panel)
    rows = told.partition(f"{Panel.LOOK}:")[2].partition("Examples:")[0]
    listed = re.findall(r"^  ([a-z][a-z-]*) ", rows, re.MULTILINE)
    assert sorted(listed) == sorted({name.partition(" ")[0] for name in commands()})


@pytest.mark.parametrize("names", NAMES, ids=" ".join)
def test_every_help_has_examples_that_can_be_typed(names: tuple[str, ...]) -> None:
    lines = examples_in(help_of(names))
    assert lines
    for line in lines:
        words = shlex.split(re.sub(r"^source <\((.*)\)$", r"\1", line))
        while "=" in words[0]:
            assert words.pop(0).partition("=")[0] in ("KUBECONFIG", "DATABASE_URL")
        assert words[: len(names) + 1] == ["ibgu", *names]
        parse(ROOT, *words)


def parse(command: Any, name: str, *words: str) -> None:
    """Parses the command without carrying it out: an option or a value that is none ends it."""
    if not hasattr(command, "commands"):
        command.make_context(name, list(words))
        return
    command.make_context(name, list(words))
    parse(command.commands[words[0]], *words)


@pytest.mark.parametrize("names", NAMES, ids=" ".join)
def test_a_help_is_in_the_words_of_other_commands(names: tuple[str, ...]) -> None:
    """No type of Python's, and nothing beyond a terminal of 80 columns but lines to be copied."""
    told = help_of(names)
    assert not re.search(r"<(str|int|float|list)|\{", told)
    before, _, _ = told.partition("Examples:")
    assert [line for line in before.splitlines() if len(line) > 80] == []
