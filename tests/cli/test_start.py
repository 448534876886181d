"""`--help` is quick, and tells all commands."""

import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ibgu.cli.app import app
from ibgu.cli.serve import commands
from ibgu.cli.version import HUB

HEAVY = ("sqlalchemy", "fastapi", "aiohttp", "prometheus_client")
SLOW = ("pydantic", "yaml", "asyncio", "ibgu.client", "ibgu.core.model")
"""What a command may need, and the list of commands does not."""


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom ibgu.cli.app import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        f"print([name for name in {(*HEAVY, *SLOW)!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_get_imports_no_server_and_no_client_of_the_hub() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom ibgu.cli.app import app\n"
        "CliRunner().invoke(app, ['get', '--server', 'http://127.0.0.1:9', '--token', 'x'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("loaded", "other"), [(commands.CONTROLLER, commands.API), (commands.API, commands.CONTROLLER)]
)
def test_a_process_loads_only_what_it_is(loaded: str, other: str) -> None:
    """And all of it, before it freezes what it has."""
    code = (
        f"import gc, sys\nfrom ibgu.cli.serve.loading import load\nload({loaded!r})\n"
        "from ibgu.cli.serve import assemble, process\n"
        f"print({loaded!r} in sys.modules, {other!r} in sys.modules, gc.isenabled())\n"
        "print('alembic' in sys.modules, 'fastapi' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    serves = str(loaded == commands.API)
    assert done.stdout.split() == ["True", "False", "True", "False", serves]


@pytest.mark.parametrize(
    "command",
    [
        "get",
        "status",
        "explain",
        "doctor",
        "run",
        "controller",
        "api",
        "migrate",
        "simulate",
        "demo",
    ],
)
def test_every_command_explains_itself(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert f"Usage: ibgu {command}" in done.stdout
    assert CliRunner().invoke(app, [command, "-h"]).stdout == done.stdout


def test_version_prints_the_versions_of_ibgu_and_python() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert done.exit_code == 0
    assert done.stdout.startswith(f"ibgu {version('ibgu')} (Python {platform.python_version()})\n")


def test_the_hubs_that_it_names_are_those_of_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "installation.md").read_text()
    kubernetes = HUB.partition(",")[0]
    assert kubernetes in " ".join(page.split())
