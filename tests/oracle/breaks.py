"""Ways to break a log: an event is dropped, moved, repeated or changed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from tests.oracle import Event

Log = list[Event]
Break = Callable[[Log], Log]


def place(log: Log, kind: str, cluster: str | None = None, nth: int = 0) -> int:
    found = [
        number
        for number, event in enumerate(log)
        if event.kind == kind and (cluster is None or event.cluster == cluster)
    ]
    return found[nth]


def drop(kind: str, cluster: str | None = None, nth: int = 0) -> Break:
    def broken(log: Log) -> Log:
        at = place(log, kind, cluster, nth)
        return log[:at] + log[at + 1 :]

    return broken


def again(kind: str, cluster: str | None = None, nth: int = 0, **changes: Any) -> Break:
    """The event comes a second time, at the end."""

    def broken(log: Log) -> Log:
        event = log[place(log, kind, cluster, nth)]
        last = log[-1]
        return [*log, replace(event, **{"seq": last.seq + 1, "at": last.at, **changes})]

    return broken


def early(kind: str, cluster: str | None = None, nth: int = 0, *, before: str) -> Break:
    """The event comes right before the first one of another kind."""

    def broken(log: Log) -> Log:
        at = place(log, kind, cluster, nth)
        event, rest = log[at], log[:at] + log[at + 1 :]
        to = place(rest, before)
        return numbered([*rest[:to], replace(event, at=rest[to].at), *rest[to:]])

    return broken


def tells(kind: str, cluster: str | None = None, nth: int = 0, **data: Any) -> Break:
    """The event's data say something else; None takes a value out."""

    def broken(log: Log) -> Log:
        at = place(log, kind, cluster, nth)
        merged = {name: v for name, v in {**log[at].data, **data}.items() if v is not None}
        return [*log[:at], replace(log[at], data=merged), *log[at + 1 :]]

    return broken


def shows(kind: str, of: str, nth: int = 0, /, **seen: dict[str, Any]) -> Break:
    """Returns a break that changes what was seen with the event."""

    def broken(log: Log) -> Log:
        event = log[place(log, kind, of, nth)]
        was = event.data["seen"]
        now = {part: {**was.get(part, {}), **values} for part, values in seen.items()}
        return tells(kind, of, nth, seen={**was, **now})(log)

    return broken


def has(kind: str, cluster: str | None = None, nth: int = 0, /, **fields: Any) -> Break:
    def broken(log: Log) -> Log:
        at = place(log, kind, cluster, nth)
        return [*log[:at], replace(log[at], **fields), *log[at + 1 :]]

    return broken


def held(hold: str, kind: str, nth: int = 0) -> Break:
    """The rollout is held right before the event."""

    def broken(log: Log) -> Log:
        at = place(log, kind, None, nth)
        data = {**log[0].data, "state": "running", "hold": hold, "hold_who": "person"}
        event = replace(log[0], kind="RolloutHeld", at=log[at].at, data=data)
        return numbered([*log[:at], event, *log[at:]])

    return broken


def step_held(hold: str, kind: str, cluster: str, nth: int = 0) -> Break:
    """The step is held right before the event."""

    def broken(log: Log) -> Log:
        at = place(log, kind, cluster, nth)
        data = {"state": "running", "hold": hold, "hold_who": "person"}
        event = replace(log[at], kind="StepHeld", data=data, cluster=None, cluster_uid=None)
        return numbered([*log[:at], event, *log[at:]])

    return broken


def unheld(log: Log) -> Log:
    """No hold of a step was ever noted."""
    kept = [each for each in log if each.kind not in ("StepHeld", "StepReleased")]
    return numbered([_without_hold(each) if each.cluster is None else each for each in kept])


def _without_hold(event: Event) -> Event:
    data = {name: value for name, value in event.data.items() if not name.startswith("hold")}
    return replace(event, data=data)


def at_once(kind: str, cluster: str) -> Break:
    """The event comes a second time, right after the first."""

    def broken(log: Log) -> Log:
        at = place(log, kind, cluster)
        return numbered([*log[: at + 1], log[at], *log[at + 1 :]])

    return broken


def sooner(kind: str, cluster: str, **time: int) -> Break:
    def broken(log: Log) -> Log:
        at = place(log, kind, cluster)
        return [*log[:at], replace(log[at], at=log[at].at - timedelta(**time)), *log[at + 1 :]]

    return broken


def later(kind: str, cluster: str, nth: int = 0, **time: int) -> Break:
    def broken(log: Log) -> Log:
        at = place(log, kind, cluster, nth)
        return [*log[:at], replace(log[at], at=log[at].at + timedelta(**time)), *log[at + 1 :]]

    return broken


def both(first: Break, second: Break) -> Break:
    return lambda log: second(first(log))


def numbered(log: Log) -> Log:
    return [replace(event, seq=number) for number, event in enumerate(log, 1)]
