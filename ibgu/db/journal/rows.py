"""Records to rows and back. A column is named as the record's field, but for `_NAMES`."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Table

from ibgu.core.model import Debt, Member, Rollout, Run, Step
from ibgu.db.schema import debts, members, rollouts, runs, steps

R = TypeVar("R", bound=msgspec.Struct)
Row = dict[str, Any]

_NAMES = {members: {"uid": "cluster_uid", "limit": "limit_at"}, debts: {"uid": "cluster_uid"}}


def rollout_row(hub: str, rollout: Rollout) -> Row:
    return _row(hub, rollout, rollouts)


def step_row(hub: str, step: Step) -> Row:
    return _row(hub, step, steps)


def member_row(hub: str, member: Member) -> Row:
    """A look is not kept; of the run only the id stands in the member's row."""
    row = _row(hub, member, members)
    del row["look"]
    row["run"] = member.run and member.run.id
    return row


def run_row(hub: str, member: Member, run: Run) -> Row:
    row = _row(hub, run, runs) | hold_row(hub, member)
    del row["slot"]
    return row


def hold_row(hub: str, member: Member) -> Row:
    """What a member asks for; the step's bound is added in the database."""
    return {
        "hub": hub,
        "rollout": member.rollout,
        "step": member.step,
        "cluster": member.cluster,
        "cluster_uid": member.uid,
        "slot": member.slot,
    }


def debt_row(hub: str, debt: Debt) -> Row:
    return _row(hub, debt, debts)


def to_record(row: Mapping[Any, Any], record: type[R]) -> R:
    """From a row whose columns are those of `fields`; of a member's run it needs all fields."""
    return msgspec.convert(row, record)


def fields(table: Table, record: type[msgspec.Struct]) -> list[ColumnElement[Any]]:
    """The columns that make up `record`, labelled with its fields' names."""
    names = _NAMES.get(table, {})
    found = ((field, names.get(field, field)) for field in record.__struct_fields__)
    return [table.c[column].label(field) for field, column in found if column in table.c]


def _row(hub: str, record: msgspec.Struct, table: Table) -> Row:
    row: Row = msgspec.to_builtins(record)
    for field, column in _NAMES.get(table, {}).items():
        row[column] = row.pop(field)
    row["hub"] = hub
    return row
