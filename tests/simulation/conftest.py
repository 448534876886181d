"""The simulations run in a process of their own: without coverage, with one order of all sets."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

Simulate = Callable[..., subprocess.CompletedProcess[str]]

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def simulate(postgres_url: str) -> Simulate:
    """`simulate("--seed", "7")`: what the command says and how it ends."""
    url = make_url(postgres_url).render_as_string(hide_password=False)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tests.simulation", *arguments],
            env={**os.environ, "DATABASE_URL": url},
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
