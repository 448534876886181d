"""An error of ibgu's own in one rollout quarantines it visibly, and all others go on."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from unittest.mock import patch

import pytest
from msgspec import json
from structlog.testing import capture_logs

from ibgu.controller import service
from ibgu.controller.effects import effects, requests
from ibgu.controller.effects.effects import Effects
from ibgu.controller.effects.outcomes import WriteOutcomes
from ibgu.controller.lookups import membership
from ibgu.controller.loop import changes, foreign_runs, planner
from ibgu.controller.loop.loop import Loop
from ibgu.controller.quarantine import MAX_NAMESPACES, MIN_DELAY
from ibgu.controller.reports import decision_log, measures, statuses
from ibgu.controller.reports.events import EventWriter
from ibgu.controller.term import recovery
from ibgu.core.engine.decide import stagework
from ibgu.core.engine.state import FleetState, TrackedRollout, fleet
from ibgu.core.model import Kind, ReasonKind, RolloutState, names
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from tests.oracle import Rule
from tests.oracle.certified import certify
from tests.simulation.conftest import Tell
from tests.simulation.faults import Fault
from tests.simulation.stories import Stage

NAME = "rollout-0"
HELD = ReasonKind.INTERNAL_ERROR
UNTOLD = "can't report on a rollout"
Name = Callable[..., str]


@contextmanager
def failing(owner: object, name: str, rollout_of: Name) -> Iterator[list[bool]]:
    """Makes the function fail for the first IBGU, until the list is emptied."""
    act, faulty = getattr(owner, name), [True]

    def acting(*given: Any, **named: Any) -> Any:
        done = act(*given, **named)
        if faulty and rollout_of(*given) == NAME:
            raise ZeroDivisionError("of all things")
        return done

    with patch.object(owner, name, acting):
        yield faulty


def _told(logs: list[Any]) -> list[Mapping[str, Any]]:
    return [line for line in logs if line["event"] == "rollout quarantined"]


async def _relabel(stage: Stage, cluster: str, **labels: str) -> None:
    path, body = paths.managed_cluster(cluster), {"metadata": {"labels": labels}}
    await stage.client.request("PATCH", path, body=body, content_type=paths.MERGE_PATCH)


async def _apply(stage: Stage, name: str, **labels: str) -> Callable[[], RolloutState | None]:
    """Applies the first IBGU once more, for other clusters; returns a function that reports its
    phase."""
    body = await stage.client.get(paths.ibgu("default", NAME), dict[str, Any])
    spec = body["spec"] | {"clusterLabelSelectors": [{"matchLabels": labels}]}
    meta = {"name": name, "namespace": "default"}
    new = {key: body[key] for key in ("apiVersion", "kind")} | {"metadata": meta, "spec": spec}
    await stage.client.request("POST", paths.ibgus("default"), body=new)
    return lambda: _state(stage, name)


def _state(stage: Stage, name: str) -> RolloutState | None:
    if stage.fleet.leader() is None:
        return None
    tracked_rollouts = stage.term.fleet.rollouts.values()
    return next((b.rollout.state for b in tracked_rollouts if b.rollout.name == name), None)


def _status(stage: Stage) -> dict[str, Any]:
    [found] = [o for o in stage.mirror.ibgus if o.metadata.name == NAME]
    status: dict[str, Any] = json.decode(found.status)
    return status


def _condition(stage: Stage) -> str:
    """Returns the condition that `oc get` shows."""
    return str(_status(stage).get("conditions"))


async def _against_the_history(stage: Stage) -> list[str]:
    """Returns the history's violations; leads are dated by the database's clock, not in virtual
    time."""
    with stage.real_io():
        found = (await certify(stage.pool, stage.journal)).violations
    return [f"{each.rule}: {each.words}" for each in found if each.rule is not Rule.WRITER]


def _of_cluster(record: Any, *rest: Any) -> str:
    """Returns the rollout of a member or pending patch: the first IBGU has site-1."""
    return NAME if record is not None and record.cluster == "site-1" else ""


def _of_joining(step: Any, event: Kind, member: Any, holder: Any) -> str:
    return _of_cluster(member) if event is Kind.JOINED else ""


def _of_tracked(*given: Any) -> str:
    """Returns the rollout among a function's arguments."""
    return next(str(each.rollout.name) for each in given if isinstance(each, TrackedRollout))


def _of_rollout(rollout: Any, *rest: Any) -> str:
    return str(rollout.name)


async def _armed(stage: Stage) -> list[str]:
    """Returns the clusters of works that are armed on the hub."""
    works = [work["metadata"] for work in await stage.works()]
    return [
        str(meta["namespace"])
        for meta in works
        if (meta.get("annotations") or {}).get(names.ARMING) == names.ARMED
    ]


def test_a_rollout_that_ibgu_fails_at_stands_still_while_others_go_on(told: Tell) -> None:
    """The rollout is quarantined for hours, in which its cluster completes its run; that counts
    afterwards."""

    def rollout_of(take: Any, snapshot: Any, *rest: Any) -> str:
        members = [m for step in snapshot.tracked.steps for m in step.members.values()]
        accepted = any(m.run is not None and m.run.accepted_at for m in members)
        return str(snapshot.tracked.rollout.name) if accepted else ""

    async def story(stage: Stage) -> None:
        await _relabel(stage, "site-2", group="other")
        with failing(planner, "decide", rollout_of) as faulty:
            await stage.fleet.people.apply(0)
            await stage.until(lambda: stage.fleet.leader() is not None and stage.held(HELD))
            other = await _apply(stage, "rollout-1", group="other")
            await stage.until(lambda: other() is RolloutState.COMPLETE)
            assert _status(stage)["phase"] == "Held"
            assert "ZeroDivisionError in " in _condition(stage)
            assert "of all things" not in _condition(stage)
            armed = list(stage.armed)
            assert await _armed(stage) == []  # an accepted run is disarmed all the same
            await asyncio.sleep(3 * 3600.0)  # its step's time has run out, too
            assert stage.armed == armed
            faulty.clear()
            await stage.until(stage.complete)
        assert len(await stage.events("RolloutHeld")) == 1
        assert len(await stage.events("RolloutReleased")) == 1
        finished = await stage.events("MemberFinished")
        assert [event.data["outcome"] for event in finished] == ["succeeded", "succeeded"]
        assert not list(stage.term.quarantine)
        assert await _against_the_history(stage) == []

    with capture_logs() as logs:
        told(story, "Prep", clusters=2)
    assert {line["rollout"] for line in _told(logs)} == {f"default/{NAME}"}
    assert 8 <= len(_told(logs)) <= 16


PLACES = [
    pytest.param(Effects, "reconcile", _of_tracked, id="what follows from records"),
    pytest.param(
        changes,
        "expedited",
        _of_tracked,
        id="whether it is expedited",
    ),
    pytest.param(
        WriteOutcomes, "observer", lambda outcomes, rollout: rollout.name, id="what is observed"
    ),
    pytest.param(foreign_runs, "other_run", _of_tracked, id="whose run it is"),
    pytest.param(requests, "metadata_patch", _of_cluster, id="pending patches"),
    pytest.param(fleet, "check_decision", _of_joining, id="a member that joins"),
    pytest.param(membership, "carries", lambda rollout, *rest: rollout.name, id="an opening step"),
]


@pytest.mark.parametrize(("owner", "name", "rollout_of"), PLACES)
def test_an_error_anywhere_quarantines_only_its_rollout(
    told: Tell, owner: object, name: str, rollout_of: Name
) -> None:
    async def story(stage: Stage) -> None:
        await _relabel(stage, "site-2", group="other")
        with failing(owner, name, rollout_of) as faulty:
            await stage.fleet.people.apply(0)
            await stage.until(lambda: stage.fleet.leader() is not None and stage.held(HELD))
            other = await _apply(stage, "rollout-1", group="other")
            await stage.until(lambda: other() is RolloutState.COMPLETE)
            faulty.clear()
            await stage.until(stage.complete)
        assert await _against_the_history(stage) == []

    with capture_logs() as logs:
        told(story, "Prep", clusters=2)
    assert {line["rollout"] for line in _told(logs)} == {f"default/{NAME}"}


def test_a_rollout_whose_hold_can_not_be_decided_is_left_alone(told: Tell) -> None:
    async def story(stage: Stage) -> None:
        await _relabel(stage, "site-2", group="other")
        with (
            failing(Effects, "reconcile", _of_tracked) as faulty,
            failing(planner, "quarantine_rollout", _of_tracked) as faulty_hold,
        ):
            await stage.fleet.people.apply(0)
            await stage.until(lambda: stage.fleet.leader() is not None)
            other = await _apply(stage, "rollout-1", group="other")
            await stage.until(lambda: other() is RolloutState.COMPLETE)
            assert not stage.held(HELD)
            faulty.clear()
            faulty_hold.clear()
            await stage.until(stage.complete)

    with capture_logs() as logs:
        told(story, "Prep", clusters=2)
    assert {line["rollout"] for line in _told(logs)} == {f"default/{NAME}"}


@pytest.mark.parametrize(
    ("owner", "name", "rollout_of"),
    [
        pytest.param(
            statuses, "status_of", lambda tracked, *rest: tracked.rollout.name, id="status"
        ),
        pytest.param(EventWriter, "_write_event", lambda *given: NAME, id="Events"),
        pytest.param(decision_log, "_line", lambda *given: NAME, id="log"),
        pytest.param(measures, "_ended", lambda run: NAME, id="metrics"),
    ],
)
def test_errors_in_reports_do_not_stop_the_rollout(
    told: Tell, owner: object, name: str, rollout_of: Name
) -> None:
    async def story(stage: Stage) -> None:
        with failing(owner, name, rollout_of) as faulty:
            await stage.fleet.people.apply(0)
            await stage.until(stage.complete)
            assert not list(stage.term.quarantine)
            faulty.clear()
            await stage.fleet.people.annotate(0, note="look again")
            await asyncio.sleep(10)
        assert _status(stage)["phase"] == "Completed"
        assert len(await stage.events("RolloutHeld")) == 0

    with capture_logs() as logs:
        told(story, "Prep", clusters=2)
    assert {line["event"] for line in logs if line["log_level"] == "error"} == {UNTOLD}


def test_a_quarantined_rollout_keeps_what_proves_that_the_journal_is_behind(told: Tell) -> None:
    """The start compares journal and hub once it gets through: nothing is done twice."""

    async def story(stage: Stage) -> None:
        await stage.fleet.people.apply(0)
        await stage.until(stage.started)
        early = await stage.journal_now()
        await stage.until(stage.complete)
        await asyncio.sleep(60)
        shown, armed = _status(stage), list(stage.armed)
        with failing(recovery, "rebuild", _of_rollout) as faulty:
            stage.fleet.nodes[0].kill()
            await stage.put_back(early)
            await asyncio.sleep(200)
            assert stage.held(HELD)
            changed = {key for key in shown if _status(stage)[key] != shown[key]}
            assert changed == {"conditions", "phase"}
            faulty.clear()
            await asyncio.sleep(2 * 3600)
        assert stage.armed == armed
        assert stage.complete()
        assert await stage.events("Imported") != []

    with capture_logs():
        told(story, "Prep", "Abort")


def test_a_hub_restore_is_handled_despite_an_error(told: Tell) -> None:
    async def story(stage: Stage) -> None:
        await _relabel(stage, "site-2", group="other")
        await stage.fleet.people.apply(0)
        await stage.until(stage.started)
        other = await _apply(stage, "rollout-1", group="other")
        await stage.until(lambda: other() is RolloutState.RUNNING)
        with failing(changes, "expedited", _of_tracked):
            uid = next(iter(stage.term.fleet.rollouts))
            stage.term.changes.touched(uid, "site-1")
            stage.mirror.note_restored("version 3 after 7")
            await asyncio.sleep(20)
            holds = [tracked.rollout.hold for tracked in stage.term.fleet.rollouts.values()]
        assert [hold.kind if hold else None for hold in holds] == [ReasonKind.RESTORED] * 2

    told(story, "Prep", clusters=2)


def test_edits_without_end_are_no_starts_without_end(told: Tell) -> None:
    async def story(stage: Stage) -> None:
        await stage.fleet.people.apply(0)
        await stage.until(stage.started)
        with failing(Effects, "reconcile", _of_tracked) as faulty:
            for number in range(360):
                await stage.fleet.people.annotate(0, note=str(number))
                await asyncio.sleep(5)
            faulty.clear()
        await stage.until(stage.complete)

    with capture_logs() as logs:
        told(story, "Prep")
    assert 5 <= len(_told(logs)) <= 10


def test_a_start_that_fails_at_one_rollout_leaves_it_alone(told: Tell) -> None:
    """The error comes where the journal is compared with the hub, before anything is decided."""

    async def story(stage: Stage) -> None:
        await stage.fleet.people.apply(0)
        await stage.until(stage.started)
        with failing(recovery, "behind", _of_tracked) as faulty:
            stage.fleet.nodes[0].kill()
            await stage.until(lambda: stage.fleet.leader() is not None and stage.held(HELD))
            faulty.clear()
            await stage.until(stage.complete)

    told(story, "Prep")


def test_an_error_before_the_first_commit_is_reported_by_an_event(told: Tell) -> None:
    async def story(stage: Stage) -> None:
        with failing(planner, "new_rollout", lambda found, now: found.metadata.name) as faulty:
            await stage.fleet.people.apply(0)
            await asyncio.sleep(10)
            assert await stage.told() == ["InternalError"]
            faulty.clear()
            await stage.until(stage.complete)

    told(story, "Prep")


def test_the_pending_patch_of_a_quarantined_rollout_waits(told: Tell) -> None:
    async def story(stage: Stage) -> None:
        with (
            failing(planner, "decide_pending_patch", _of_cluster) as deciding_fails,
            failing(effects, "decide_pending_patch", _of_cluster) as paying_fails,
        ):
            await stage.fleet.people.apply(0)
            await stage.until(lambda: stage.fleet.leader() is not None and stage.held(HELD))
            turns: list[Loop] = []
            with patch.object(Loop, "turn", _counted(turns)):
                await asyncio.sleep(600)
            assert len(turns) < 100
            deciding_fails.clear()
            paying_fails.clear()
            await stage.until(stage.complete)
            await stage.until(lambda: stage.complete() and not stage.term.fleet.pending_patches)

    with capture_logs():
        told(story, "Prep")


def _counted(turns: list[Loop]) -> Callable[[Loop], Awaitable[None]]:
    turn = Loop.turn

    async def counting(led: Loop) -> None:
        turns.append(led)
        await turn(led)

    return counting


def test_a_run_that_nobody_wants_any_more_is_disarmed(told: Tell) -> None:
    """A cluster that has not taken it yet may do so at any time."""

    async def story(stage: Stage) -> None:
        await stage.fleet.people.apply(0)
        await stage.until(lambda: bool(stage.armed))
        with (
            patch.object(stagework, "accepted", lambda *given: False),
            failing(Effects, "reconcile", _of_tracked),
        ):
            await stage.until(lambda: stage.fleet.leader() is not None and stage.held(HELD))
            assert await _armed(stage) == ["site-1"]  # its rollout still wants it
            await stage.fleet.people.delete(0)
            await asyncio.sleep(5)
            assert await _armed(stage) == []

    with capture_logs():
        told(story, "Prep")


def test_a_lease_that_is_lost_between_two_terms_ends_no_process(told: Tell) -> None:
    async def story(stage: Stage) -> None:
        with (
            patch.object(service, "TERM_PAUSE", 90.0),
            failing(Effects, "reconcile", _of_tracked) as faulty,
        ):
            await stage.fleet.people.apply(0)
            await stage.until(lambda: bool(_told(logs)))
            stage.fleet.weather.open(Fault(at=0.0, kind="hub-away", seconds=45.0))
            await asyncio.sleep(120)
            faulty.clear()
        await stage.until(stage.complete)

    with capture_logs() as logs:
        told(story, "Prep")
    assert [line["event"] for line in logs].count("leadership ended") > 1


def test_a_changed_ibgu_is_tried_soon(told: Tell) -> None:
    changed_at: list[float] = []

    async def story(stage: Stage) -> None:
        now = asyncio.get_running_loop().time
        with failing(Effects, "reconcile", _of_tracked) as faulty:
            await stage.fleet.people.apply(0)
            await stage.until(lambda: stage.fleet.leader() is not None and stage.held(HELD))
            await asyncio.sleep(10 * MIN_DELAY)
            faulty.clear()
            await stage.fleet.people.annotate(0, skip="waiting")
            changed_at.append(now())
            await stage.until(lambda: not stage.held(HELD))
            assert now() - changed_at[0] < 40
            await stage.until(stage.complete)

    told(story, "Prep")


def test_a_deleted_ibgu_that_ibgu_fails_at_is_released_once_it_gets_through(told: Tell) -> None:
    async def story(stage: Stage) -> None:
        with failing(Effects, "reconcile", _of_tracked) as faulty:
            await stage.fleet.people.apply(0)
            await stage.until(lambda: stage.fleet.leader() is not None and stage.held(HELD))
            await stage.fleet.people.delete(0)
            await asyncio.sleep(120)
            assert list(stage.term.quarantine)
            faulty.clear()
            await stage.until(
                lambda: stage.fleet.leader() is not None and not stage.term.fleet.rollouts
            )
        assert await stage.works() == []

    told(story, "Prep")


def test_with_too_many_of_them_the_process_ends(told: Tell) -> None:
    """With so many namespaces the cause is hardly theirs, and the end of a process is visible."""

    async def story(stage: Stage) -> None:
        def fails(*given: Any) -> Any:
            raise ZeroDivisionError

        await stage.leads()
        for number in range(MAX_NAMESPACES + 1):
            await _create(stage, number, f"tenant-{number}")
        with patch.object(Effects, "reconcile", fails):
            await stage.until(lambda: bool(stage.fleet.nodes[0].crashes))
        stage.fleet.nodes[0].crashes.clear()
        await stage.leads()

    told(story, "Prep")


def test_a_namespace_with_too_many_of_them_is_quarantined_as_a_whole(told: Tell) -> None:
    """The cause is that tenant's: the process lives, and rollouts of others go on."""

    def of_the_tenant(tracked: TrackedRollout) -> bool:
        return tracked.rollout.namespace == "tenant" and tracked.rollout.name != "more-99"

    async def story(stage: Stage) -> None:
        act = Effects.reconcile

        def fails(
            effects: Effects, fleet: FleetState, tracked: TrackedRollout, *given: Any
        ) -> None:
            if of_the_tenant(tracked):
                raise ZeroDivisionError
            act(effects, fleet, tracked, *given)

        await stage.leads()
        for number in (*range(MAX_NAMESPACES + 1), 99):
            await _create(stage, number, "tenant", fleet="nobody")
        with patch.object(Effects, "reconcile", fails):
            await stage.until(lambda: _quarantine(stage) == MAX_NAMESPACES + 2)
            await stage.fleet.people.apply(0)
            await stage.until(lambda: _state(stage, NAME) is RolloutState.COMPLETE)
        assert not stage.fleet.nodes[0].crashes

    told(story, "Prep")


def _quarantine(stage: Stage) -> int:
    return len(list(stage.term.quarantine)) if stage.fleet.leader() is not None else 0


async def _create(stage: Stage, number: int, namespace: str, **labels: str) -> None:
    """Creates an IBGU like the first one; for clusters with these labels, if any are given."""
    there = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    with suppress(HubError):
        await stage.client.request("POST", "/api/v1/namespaces", body=there)
    _, body = stage.fleet.scenario.ibgus[0]
    meta = {"name": f"more-{number}", "namespace": namespace}
    chosen = {"clusterLabelSelectors": [{"matchLabels": labels}]} if labels else {}
    new = {**body, "metadata": meta, "spec": body["spec"] | chosen}
    await stage.client.request("POST", paths.ibgus(namespace), body=new)
