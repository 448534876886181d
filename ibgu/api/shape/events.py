"""Events, with the names of their data as everywhere else in the API."""

from pydantic.alias_generators import to_camel

from ibgu.api.schemas.events import EventBody
from ibgu.db.views import EventRow

_SAME = ("seq", "at", "kind", "why", "cause", "warning", "actor", "rollout", "cluster", "run")


def event_body(row: EventRow) -> EventBody:
    """Only the outer names of `data` are ours: below them are labels, annotations, a plan."""
    return EventBody(
        **{name: getattr(row, name) for name in _SAME},
        step=None if row.step is None else row.step + 1,
        data={to_camel(name): value for name, value in row.data.items()},
    )
