"""Each invariant is broken once, and noticed."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from ibgu.sim.timeline import StageRun
from tests.chaos.invariants import Event, Record, breaches

R = "rollout"
MEMBER = {"state": "in flight"}


def event(
    seq: int, kind: str, cluster: str | None = None, run: str | None = None, **data: object
) -> Event:
    return Event(
        seq=seq, at=float(seq), kind=kind, rollout=R, step=0, cluster=cluster, run=run, data=data
    )


def life(seq: int, cluster: str, slot: int) -> list[Event]:
    """Of one member, in five events from `seq` on."""
    run = f"run-{cluster}"
    told = {**MEMBER, "slot": slot, "action": "Prep", "disarmed": False}
    return [
        event(seq, "RunIntended", cluster, run, **told),
        event(seq + 1, "RunAccepted", cluster, run, **told),
        event(seq + 2, "RunEnded", cluster, run, **told, result="succeeded"),
        event(seq + 3, "RunDisarmed", cluster, run, **{**told, "disarmed": True}),
        event(seq + 4, "MemberFinished", cluster, state="finished", outcome="succeeded"),
    ]


def good() -> Record:
    """Two clusters, one after the other."""
    events = [
        event(1, "RolloutSeen"),
        event(2, "StepStarted", max_concurrency=1, total=2, actions=["Prep"]),
        *life(3, "one", 1),
        *life(8, "two", 1),
        event(13, "RolloutCompleted"),
    ]
    clusters = {
        "one": [StageRun("Prep", 4, 4, 5, "completed")],
        "two": [StageRun("Prep", 9, 9, 10, "completed")],
    }
    return Record(events, clusters, {name: {"prep-completed": ""} for name in clusters})


def with_events(change: Callable[[list[Event]], list[Event]]) -> Record:
    """Numbered anew, so that only one thing is wrong."""
    record = good()
    changed = change(list(record.events))
    return replace(record, events=[replace(e, seq=n) for n, e in enumerate(changed, 1)])


def without(kind: str) -> Record:
    return with_events(lambda events: [event for event in events if event.kind != kind])


def test_nothing_is_wrong_with_a_good_record() -> None:
    assert breaches(good()) == []


def test_a_missing_event() -> None:
    record = good()
    gap = replace(record, events=record.events[1:])
    assert any("stands where event 1 should" in breach for breach in breaches(gap))


def side_by_side() -> Record:
    """Both at the same time, in the history as at the clusters."""

    def shuffle(events: list[Event]) -> list[Event]:
        one, two = events[2:7], events[7:12]
        two = [replace(e, data={**e.data, "slot": 2} if "slot" in e.data else e.data) for e in two]
        mixed = [event for pair in zip(one, two, strict=True) for event in pair]
        timed = [replace(event, at=3.0 + number) for number, event in enumerate(mixed)]
        return [*events[:2], *timed, events[12]]

    record = with_events(shuffle)
    clusters = {**record.clusters, "two": [StageRun("Prep", 4.5, 4.5, 6, "completed")]}
    return replace(record, clusters=clusters)


def same_slot() -> Record:
    record = side_by_side()
    events = [
        replace(e, data={**e.data, "slot": 1} if "slot" in e.data else e.data)
        for e in record.events
    ]
    return replace(record, events=events)


def again(kind: str) -> Record:
    return with_events(
        lambda events: [copy for e in events for copy in ([e, e] if e.kind == kind else [e])]
    )


def another_run() -> Record:
    """The first cluster goes through all of it a second time."""
    record = with_events(
        lambda events: [
            *events[:6],
            *(replace(event, run="run-again") for event in events[2:6]),
            *events[6:],
        ]
    )
    return replace(record, clusters={**record.clusters, "one": [*record.clusters["one"]] * 2})


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (side_by_side(), "slot 2 is beyond 1"),
        (side_by_side(), "2 clusters were in Prep at the same time, 1 are allowed"),
        (same_slot(), "slot 1 is held by one"),
        (without("RunIntended"), "no intent before it"),
        (again("RunAccepted"), "comes after RunAccepted"),
        (again("MemberFinished"), "has ended 2 times"),
        (without("MemberFinished"), "2 members, and 0 have ended"),
        (without("RolloutCompleted"), "has not come to its end"),
        (another_run(), "was taken in run run-one before"),
        (replace(good(), clusters={"one": [], "two": good().clusters["two"]}), "went through []"),
        (replace(good(), labels={"one": {}, "two": {"prep-completed": ""}}), "has the labels {}"),
    ],
)
def test_a_breach_is_told(record: Record, words: str) -> None:
    assert any(words in breach for breach in breaches(record)), breaches(record)
