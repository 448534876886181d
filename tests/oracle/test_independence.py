"""The oracle shares no code with what it judges, or it would share its errors."""

import ast
from pathlib import Path

FOLDER = Path(__file__).parent
STORIES = {"breaks.py", "logs.py", "stories.py"}
"""These play the engine to get histories."""
TO_READ = {"ibgu.core.engine.gate", "ibgu.core.engine.timing.windows"}
"""How gates of policies are called, and what cron expressions and time zones mean."""


def test_the_oracle_imports_neither_the_engine_nor_a_driver() -> None:
    shared = {
        f"{path.name}: {node.module}"
        for path in FOLDER.glob("*.py")
        if path.name not in STORIES and not path.name.startswith("test_")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith(("ibgu.core.engine", "ibgu.core.drivers"))
        and node.module not in TO_READ
    }
    assert shared == set()
