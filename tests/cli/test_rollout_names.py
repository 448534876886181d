"""NAMESPACE/NAME, as lists print it, where a command takes a rollout's name."""

import pytest
from typer.testing import CliRunner

from ibgu.cli.app import app

COMMANDS = [
    ["status", "edge/demo"],
    ["get", "edge/demo"],
    ["tree", "edge/demo"],
    ["stragglers", "edge/demo"],
    ["explain", "edge/demo", "site-1"],
    ["clusters", "--rollout", "edge/demo"],
    ["preview", "edge/demo"],
    ["preflight", "edge/demo"],
    ["pause", "edge/demo"],
    ["cancel", "edge/demo"],
]


@pytest.mark.parametrize("typed", COMMANDS, ids=lambda typed: typed[0])
def test_a_name_with_a_namespace_is_refused_with_the_option(typed: list[str]) -> None:
    found = CliRunner().invoke(app, typed)
    assert found.exit_code == 2
    assert "give the namespace with -n: demo -n edge" in found.stderr
