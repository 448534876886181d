"""Any record, made from its type: a new field is tested from its first day."""

from datetime import UTC, datetime, timedelta
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Finished, InFlight, Member, PendingPatch, Rollout, Step, Waiting
from ibgu.core.model.bounds import YEARS

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NUMBERS = st.integers(0, 2**31 - 1)
_CENTURIES = [
    datetime(YEARS[0], 1, 1, tzinfo=UTC).replace(tzinfo=None),
    datetime(YEARS[-1], 12, 31, tzinfo=UTC).replace(tzinfo=None),
]
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: WORDS,
    int: NUMBERS,
    bool: st.booleans(),
    datetime: st.datetimes(*_CENTURIES, timezones=st.just(UTC)),
    timedelta: st.timedeltas(timedelta(), timedelta(days=900)),
    NoneType: st.none(),
}


def of_type(kind: Any) -> st.SearchStrategy[Any]:
    if kind in _PLAIN:
        return _PLAIN[kind]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return st.one_of([of_type(argument) for argument in arguments])
    if origin is dict:
        return st.dictionaries(WORDS, of_type(arguments[1]), max_size=3)
    if origin in (list, tuple):
        return st.lists(of_type(arguments[0]), max_size=3).map(origin)
    if issubclass(kind, msgspec.Struct):
        return record(kind)
    return st.sampled_from(list(kind))


_ACTIONS = {
    "action": of_type(Action),
    "failed_action": st.one_of(st.none(), of_type(Action)),
}
"""Fields with the name of an action that some kind of change has."""


def record(kind: type[msgspec.Struct], **given: Any) -> st.SearchStrategy[Any]:
    fixed = _ACTIONS | given
    found = {
        field.name: fixed[field.name] if field.name in fixed else of_type(field.type)
        for field in msgspec.structs.fields(kind)
    }
    return st.builds(kind, **found)


@st.composite
def fleets(draw: st.DrawFn) -> tuple[Rollout, Step, Member, PendingPatch]:
    """One of each, as the constraints demand: a run that needs a claim has a slot in the bound."""
    rollout = draw(record(Rollout))
    bounds = st.integers(1, 2**31 - 1)
    actions = st.lists(of_type(Action), min_size=1, max_size=3).map(tuple)
    of_rollout = {"rollout": st.just(rollout.uid), "index": st.just(0)}
    step = draw(record(Step, **of_rollout, max_concurrency=bounds, actions=actions))
    of_step = {"rollout": st.just(rollout.uid), "step": st.just(0), "probe": st.none()}
    slots = st.integers(1, step.max_concurrency)
    in_flight = record(InFlight, **of_step, slot=slots)
    member = draw(st.one_of(record(Waiting, **of_step), in_flight, record(Finished, **of_step)))
    if not isinstance(member, InFlight) and member.run is not None:
        member = replace(member, run=replace(member.run, disarmed=True))
    return (
        rollout,
        step,
        member,
        draw(record(PendingPatch).filter(lambda pending: not pending.empty)),
    )
