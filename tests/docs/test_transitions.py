"""docs/rules.md shows the table of transitions as the engine has it."""

import re

from ibgu.core.model.transition_table import TRANSITIONS
from tests.docs.site import DOCS

HEADER = "| state | event | next state | function |\n|---|---|---|---|\n"


def table() -> str:
    rows = [
        f"| {row.state or 'none'} | `{row.event}` | {row.to} | "
        f"{', '.join(f'`{by.__name__}`' for by in row.by)} |"
        for row in TRANSITIONS
    ]
    return HEADER + "\n".join(rows) + "\n"


def test_the_page_shows_every_transition() -> None:
    page = (DOCS / "rules.md").read_text()
    [shown] = re.findall(re.escape(HEADER) + r"(?:\|.*\n)+", page)
    assert shown == table()
