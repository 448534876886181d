"""Each invariant is broken once, and noticed."""

import pytest
from msgspec.structs import replace

from ibgu.sim.timeline import StageRun
from tests.chaos.invariants import Event, Record, breaches


def event(kind: str, cluster: str | None = None, **data: object) -> Event:
    return Event(kind, cluster, cluster and f"run-{cluster}", {"action": "Prep", **data})


def good() -> Record:
    """Two clusters, one after the other; the second one fails."""
    events = [
        event("StepStarted", max_concurrency=1, actions=["Prep"]),
        event("RunAccepted", "one"),
        event("RunEnded", "one", result="succeeded"),
        event("RunEnded", "two", result="failed"),
    ]
    clusters = {
        "one": [StageRun("Prep", 1, 1, 2, "completed")],
        "two": [StageRun("Prep", 2, 2, 3, "failed")],
    }
    return Record(events, clusters, {"one": {"prep-completed": ""}, "two": {"prep-failed": ""}})


def at_the_cluster(*happened: StageRun) -> Record:
    return replace(good(), clusters={**good().clusters, "two": happened})


def with_labels(**labels: str) -> Record:
    named = {name.replace("_", "-"): value for name, value in labels.items()}
    return replace(good(), labels={**good().labels, "two": named})


def finalized() -> Record:
    """A history that ends with a finalized cluster, which still has a label of before."""
    end = event("RunEnded", "one", action="FinalizeUpgrade", result="succeeded")
    clusters = {
        "one": [*good().clusters["one"], StageRun("Finalize", 4, 4, 5, "completed")],
        "two": good().clusters["two"],
    }
    again = replace(end, run="run-finalize")
    return replace(good(), events=[*good().events, again], clusters=clusters)


def test_nothing_is_wrong_with_a_good_record() -> None:
    assert breaches(good()) == []


PREP = StageRun("Prep", 2, 2, 3, "failed")


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (at_the_cluster(), "two went through [], the history has ['Prep']"),
        (
            at_the_cluster(PREP, replace(PREP, requested=3, ended=4)),
            "two went through ['Prep', 'Prep']",
        ),
        (at_the_cluster(PREP, replace(PREP, stage="Abort")), "went through ['Prep', 'Abort']"),
        (at_the_cluster(replace(PREP, requested=1.5)), "2 clusters were in Prep at the same time"),
        (with_labels(), "two has the labels {}, its outcomes make {'prep-failed': ''}"),
        (with_labels(prep_completed="", prep_failed=""), "two has the labels {'prep-completed'"),
        (finalized(), "one has the labels {'prep-completed': ''}, its outcomes make {}"),
    ],
)
def test_a_breach_is_reported(record: Record, words: str) -> None:
    (found,) = breaches(record)
    assert words in found
