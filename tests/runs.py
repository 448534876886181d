"""Runs in any state, for tests that name the state among the fields."""

from datetime import datetime
from typing import Any

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Accepted, Armed, Arming, Ended, Intended, Run, RunResult, RunState

_TYPES: dict[RunState, type[Run]] = {
    each.state: each for each in (Intended, Arming, Armed, Accepted, Ended)
}
_FIELDS = Ended.__struct_fields__


def run_of(
    state: RunState, *, id: str, action: Action, attempt: int, intended_at: datetime, **fields: Any
) -> Run:
    """Returns a run in the state; what the state does not know is left out of the fields, and what
    it must know is as of the intent."""
    known: dict[str, Any] = {
        "arming_at": intended_at,
        "armed_at": intended_at,
        "ended_at": intended_at,
        "result": RunResult.FAILED,
    }
    kind = _TYPES[state]
    needed = set(kind.__struct_fields__) & set(known)
    optional = {"arming_at", "armed_at"} if state in (RunState.ACCEPTED, RunState.ENDED) else set()
    given = {name: known[name] for name in needed - optional}
    given |= {name: fields[name] for name in set(fields) & set(kind.__struct_fields__)}
    return kind(id=id, action=action, attempt=attempt, intended_at=intended_at, **given)


def changed(run: Run, **changes: Any) -> Run:
    """Returns the run with changes, which may name another state."""
    fields = {name: getattr(run, name) for name in ("state", *_FIELDS)} | changes
    known = {"state", *_TYPES[fields["state"]].__struct_fields__}
    unknown = [name for name, value in changes.items() if name not in known and value is not None]
    assert unknown == [], f"a run that is {fields['state']} has no {unknown}"
    return run_of(**{name: value for name, value in fields.items() if not _missing(name, value)})


def _missing(name: str, value: object) -> bool:
    return value is None and name in ("arming_at", "armed_at", "ended_at", "result")
