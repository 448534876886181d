"""Orders members, and continues a page where the one before ended."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Float, Select, Subquery, case, cast, func, literal, tuple_

from ibgu.core.model import MemberState
from ibgu.db.reads.cursor import decode
from ibgu.db.schema import members
from ibgu.db.schema.types import Moment


class Sort(StrEnum):
    ORDER = "order"
    """The order of steps, and of starts within a step."""
    NAME = "name"
    SINCE = "since"
    """Longest in the present state first."""
    DURATION = "duration"
    """Longest since the start first; what has not started last."""


class Sorting:
    """Sorting is one order as of one moment: nothing may move between two pages."""

    def __init__(self, sort: Sort, cursor: str | None) -> None:
        self._at = datetime.now(UTC)
        self._after: tuple[Any, ...] | None = None
        if cursor is not None:
            self._at, *after = decode(cursor, _KINDS[sort])
            self._after = tuple(after)
        key = _KEYS[sort](self._at)
        self._key = None if key is None else key.label("sorted_by")

    @property
    def looks_at_all(self) -> bool:
        """Whether no index has this order."""
        return self._key is not None

    def first(self, statement: Select[Any]) -> Select[Any]:
        """Returns the statement in this order, after the page before; its columns include what the
        order needs."""
        place: tuple[ColumnElement[Any], ...] = (members.c.step, members.c.position)
        if self._key is not None:
            statement = statement.add_columns(self._key)
            place = (self._key.element, *place)
        if self._after is not None:
            statement = statement.where(tuple_(*place) > self._after)
        return statement.order_by(*place)

    def same(self, statement: Select[Any], page: Subquery) -> Select[Any]:
        """Returns the rows that `first` found, joined with others, in the same order."""
        key = () if self._key is None else (page.c.sorted_by,)
        return statement.add_columns(*key).order_by(*key, members.c.step, members.c.position)

    def place(self, row: Any) -> tuple[Any, ...]:
        """Returns a row's place, for a cursor."""
        key = () if self._key is None else (row.sorted_by,)
        return (self._at, *key, row.step, row.position)


def _order(at: datetime) -> None:
    return None


def _name(at: datetime) -> ColumnElement[Any]:
    """Returns an expression instead of the column: the index of all clusters' names would be read
    until enough members of this rollout are found."""
    return members.c.cluster.concat("")


def _since(at: datetime) -> ColumnElement[Any]:
    ended = case((members.c.state == MemberState.FINISHED.value, members.c.ended_at))
    return _seconds(func.coalesce(ended, cast(members.c.reason["since"].astext, Moment)))


def _duration(at: datetime) -> ColumnElement[Any]:
    """Returns negative seconds; none that has started takes less than nothing."""
    end = func.coalesce(members.c.ended_at, literal(at, Moment))
    return func.coalesce(_seconds(members.c.started_at) - _seconds(end), literal(1.0, Float))


def _seconds(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(func.extract("epoch", column), Float)


_KEYS = {Sort.ORDER: _order, Sort.NAME: _name, Sort.SINCE: _since, Sort.DURATION: _duration}
_KINDS: dict[Sort, Any] = {
    Sort.ORDER: tuple[datetime, int, int],
    Sort.NAME: tuple[datetime, str, int, int],
    Sort.SINCE: tuple[datetime, float, int, int],
    Sort.DURATION: tuple[datetime, float, int, int],
}
