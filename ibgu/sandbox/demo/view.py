"""What the rollout looks like: a picture that lives on a terminal, lines of text elsewhere."""

from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

Ibgu = dict[str, Any]
_SHOWN = 6
"""Failures that are shown with their own words."""


class View:
    """Shows the newest state of one IBGU; on no terminal a line whenever the counts change."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self._last = ""

    def start(self) -> None:
        if self._live:
            self._live.start()

    def stop(self) -> None:
        if self._live:
            self._live.stop()

    def show(self, found: Ibgu, footer: str) -> None:
        line = one_line(found)
        if self._live:
            self._live.update(picture(found, footer))
        elif line != self._last:
            self._console.print(line, highlight=False, soft_wrap=True)
            self._last = line


def one_line(found: Ibgu) -> str:
    status = found.get("status", {})
    summary = status.get("summary") or {}
    counts = "  ".join(
        f"{word} {summary.get(word, 0)}"
        for word in ("waiting", "running", "succeeded", "failed", "skipped")
    )
    step = f"step {summary.get('step', 1)} of {len(found['spec']['plan'])}"
    actions = ", ".join(_actions(found, summary.get("step", 1)))
    return f"{status.get('phase', 'Pending'):10} {step} {actions:16} {counts}"


def _actions(found: Ibgu, step: int) -> list[str]:
    plan: list[Ibgu] = found["spec"]["plan"]
    return list(plan[step - 1]["actions"])


def picture(found: Ibgu, footer: str) -> RenderableType:
    status = found.get("status", {})
    head = Text.assemble(
        (f"{found['metadata']['name']} ", "bold"),
        (f"({found['metadata']['namespace']})  ", "dim"),
        (str(status.get("phase", "Pending")), "bold cyan"),
    )
    return Group(head, _steps(found), _failures(status), Text(footer, style="dim"))


def _steps(found: Ibgu) -> Table:
    summary = found.get("status", {}).get("summary") or {}
    table = Table.grid(padding=(0, 2))
    for number, item in enumerate(found["spec"]["plan"], 1):
        table.add_row(f"{number} {', '.join(item['actions'])}", *_bar(number, summary))
    return table


def _bar(number: int, summary: dict[str, int]) -> tuple[RenderableType, str]:
    current = summary.get("step", 1)
    if number != current:
        done = number < current
        return ProgressBar(total=1, completed=int(done), width=30), "done" if done else ""
    total = summary.get("total", 0)
    done_ = summary.get("succeeded", 0) + summary.get("failed", 0) + summary.get("skipped", 0)
    words = (
        f"✔ {summary.get('succeeded', 0)}  ✗ {summary.get('failed', 0)}  "
        f"▶ {summary.get('running', 0)}  ◷ {summary.get('waiting', 0)}"
    )
    return ProgressBar(total=total or 1, completed=done_, width=30), words


def _failures(status: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    failed = [
        (entry["name"], action["action"], action.get("message", ""))
        for entry in status.get("clusters", [])
        for action in entry.get("failedActions", [])
    ]
    if failed:
        table.add_row(Text(f"Failures ({len(failed)})", style="bold red"))
    for name, action, message in failed[:_SHOWN]:
        table.add_row(f"  {name}", action, Text(message, overflow="ellipsis", no_wrap=True))
    return table
