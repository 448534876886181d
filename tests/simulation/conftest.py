"""Runs the simulations in a separate process: without coverage, with one order of all sets.

No real second counts in one, so it leaves the cores to tests that wait for real servers.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from tests.simulation.postgres import database
from tests.simulation.stories import Story, tell

Simulate = Callable[..., subprocess.CompletedProcess[str]]

Tell = Callable[..., None]

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def simulate(postgres_url: str) -> Simulate:
    """Returns a function such as `simulate("--seed", "7")`: its result is the command's output and
    exit code."""
    url = make_url(postgres_url).render_as_string(hide_password=False)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["nice", "-n", "5", sys.executable, "-m", "tests.simulation", *arguments],
            # Otherwise it would begin once more, with the order of sets that it needs.
            env={**os.environ, "DATABASE_URL": url, "PYTHONHASHSEED": "0"},
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def journal_url(postgres_url: str) -> Iterator[str]:
    """Yields a migrated database for all stories."""
    with database(postgres_url) as url:
        yield url


@pytest.fixture
def told(journal_url: str) -> Tell:
    """Returns a function such as `told(story, "Prep", "Upgrade", clusters=2)`: with a plan of two
    steps."""

    def tell_it(story: Story, *plan: str, **of_hub: Any) -> None:
        tell(journal_url, story, *plan, **of_hub)

    return tell_it
