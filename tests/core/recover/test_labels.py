"""Labels and annotations that a restored hub has lost."""

from collections.abc import Iterable
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.actions import UpdateAction
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import (
    Cause,
    Change,
    ClusterView,
    CompletedAction,
    Member,
    OnPendingPatch,
    PendingPatch,
    RunResult,
    RunState,
    Step,
    names,
)
from ibgu.core.recover import lost
from tests.core.engine.state.records import NOW, done, failed, in_flight, member, rollout, run, step
from tests.core.recover.objects import cluster, newest_to_act, track

P, U, F = Action.PREP, Action.UPGRADE, Action.FINALIZE_UPGRADE
CHECK: Any = UpdateAction.CHECK
PREFIX = "lcm.openshift.io/ibgu-"
BY = {names.DISABLE_AUTO_IMPORT: "true", names.AUTO_IMPORT_BY: "uid-a"}


def patches(view: ClusterView | None, *parts: Step | Member) -> Iterable[OnPendingPatch]:
    tracked_rollouts = [track(rollout(), *parts)]
    return list(lost(tracked_rollouts, {}, lambda name: view, newest_to_act(tracked_rollouts)))


def labels(view: ClusterView, *parts: Step | Member) -> dict[str, tuple[str | None, str | None]]:
    """Key without its prefix -> as the hub shows it, as it is to be."""
    return {
        key.removeprefix(PREFIX): (change.seen, change.wanted)
        for decision in patches(view, *parts)
        for key, change in decision.pending.labels.items()
    }


def late_in_a_chain() -> Member:
    """Returns a member whose Prep was completed after the limit; Upgrade never began."""
    completed = (CompletedAction(P, NOW, "completed late, after 60 min"),)
    found = failed("site-1", P, cause=Cause.NEVER_STARTED, result=RunResult.LIMIT)
    return replace(found, failed_action=U, completed=completed)


def second(actions: str = "Upgrade") -> Step:
    return step(actions, 1)


@pytest.mark.parametrize(
    ("view", "parts", "expected"),
    [
        (cluster("site-1"), [done("site-1", P)], {"prep-completed": (None, "")}),
        (cluster("site-1", prep_completed=""), [done("site-1", P)], {}),
        (
            cluster("site-1", prep_failed=""),
            [done("site-1", P)],
            {"prep-failed": ("", None), "prep-completed": (None, "")},
        ),
        (cluster("site-1"), [failed("site-1", P)], {"prep-failed": (None, "")}),
        (cluster("site-1"), [failed("site-1", P, result=RunResult.TAKEN_OVER)], {}),
        (cluster("site-1"), [member("site-1")], {}),
        (
            cluster("site-1"),
            [step("Prep Upgrade"), late_in_a_chain()],
            {"prep-completed": (None, "")},
        ),
        (
            cluster("site-1", prep_completed=""),
            [second(), done("site-1", P), done("site-1", U, step=1)],
            {"upgrade-completed": (None, "")},
        ),
        (
            cluster("site-1", prep_completed="", prep_failed=""),
            [second("FinalizeUpgrade"), done("site-1", P), done("site-1", F, step=1)],
            {"prep-completed": ("", None), "prep-failed": ("", None)},
        ),
    ],
)
def test_lost_labels_are_restored(
    view: ClusterView, parts: list[Step | Member], expected: dict[str, tuple[str | None, str]]
) -> None:
    assert labels(view, step(), *parts) == expected


@pytest.mark.parametrize("view", [None, cluster("site-1", "uid-new")])
def test_a_cluster_that_is_gone_or_another_one_has_nothing_pending(
    view: ClusterView | None,
) -> None:
    assert patches(view, step(), done("site-1", P)) == []


UPGRADING = in_flight(run=run(U, id="run-u"))
WATCHED = failed("site-1", U, watched=True)
OLDER = done("site-1", U, rollout="uid-x")
OVER = failed("site-1", U, result=RunResult.TAKEN_OVER)
NEVER_ARMED = in_flight(run=run(U, state=RunState.INTENDED, arming_at=None, armed_at=None))


@pytest.mark.parametrize(
    ("of", "shown", "expected"),
    [
        (UPGRADING, {}, BY),
        (UPGRADING, BY, {}),
        (UPGRADING, {names.DISABLE_AUTO_IMPORT: ""}, {}),
        (UPGRADING, {**BY, names.AUTO_IMPORT_BY: "uid-b"}, {names.AUTO_IMPORT_BY: "uid-a"}),
        (WATCHED, {**BY, names.AUTO_IMPORT_BY: "uid-b"}, {}),
        (NEVER_ARMED, {}, {}),
        (in_flight(), {}, {}),
        (WATCHED, {}, BY),
        (OVER, BY, dict.fromkeys(BY)),
        (OVER, {**BY, names.AUTO_IMPORT_BY: "uid-b"}, {}),
        (OVER, {}, {}),
    ],
)
def test_a_lost_auto_import_annotation_is_restored(
    of: Member, shown: dict[str, str], expected: dict[str, str | None]
) -> None:
    """Off while an Upgrade runs or is watched, and given back after it (R14.3)."""
    view = ClusterView(
        name="site-1",
        uid="uid-site-1",
        accepted=True,
        deleting=False,
        reachable=True,
        local=False,
        labels={f"{PREFIX}upgrade-failed": ""},
        annotations=shown,
    )
    found = [decision.pending for decision in patches(view, step("Upgrade"), of)]
    assert {
        key: c.wanted for pending in found for key, c in pending.annotations.items()
    } == expected


def test_the_newest_rollout_that_acted_on_the_cluster_speaks_for_it() -> None:
    older = track(rollout(), step(), done("site-1", P))
    newer = rollout("b", created_at=NOW.replace(hour=13))
    acted = track(
        newer, step("Abort", rollout="uid-b"), done("site-1", Action.ABORT, rollout="uid-b")
    )
    waits = track(newer, step("Abort", rollout="uid-b"), member("site-1", rollout="uid-b"))
    view = cluster("site-1")
    known = newest_to_act([acted, older])
    assert list(lost([acted, older], {}, lambda _: view, known)) == []
    (decision,) = lost([waits, older], {}, lambda _: view, newest_to_act([waits, older]))
    assert decision.pending.rollout == "uid-a"


def test_an_older_rollout_does_not_speak_for_one_that_was_not_loaded() -> None:
    """The newest one is deleted and over: what it removed must not come back."""
    older = track(rollout(), step(), failed("site-1", P))
    newest = {("site-1", names.IBGU): "uid-b"}
    assert list(lost([older], {}, cluster, newest)) == []


@pytest.mark.parametrize("loaded", [True, False])
def test_automatic_import_that_an_older_rollout_had_turned_off_comes_back(*, loaded: bool) -> None:
    """The backup is from its Upgrade; another one has rolled the cluster back since."""
    older = track(rollout(), step("Upgrade"), done("site-1", U))
    newer = rollout("b", created_at=NOW.replace(hour=13))
    back = done("site-1", Action.ROLLBACK, rollout="uid-b")
    acted = track(newer, step("Rollback", rollout="uid-b"), back)
    view = replace(cluster("site-1", rollback_completed=""), annotations=BY)
    known = newest_to_act([acted, older])
    (decision,) = lost([acted, older] if loaded else [older], {}, lambda _: view, known)
    found = {key: change.wanted for key, change in decision.pending.annotations.items()}
    assert found == dict.fromkeys(BY)
    assert decision.pending.labels == {}


def test_automatic_import_stays_off_for_the_upgrade_of_an_older_rollout() -> None:
    """The end of the Upgrade is not known yet; the newer rollout has acted there before."""
    older = track(rollout(), step("Upgrade"), in_flight("site-1", run=run(U)))
    newer = rollout("b", created_at=NOW.replace(hour=13))
    before = track(newer, step(rollout="uid-b"), failed("site-1", P, rollout="uid-b"))
    view = replace(cluster("site-1", prep_failed=""), annotations=BY)
    newest = {("site-1", names.IBGU): "uid-b"}
    assert list(lost([before, older], {}, lambda _: view, newest)) == []


@pytest.mark.parametrize("since", [True, False])
def test_a_failed_upgrade_keeps_automatic_import_off_until_another_rollout_acts(
    *, since: bool
) -> None:
    """The Upgrade may still go on. The backup is from the one before it."""
    before = track(rollout("x"), step("Upgrade", rollout="uid-x"), OLDER)
    now = track(rollout(created_at=NOW.replace(hour=14)), step("Upgrade"), WATCHED)
    newer = rollout("b", created_at=NOW.replace(hour=15))
    aborted = done("site-1", Action.ABORT, rollout="uid-b")
    after = track(newer, step("Abort", rollout="uid-b"), aborted)
    view = replace(cluster("site-1"), annotations={**BY, names.AUTO_IMPORT_BY: "uid-x"})
    newest = {("site-1", names.IBGU): "uid-b" if since else "uid-a"}
    found = list(lost([before, now, after], {}, lambda _: view, newest))
    changed = {key: c.wanted for each in found for key, c in each.pending.annotations.items()}
    assert changed == (dict.fromkeys(BY) if since else {})


def test_an_update_does_not_turn_automatic_import_on_under_an_upgrade() -> None:
    """The update is the newest of its kind. The backup is from the Upgrade before this one."""
    before = track(rollout("x"), step("Upgrade", rollout="uid-x"), OLDER)
    checked = rollout("b", created_at=NOW.replace(hour=13), kind=names.FLEET_UPDATE)
    checking = replace(step(rollout="uid-b"), actions=(CHECK,))
    updated = track(checked, checking, done("site-1", CHECK, rollout="uid-b"))
    now = track(rollout(created_at=NOW.replace(hour=14)), step("Upgrade"), UPGRADING)
    annotations = {**BY, names.AUTO_IMPORT_BY: "uid-x"}
    view = replace(cluster("site-1", prep_completed=""), annotations=annotations)
    newest = {("site-1", names.IBGU): "uid-a", ("site-1", names.FLEET_UPDATE): "uid-b"}
    *_, decision = lost([before, updated, now], {}, lambda _: view, newest)
    changed = {key: change.wanted for key, change in decision.pending.annotations.items()}
    assert changed == {names.AUTO_IMPORT_BY: "uid-a"}


def test_each_kind_of_change_gets_its_own_labels_back() -> None:
    upgraded = track(rollout(), step(), failed("site-1", P))
    newer = rollout("b", created_at=NOW.replace(hour=13), kind=names.FLEET_UPDATE)
    checking = replace(step(rollout="uid-b"), actions=(CHECK,))
    updated = track(newer, checking, failed("site-1", CHECK, rollout="uid-b"))
    known = newest_to_act([updated, upgraded])
    found = list(lost([updated, upgraded], {}, cluster, known))
    assert {each.pending.uid for each in found} == {"uid-site-1"}
    last = found[-1].pending
    assert set(last.labels) == {f"{PREFIX}prep-failed", "ibgu.dev/fleet-check-failed"}
    assert next(iter(lost([updated], {}, cluster, known))).pending.rollout == "uid-b"


def test_a_pending_patch_keeps_its_labels() -> None:
    key = f"{PREFIX}upgrade-completed"
    old = PendingPatch(
        uid="uid-site-1", cluster="site-1", rollout="uid-b", labels={key: Change(None, "")}
    )
    tracked_rollouts = [track(rollout(), step(), done("site-1", P))]
    known = newest_to_act(tracked_rollouts)
    (decision,) = lost(tracked_rollouts, {old.uid: old}, cluster, known)
    assert set(decision.pending.labels) == {key, f"{PREFIX}prep-completed"}
