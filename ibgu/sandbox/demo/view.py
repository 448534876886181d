"""The view of a rollout: a picture that lives on a terminal, lines of text elsewhere."""

from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

Ibgu = dict[str, Any]
_REPORTS = frozenset({"ClustersWarned", "RollbackPossible"})
_SHOWN = 6
"""Failures that are shown with their own words."""


class DemoView:
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
        for word in ("waiting", "running", "succeeded", "failed", "skipped", "cancelled")
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
    summary = status.get("summary") or {}
    parts = (_steps(found, summary), _whole(summary), _reports(status), _failures(status))
    return Group(head, *parts, Text(footer, style="dim"))


def _steps(found: Ibgu, summary: dict[str, int]) -> Table:
    current, over = summary.get("step", 0), "completedAt" in found.get("status", {})
    table = Table.grid(padding=(0, 2))
    for number, item in enumerate(found["spec"]["plan"], 1):
        done = number < current or over
        words = "done" if done else "under way" if number == current else "to come"
        table.add_row(f"{number} {', '.join(item['actions'])}", words)
    return table


def _whole(summary: dict[str, int]) -> Table:
    """All clusters of the rollout, over all its steps."""
    total, waiting = summary.get("total", 0), summary.get("waiting", 0)
    over = total - waiting - summary.get("running", 0)
    words = (
        f"✔ {summary.get('succeeded', 0)}  ✗ {summary.get('failed', 0)}  "
        f"▶ {summary.get('running', 0)}  ◷ {waiting}  of {total}"
    )
    table = Table.grid(padding=(0, 2))
    table.add_row(ProgressBar(total=total or 1, completed=over, width=30), words)
    return table


def _reports(status: dict[str, Any]) -> Text:
    """Returns what clusters warned of, and until when they can be rolled back."""
    conditions = [each for each in status.get("conditions", []) if each["type"] in _REPORTS]
    return Text("\n").join(Text(each["message"], style="yellow") for each in conditions)


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
