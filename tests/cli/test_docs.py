"""docs/cli.md has every command with every option, and no other."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from ibgu.cli.app import app

DOC = Path(__file__).parents[2] / "docs" / "cli.md"
SHARED = {"--server", "--token", "--ca-file", "--namespace", "-n"}
ASKING = {"get", "status", "tree", "stragglers", "events", "explain", "recover", "collect"}
ASKING |= {"members", "clusters"}
ASKING |= {"report"}
WITHOUT_NAMESPACE = {"history", "works"}
CHANGES = {"--dry-run", "--direct", "--output", "-o"}
CHANGING = {"add-step", "pause", "resume", "skip", "adopt", "approve", "break-glass"}
FOLLOWING = {"retry", "cancel", "rollback", "finalize", "confirm-cleanup"}


def sections() -> dict[str, str]:
    _, *found = re.split(r"^### `ibgu ([a-z -]+)`$", DOC.read_text(), flags=re.MULTILINE)
    return dict(zip(found[::2], (text.partition("\n## ")[0] for text in found[1::2]), strict=True))


def options_in(text: str) -> set[str]:
    rows = re.findall(r"^\| (`[^|]+`) \|", text, flags=re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(--?[a-zA-Z-]+)`", row)}


def leaves(command: Any, *names: str) -> Iterator[tuple[str, Any]]:
    """The commands, those of groups by both names."""
    below = getattr(command, "commands", None)
    if below is None:
        yield " ".join(names), command
        return
    for name, each in below.items():
        yield from leaves(each, *names, name)


def commands() -> dict[str, set[str]]:
    """Command -> its options."""
    found: dict[str, set[str]] = {}
    for name, command in leaves(get_command(app)):
        found[name] = {
            option
            for parameter in command.params
            for option in (*parameter.opts, *parameter.secondary_opts)
            if option.startswith("-") and option != "--help"
        }
    return found


def test_every_command_is_documented_and_no_other() -> None:
    assert set(sections()) == set(commands())


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_option_is_documented_and_no_other(name: str) -> None:
    taken = commands()[name]
    if name in CHANGING:
        assert taken >= CHANGES
        taken -= CHANGES
    if name in FOLLOWING:
        assert taken & CHANGES == CHANGES - {"--direct"}
        taken -= CHANGES
    if name in ASKING | CHANGING | FOLLOWING | {"preview", "preflight"}:
        assert taken >= SHARED
        taken -= SHARED
    if name in WITHOUT_NAMESPACE:
        taken -= SHARED
    assert options_in(sections()[name]) == taken


def test_the_shared_options_are_documented() -> None:
    asking = DOC.read_text().partition("## Asking")[2].partition("### ")[0]
    assert options_in(asking) == SHARED
    changing = DOC.read_text().partition("## Changing")[2].partition("### ")[0]
    assert options_in(changing) == CHANGES
