"""R9: the wanted state of a work; writing it settles the matter."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from msgspec.structs import replace

from ibgu.core.drivers.ibu import IBU
from ibgu.core.engine.works import DesiredWork, desired_work_of, stage_body, stage_patch, view_work
from ibgu.core.model import Member, MemberState, Probe, Run, RunResult, RunState, WorkView
from ibgu.core.model.kinds import ManifestWork, ObjectMeta
from tests.core.drivers.ibu.works.samples import ROLLOUT, member, probe, run, view
from tests.members import changed_member

LIMIT = member(run()).limit
WITHDRAWN = replace(run(state=RunState.ENDED), result=RunResult.WITHDRAWN)
NOTHING = view()
ON_HUB = [RunState.ARMING, RunState.ARMED]
NOT_ON_HUB = [RunState.INTENDED, RunState.ACCEPTED, RunState.ENDED]


@pytest.mark.parametrize("state", ON_HUB)
def test_a_run_on_the_hub_is_armed(state: RunState) -> None:
    asked = member(run(state=state))
    expected = DesiredWork(armed=True, run=asked.run, limit=LIMIT)
    assert desired_work_of(asked, None) == expected
    assert desired_work_of(asked, NOTHING) == expected
    assert desired_work_of(asked, view(armed=True, run="r0")) == expected
    assert desired_work_of(asked, view(armed=True, run="r1")) is None


@pytest.mark.parametrize("state", NOT_ON_HUB)
def test_a_work_armed_for_a_run_not_on_the_hub_is_disarmed(state: RunState) -> None:
    asked = member(run(state=state))
    assert desired_work_of(asked, view(armed=True, run="r1")) == DesiredWork(
        armed=False, run=asked.run, limit=LIMIT
    )
    assert desired_work_of(asked, NOTHING) is None
    assert desired_work_of(asked, None) is None


def test_a_probe_is_sent_once() -> None:
    asked = member(look_=probe())
    expected = DesiredWork(armed=False, probe=probe())
    assert desired_work_of(asked, None) == expected
    assert desired_work_of(asked, view(probe="l0")) == expected
    assert desired_work_of(asked, view(probe="l1")) is None


def test_an_armed_work_is_not_rewritten_for_a_probe() -> None:
    assert (
        desired_work_of(member(run(), probe("l2")), view(armed=True, run="r1", probe="l1")) is None
    )


def test_disarming_sends_the_probe_in_the_same_write() -> None:
    found = desired_work_of(
        member(run(state=RunState.ENDED), probe("l2")), view(armed=True, run="r1")
    )
    assert found is not None
    assert (found.armed, found.probe) == (False, probe("l2"))


def test_nobody_decides_for_it() -> None:
    assert desired_work_of(None, None) is None
    assert desired_work_of(None, NOTHING) is None
    assert desired_work_of(None, view(armed=True, run="r1")) == DesiredWork(armed=False)


@pytest.mark.parametrize("asked", [None, member(run()), member(look_=probe())])
def test_a_terminating_work_is_never_written_to(asked: Member | None) -> None:
    assert desired_work_of(asked, view(armed=True, terminating=True)) is None


def test_edited_by_hand_is_not_undone_by_itself() -> None:
    assert desired_work_of(member(run()), view(armed=True, run="r1", edited=True)) is None


RUNS = st.none() | st.builds(run, st.sampled_from(["r1", "r2"]), st.sampled_from(RunState))
LOOKS = st.none() | st.sampled_from([probe("l1"), probe("l2")])
VIEWS = st.none() | st.builds(
    view,
    generation=st.integers(1, 9),
    armed=st.booleans(),
    run=st.sampled_from(["", "r1", "r2"]),
    probe=st.sampled_from(["", "l1", "l2"]),
    edited=st.booleans(),
)


def written(wanted: DesiredWork, current: WorkView | None) -> WorkView:
    """Returns what the hub shows after the write, by its own rules for merge patches."""
    if current is None:
        body = json.decode(stage_body(IBU, wanted, ROLLOUT, "site-1", watch=True))
        marks, generation = body["metadata"]["annotations"], 1
    else:
        patch = json.decode(stage_patch(IBU, wanted, ROLLOUT, current, watch=True))
        before = {"ibgu.dev/run": current.run, "ibgu.dev/probe": current.probe}
        merged = {**before, **patch["metadata"]["annotations"]}
        marks = {key: value for key, value in merged.items() if value is not None}
        generation = current.generation + 1
    return view_work(
        IBU, ManifestWork(ObjectMeta(name="w", generation=generation, annotations=marks))
    )


@given(run_=RUNS, look_=LOOKS, current=VIEWS)
def test_one_write_is_enough(
    run_: Run | None, look_: Probe | None, current: WorkView | None
) -> None:
    asked = member(run_, look_)
    wanted = desired_work_of(asked, current)
    if wanted is None:
        return
    shown = written(wanted, current)
    assert not shown.edited
    assert wanted.shown_by(shown)
    assert desired_work_of(asked, shown) is None
    assert shown.armed == bool(run_ and run_.on_hub)


@given(current=VIEWS)
def test_one_write_is_enough_when_nobody_decides(current: WorkView | None) -> None:
    wanted = desired_work_of(None, current)
    if wanted is not None:
        shown = written(wanted, current)
        assert not shown.armed
        assert not shown.edited
        assert desired_work_of(None, shown) is None


AFTER = "r7"
"""A restore that the rollout went through; `view()` is from before it."""


@pytest.mark.parametrize("state", [RunState.ACCEPTED, RunState.ENDED])
def test_a_work_from_before_a_restore_is_rewritten_once(state: RunState) -> None:
    asked = member(run(state=state))
    expected = DesiredWork(armed=False, run=asked.run, limit=LIMIT, restore=AFTER)
    assert desired_work_of(asked, NOTHING, AFTER) == expected
    assert desired_work_of(asked, view(restore=AFTER), AFTER) is None
    assert not expected.shown_by(NOTHING)
    assert expected.shown_by(view(restore=AFTER))


@pytest.mark.parametrize(
    ("of", "anew"),
    [
        ({"state": MemberState.WAITING, "run": None}, False),
        ({"state": MemberState.WAITING, "run": WITHDRAWN}, True),
        ({"state": MemberState.WAITING, "run": replace(WITHDRAWN, arming_at=None)}, False),
        ({"state": MemberState.FINISHED, "run": run(state=RunState.ENDED)}, False),
        ({"state": MemberState.FINISHED, "run": WITHDRAWN, "watched": True}, True),
    ],
)
def test_only_where_the_cluster_matters(of: dict[str, Any], *, anew: bool) -> None:
    """The others are checked when their turn comes."""
    found = desired_work_of(changed_member(member(), **of), NOTHING, AFTER)
    assert (found is not None) == anew


def test_the_mark_of_a_restore_stands_on_the_work() -> None:
    found = desired_work_of(member(run(state=RunState.ACCEPTED)), NOTHING, AFTER)
    assert found is not None
    work = json.decode(stage_patch(IBU, found, ROLLOUT, NOTHING, watch=True))
    assert work["metadata"]["annotations"]["ibgu.dev/restore"] == AFTER
