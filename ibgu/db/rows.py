"""Converts records to rows and back. A column has the name of the record's field, except
`_NAMES`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from itertools import chain
from sys import intern
from typing import Any, TypeVar, get_args

import msgspec
from msgspec.structs import replace
from sqlalchemy import Label, Table, and_

from ibgu.core.drivers import declared
from ibgu.core.model import (
    ActionName,
    Ended,
    Finished,
    InFlight,
    Member,
    PendingPatch,
    Rollout,
    Run,
    Step,
)
from ibgu.core.model.bounds import MAX_INT32, YEARS
from ibgu.db.schema import (
    members,
    pending_patches,
    rollouts,
    runs,
    steps,
)

R = TypeVar("R", bound=msgspec.Struct)
Row = dict[str, Any]

_MAX_TIMEOUT = timedelta(minutes=MAX_INT32)

_NAMES = {
    rollouts: {"kind": "object_kind"},
    members: {"uid": "cluster_uid", "limit": "limit_at"},
    pending_patches: {"uid": "cluster_uid"},
}


def rollout_row(hub: str, rollout: Rollout) -> Row:
    return _row(hub, rollout, rollouts)


def step_row(hub: str, step: Step, *, judged: bool = True) -> Row:
    """Returns the step's row; `judged`: with what preflight has found, which may name all of the
    step's clusters."""
    return _row(hub, step if judged else replace(step, preflight=None), steps)


def member_row(hub: str, member: Member) -> Row:
    """Returns the member's row, without its probe: what its state does not know is empty. Of the
    run it has only the id."""
    known = {name: getattr(member, name) for name in _MEMBER_NAMES if name != "run"}
    row: Row = msgspec.to_builtins(known)
    row["run"] = member.run and member.run.id
    return _named(hub, row, members)


def run_row(hub: str, member: Member, run: Run) -> Row:
    """Returns the run's row: what its state does not know is empty."""
    row: Row = msgspec.to_builtins({name: getattr(run, name) for name in _RUN_NAMES})
    row |= claim_row(hub, member)
    del row["slot"]
    return row


def claim_row(hub: str, member: Member) -> Row:
    """Returns the claim that a member asks for; the database adds the step's bound."""
    return {
        "hub": hub,
        "rollout": member.rollout,
        "step": member.step,
        "cluster": member.cluster,
        "cluster_uid": member.uid,
        "slot": member.slot,
    }


def pending_patch_row(hub: str, pending: PendingPatch) -> Row:
    return _row(hub, pending, pending_patches)


def to_run(row: Mapping[Any, Any]) -> Run:
    """Returns the run of a row whose columns are OF_RUN."""
    run: Run = msgspec.convert(row, Run)
    _check_declared(run.action)
    return run


def to_record(row: Mapping[Any, Any], record: type[R]) -> R:
    """Returns the record of a row whose columns are those of `fields`; a member's run needs all
    fields."""
    found = msgspec.convert(row, record)
    if isinstance(found, Step):
        _check_declared(*found.actions)
    return found


def _check_declared(*actions: ActionName) -> None:
    """Raises ValidationError at an action that no kind of change has."""
    if not all(map(declared, actions)):
        raise msgspec.ValidationError(f"unknown action among {', '.join(actions)}")


def readable(rows: Iterable[Mapping[Any, Any]], record: type[R]) -> Iterator[R]:
    """Yields the records of the rows, without those that can't be read: the controller reports
    their rollouts (R32.7), and the others are shown."""
    for row in rows:
        with suppress(msgspec.ValidationError):
            yield to_record(row, record)


def sound(record: R) -> R:
    """Returns the record, if ibgu can calculate with all of its times. Raises ValueError."""
    for name in _of_type(type(record), datetime):
        at = getattr(record, name)
        if at is not None and (at.tzinfo is None or at.year not in YEARS):
            raise ValueError(f"{name} is {at}")
    for name in _of_type(type(record), timedelta):
        if not timedelta() <= getattr(record, name) <= _MAX_TIMEOUT:
            raise ValueError(f"{name} is {getattr(record, name)}")
    if isinstance(record, Member) and record.run is not None:
        sound(record.run)
    return record


@cache
def _of_type(record: type[msgspec.Struct], wanted: type) -> tuple[str, ...]:
    found = msgspec.structs.fields(record)
    return tuple(each.name for each in found if wanted in (each.type, *get_args(each.type)))


def fields(table: Table, *records: type[msgspec.Struct]) -> list[Label[Any]]:
    """Returns the columns that make up the records, labelled with their fields' names."""
    names = _NAMES.get(table, {})
    known = dict.fromkeys(chain.from_iterable(record.__struct_fields__ for record in records))
    found = ((field, names.get(field, field)) for field in known)
    return [table.c[column].label(field) for field, column in found if column in table.c]


OF_ROLLOUT = fields(rollouts, Rollout)
OF_STEP = fields(steps, Step)
OF_STEP_STATE = [column for column in OF_STEP if column.name != "preflight"]
"""What lists show of a step: preflight's record may name thousands of clusters."""
OF_MEMBER = [members.c.state.label("state"), *fields(members, InFlight, Finished)]
OF_RUN = [runs.c[name].label(name) for name in ("state", *Ended.__struct_fields__)]
OF_PENDING_PATCH = fields(pending_patches, PendingPatch)
NEWEST_RUN = and_(runs.c.hub == members.c.hub, runs.c.id == members.c.run)
"""The condition that joins a member's newest run."""
OF_MEMBER_AND_RUN = (*OF_MEMBER, *OF_RUN)
_MEMBER_NAMES = [column.name for column in OF_MEMBER]
_SHARED = ("rollout", "cluster", "uid")
_RUN = _MEMBER_NAMES.index("run")
_RUN_NAMES = [column.name for column in OF_RUN]


def to_member(row: Sequence[Any]) -> Member:
    """Returns the member of a row that begins with OF_MEMBER_AND_RUN; the run is null if there is
    none."""
    if row[_RUN] is None:
        return of_member(row, None)
    return of_member(row, dict(zip(_RUN_NAMES, row[len(_MEMBER_NAMES) :], strict=False)))


def of_member(row: Sequence[Any], run: Run | Row | None) -> Member:
    """Returns the member of a row that begins with OF_MEMBER, and of its newest run. Names and uids
    are the same objects as the mirror's: there are tens of thousands of members."""
    member = dict(zip(_MEMBER_NAMES, row, strict=False))
    member.update({name: intern(member[name]) for name in _SHARED})
    member["run"] = run
    found: Member = msgspec.convert(member, Member)
    for action in (found.run.action if found.run else None, found.failed_action):
        if action is not None:
            _check_declared(action)
    _check_declared(*(done.action for done in found.completed))
    return found


def _row(hub: str, record: msgspec.Struct, table: Table) -> Row:
    return _named(hub, msgspec.to_builtins(record), table)


def _named(hub: str, row: Row, table: Table) -> Row:
    for field, column in _NAMES.get(table, {}).items():
        row[column] = row.pop(field)
    row["hub"] = hub
    return row
