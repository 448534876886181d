"""The counts of a rollout over all its steps: each cluster once, with one meaning."""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import to_builtins

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model import (
    Cause,
    Member,
    MemberState,
    Outcome,
    Rollout,
    StepState,
)
from ibgu.core.model.counts import (
    ClusterPosition,
    Counts,
    RolloutSteps,
    StepVisit,
    counts_of_places,
    course_of,
    places_of,
    progress_of,
)
from tests.core.engine.state.records import NOW, book_of, failed, member, rollout, spec, step

PLANS = (
    ("Prep",),
    ("Prep", "Upgrade"),
    ("Prep", "Abort"),
    ("Prep", "AbortOnFailure"),
    ("Prep", "AbortOnFailure", "Upgrade", "AbortOnFailure", "FinalizeUpgrade"),
    ("AbortOnFailure",),
    ("Abort",),
    ("Upgrade FinalizeUpgrade",),
)
STATES = ("waiting", "running", "succeeded", "failed", "late", "skipped", "cancelled")


def became(state: str, index: int, cluster: str = "site-1", **changes: Any) -> Member:
    """A member of the step with that index."""
    fields: dict[str, Any] = {"step": index, **changes}
    match state:
        case "waiting":
            return member(cluster, **fields)
        case "running":
            return member(cluster, state=MemberState.IN_FLIGHT, limit=NOW, **fields)
        case "failed":
            return failed(cluster, **fields)
        case "late":
            return failed(cluster, late="completed late, after 47 min", **fields)
    return member(cluster, state=MemberState.FINISHED, outcome=Outcome(state), **fields)


def counted(plan: tuple[str, ...], *states: str, opened: int = 0, **changes: Any) -> dict[str, int]:
    """Returns the counts of one cluster; a state of "" is a step that it is no member of."""
    steps = [
        step(actions, index=index, state=StepState.FINISHED)
        for index, actions in enumerate(plan[: max(opened, len(states))])
    ]
    members = [became(state, index) for index, state in enumerate(states) if state]
    found = book_of(rollout(spec=spec(*plan), **changes), steps, members).counts
    return {name: number for name, number in to_builtins(found).items() if number}


LONG = ("Prep", "AbortOnFailure", "Upgrade", "AbortOnFailure", "FinalizeUpgrade")


@pytest.mark.parametrize(
    ("plan", "states", "where"),
    [
        (("Prep",), ["waiting"], "waiting"),
        (("Prep",), ["running"], "running"),
        (("Prep",), ["succeeded"], "succeeded"),
        (("Prep",), ["failed"], "failed"),
        (("Prep",), ["late"], "succeeded"),
        (("Prep",), ["skipped"], "skipped"),
        (("Prep",), ["cancelled"], "cancelled"),
        (("Prep", "Upgrade"), ["succeeded"], "waiting"),
        (("Prep", "Upgrade"), ["late"], "waiting"),
        (("Prep", "Upgrade"), ["failed"], "failed"),
        (("Prep", "Upgrade"), ["succeeded", "waiting"], "waiting"),
        (("Prep", "Upgrade"), ["succeeded", "running"], "running"),
        (("Prep", "Upgrade"), ["succeeded", "succeeded"], "succeeded"),
        (("Prep", "Upgrade"), ["succeeded", "failed"], "failed"),
        (("Prep", "Upgrade"), ["succeeded", ""], "skipped"),
        (("Prep", "Upgrade"), ["late", ""], "failed"),
        (("Prep", "Upgrade"), ["failed", ""], "failed"),
        (("Prep", "Upgrade"), ["failed", "succeeded"], "succeeded"),
        (("Prep", "AbortOnFailure"), ["succeeded"], "succeeded"),
        (("Prep", "AbortOnFailure"), ["succeeded", ""], "succeeded"),
        (("Prep", "AbortOnFailure"), ["failed", "running"], "failed"),
        (("Prep", "AbortOnFailure"), ["failed", "succeeded"], "failed"),
        (("Prep", "AbortOnFailure"), ["skipped", "succeeded"], "skipped"),
        (("Prep", "AbortOnFailure"), ["late", "waiting"], "waiting"),
        (("Prep", "AbortOnFailure"), ["late", "running"], "running"),
        (("Prep", "AbortOnFailure"), ["late", "failed"], "succeeded"),
        (("Prep", "AbortOnFailure"), ["late", "skipped"], "succeeded"),
        (("Prep", "AbortOnFailure"), ["late", "cancelled"], "succeeded"),
        (("Prep", "AbortOnFailure"), ["succeeded", "failed"], "failed"),
        (("AbortOnFailure",), ["failed"], "failed"),
        (LONG, ["late", "failed"], "waiting"),
        (LONG, ["late", "failed", ""], "failed"),
        (LONG, ["late", "failed", "succeeded"], "waiting"),
        (LONG, ["late", "failed", "late", "failed"], "waiting"),
        (LONG, ["succeeded"], "waiting"),
        (LONG, ["succeeded", "", "succeeded"], "waiting"),
        (LONG, ["succeeded", "", "succeeded", "", "succeeded"], "succeeded"),
        (LONG, ["failed", "succeeded", "", "", ""], "failed"),
        (LONG, ["succeeded", "succeeded"], "waiting"),
        (LONG, ["succeeded", "succeeded", ""], "skipped"),
        (("Prep", "Abort"), ["succeeded", "running"], "running"),
        (("Prep", "Abort"), ["succeeded", "succeeded"], "succeeded"),
        (("Prep", "Abort"), ["failed", "succeeded"], "failed"),
        (("Prep", "Abort"), ["late", "failed"], "failed"),
        (("Prep", "Abort"), ["late", "skipped"], "skipped"),
        (("Prep", "AbortOnFailure", "Abort"), ["late", "failed", "skipped"], "skipped"),
        (("Prep", "AbortOnFailure", "Abort"), ["late", "failed"], "waiting"),
        (("AbortOnFailure",), ["succeeded"], "succeeded"),
        (("Abort",), ["failed"], "failed"),
    ],
)
def test_a_cluster_is_counted_once_by_its_states(
    plan: tuple[str, ...], states: list[str], where: str
) -> None:
    assert counted(plan, *states) == {"total": 1, where: 1}


def test_a_member_waiting_in_a_deleted_rollout_counts_as_cancelled() -> None:
    assert counted(("Prep", "Upgrade"), "succeeded", deleted_at=NOW) == {"total": 1, "cancelled": 1}
    assert counted(("Prep",), "succeeded", deleted_at=NOW) == {"total": 1, "succeeded": 1}


def test_a_step_that_opens_leaves_nobody_out_yet() -> None:
    steps = [step(state=StepState.FINISHED), step("Upgrade", index=1, state=StepState.OPENING)]
    tracked = book_of(rollout(spec=spec("Prep", "Upgrade")), steps, [became("succeeded", 0)])
    assert tracked.counts == Counts(total=1, waiting=1)


def test_a_step_that_clusters_are_joining_leaves_nobody_out_yet() -> None:
    steps = [step(), step("Upgrade", index=1, total=2)]
    members = [became("succeeded", 0, name) for name in ("site-1", "site-2")]
    tracked = book_of(rollout(spec=spec("Prep", "Upgrade")), steps, members)
    assert tracked.counts == Counts(total=2, waiting=2)
    tracked.steps[1].put(became("running", 1, "site-1"))
    assert tracked.counts == Counts(total=2, waiting=1, running=1)


def test_a_cluster_recreated_between_two_steps_counts_as_another() -> None:
    steps = [step(), step("Upgrade", index=1)]
    members = [failed(cause=Cause.GONE), became("succeeded", 1, uid="uid-new")]
    tracked = book_of(rollout(spec=spec("Prep", "Upgrade")), steps, members)
    assert tracked.counts == Counts(total=2, failed=1, succeeded=1)


def test_a_removed_member_is_not_counted() -> None:
    tracked = book_of(rollout(spec=spec("Prep")), [step()], [became("running", 0)])
    assert tracked.counts == Counts(total=1, running=1)
    tracked.steps[0].remove("site-1")
    assert tracked.counts == Counts()


def test_before_the_first_step_nobody_is_counted() -> None:
    assert book_of(rollout(spec=spec("Prep"))).counts == Counts()


def recounted(tracked: TrackedRollout) -> Counts:
    """Counts again from nothing but the members."""
    visits: list[StepVisit] = []
    for each in tracked.steps:
        for found in each.members.values():
            progress = progress_of(found.state, found.outcome, found.late)
            place = ClusterPosition(each.step.index, progress)
            visits.append(StepVisit((found.cluster, found.uid), each.step.first, place))
    places = Counter(places_of(visits))
    return counts_of_places(
        places, course_of(tracked.rollout, [each.step for each in tracked.steps])
    )


def parts(counts: Counts) -> int:
    found: dict[str, int] = to_builtins(counts)
    return sum(found.values()) - counts.total


rollouts = st.sampled_from(PLANS).map(lambda plan: rollout(spec=spec(*plan)))
members = st.lists(
    st.builds(
        became,
        st.sampled_from(STATES),
        st.integers(0, 4),
        st.sampled_from(["site-1", "site-2", "site-3"]),
        uid=st.sampled_from(["uid-1", "uid-2"]),
    )
)


@given(rollouts, st.lists(members, min_size=1, max_size=4))
def test_counts_follow_every_change_and_every_change_taken_back(
    of: Rollout, turns: list[list[Member]]
) -> None:
    tracked = book_of(of)
    for index, item in enumerate(of.spec.plan):
        tracked.open(step(" ".join(item.actions), index=index))
        for turn in turns:
            known = tracked.counts
            its = [each for each in turn if each.step <= index]
            with ExitStack() as undo:
                for each in its:
                    undo.callback(put(tracked, each))
                assert tracked.counts == recounted(tracked)
                assert parts(tracked.counts) == tracked.counts.total
            assert tracked.counts == known == recounted(tracked)
            for each in its:
                put(tracked, each)
            assert tracked.counts == recounted(tracked)


def put(tracked: TrackedRollout, each: Member) -> Callable[[], object]:
    """Puts the member, whatever it was before, and returns the undo."""
    its_step = tracked.steps[each.step]
    before = its_step.put(each)
    if before is None:
        return partial(its_step.remove, each.cluster)
    return partial(its_step.put, before)


def test_actions_that_follow_in_one_step_do_not_make_it_a_clean_up() -> None:
    steps = [step("Upgrade FinalizeUpgrade")]
    tracked = book_of(rollout(), steps, [became("failed", 0, failed_action=Action.UPGRADE)])
    assert tracked.counts == Counts(total=1, failed=1)


def test_a_plan_may_name_actions_that_no_kind_has() -> None:
    """The hub's schema may let them pass; the rollout is held, and its counts are shown."""
    assert RolloutSteps(plan=("Nope",), begun=()).more
    assert RolloutSteps(plan=("Prep", "prep"), begun=("Prep",)).more
    assert not RolloutSteps(plan=("Prep", "AbortOnFailure"), begun=("Prep",)).more
