"""The modules of ibgu.client that are generated, and their text."""

import subprocess
import sys
from pathlib import Path

from tests.client.generator import methods, structs
from tests.client.generator.document import document
from tests.client.generator.types import Types

ROOT = Path(__file__).parents[3]


def contents() -> dict[Path, str]:
    """Returns the text of each module."""
    found = document()
    types = Types(found)
    folder = ROOT / "ibgu/client"
    texts = {
        folder / "responses.py": structs.module(types),
        folder / "routes.py": methods.module(found, types),
    }
    return {path: _formatted(text) for path, text in texts.items()}


def _formatted(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--quiet", "-"]
    done = subprocess.run(command, input=text, text=True, stdout=-1, check=True, cwd=ROOT)
    return done.stdout
