"""Orders of members, and how a page begins where the one before has ended."""

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
    """Of steps, and of starts within a step."""
    NAME = "name"
    SINCE = "since"
    """What has stood longest as it does comes first."""
    DURATION = "duration"
    """What has taken longest since its start comes first, what has not started last."""


class Sorting:
    """One order, as of one moment: nothing may change places between two pages."""

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
        """No index has this order."""
        return self._key is not None

    def first(self, statement: Select[Any]) -> Select[Any]:
        """In this order, behind the page before; what the order needs is among its columns."""
        place: tuple[ColumnElement[Any], ...] = (members.c.step, members.c.position)
        if self._key is not None:
            statement = statement.add_columns(self._key)
            place = (self._key.element, *place)
        if self._after is not None:
            statement = statement.where(tuple_(*place) > self._after)
        return statement.order_by(*place)

    def same(self, statement: Select[Any], page: Subquery) -> Select[Any]:
        """The rows that `first` has found, joined with others, in their order."""
        key = () if self._key is None else (page.c.sorted_by,)
        return statement.add_columns(*key).order_by(*key, members.c.step, members.c.position)

    def place(self, row: Any) -> tuple[Any, ...]:
        """Of a row, for a cursor."""
        key = () if self._key is None else (row.sorted_by,)
        return (self._at, *key, row.step, row.position)


def _order(at: datetime) -> None:
    return None


def _name(at: datetime) -> ColumnElement[Any]:
    """Not the column itself: the index of all clusters' names would be read until it has met
    enough members of this rollout."""
    return members.c.cluster.concat("")


def _since(at: datetime) -> ColumnElement[Any]:
    ended = case((members.c.state == MemberState.FINISHED.value, members.c.ended_at))
    return _seconds(func.coalesce(ended, cast(members.c.reason["since"].astext, Moment)))


def _duration(at: datetime) -> ColumnElement[Any]:
    """Negative seconds; none that has started takes less than nothing."""
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
