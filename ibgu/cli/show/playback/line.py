"""Formats an event of the journal in one line."""

from datetime import datetime

from ibgu.cli.show import events
from ibgu.cli.show.paper import Paper
from ibgu.db.views import EventRow


def event_line(event: EventRow, now: datetime, paper: Paper) -> str:
    step = None if event.step is None else event.step + 1
    return events.event_line(event, step, now, paper)
