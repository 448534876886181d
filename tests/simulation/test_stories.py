"""One thing goes wrong, in its worst moment."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from itertools import pairwise
from unittest.mock import patch

import pytest
from msgspec import json
from structlog.testing import capture_logs

from ibgu.controller.effects.refusals import BACKOFF
from ibgu.controller.lookups.talm import LEASE
from ibgu.controller.loop import planner
from ibgu.controller.loop.commit import Draft
from ibgu.controller.loop.loop import GATHER, Loop
from ibgu.controller.loop.responses import PATCH_RETRY
from ibgu.controller.loop.work_queue import WorkQueue
from ibgu.controller.quarantine import RetryDue
from ibgu.controller.reports.reporter import STATUS_REFUSED
from ibgu.core.engine.decide.member import arming
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.works.evidence import accepted
from ibgu.core.model import Decision, Kind, Preempt, ReasonKind, Run, RunState, WorkView, names
from ibgu.db.journal import Journal
from ibgu.hub import paths
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.hub import MemoryHub
from ibgu.sim.hub.answers import RefusedRequest
from ibgu.sim.hub.server import ServedRequest
from tests.simulation.breaking import Patches
from tests.simulation.broken import preflight_outdated
from tests.simulation.conftest import Tell
from tests.simulation.faults import Fault
from tests.simulation.plans import carrying
from tests.simulation.stories import Stage, every_other_turn_breathes, once_decided
from tests.simulation.talm import Talm


@pytest.mark.parametrize("away", ["journal-away", "hub-away"])
@pytest.mark.parametrize("others", [nullcontext, every_other_turn_breathes])
def test_a_run_committed_late_is_replaced_after_a_new_probe(
    told: Tell, away: str, others: Callable[[], AbstractContextManager[None]]
) -> None:
    """The probe that a start rests on is outdated by the time its intent is in the journal."""

    async def story(stage: Stage) -> None:
        def goes_away() -> None:
            stage.fleet.weather.open(Fault(at=0.0, kind=away, seconds=90.0))
            if away == "hub-away":
                stage.fleet._cut()
                stage.fleet.weather.open(Fault(at=0.0, kind="journal-slow", seconds=60.0))

        with once_decided(Kind.RUN_INTENDED, goes_away), others():
            await stage.fleet.people.apply(0)
            await stage.until(stage.complete)
        first, second = await stage.events("RunIntended")
        assert stage.armed == [second.run]
        assert (await stage.events("RunEnded"))[0].run == first.run

    told(story, "Prep")


def test_nothing_is_armed_on_what_came_during_the_commit(told: Tell) -> None:
    """Somebody begins Prep on the cluster by hand after its arming was decided: it must be judged
    again, and the report of that is no version that the arming may rest on."""

    async def story(stage: Stage) -> None:
        def by_hand() -> None:
            stage.fleet.weather.open(Fault(at=0.0, kind="journal-slow", seconds=60.0))
            (cluster,) = stage.fleet.player.clusters.values()
            cluster.set_stage("Prep", stage.fleet.hub.now())

        with once_decided(Kind.RUN_ARMING, by_hand):
            await stage.fleet.people.apply(0)
            await stage.until(stage.complete)
        (ended,) = await stage.events("RunEnded")
        assert ended.data["result"] == "withdrawn"
        assert stage.armed == []

    told(story, "Prep")


def test_decisions_kept_back_by_the_journal_are_done_once_it_is_back(told: Tell) -> None:
    """Nothing else happens that would begin a turn."""

    async def story(stage: Stage) -> None:
        loop = asyncio.get_running_loop()
        back: list[float] = []

        def goes_away() -> None:
            stage.fleet.weather.open(Fault(at=0.0, kind="journal-away", seconds=5.0))
            back.append(loop.time() + 5.0)

        with once_decided(Kind.RUN_INTENDED, goes_away):
            await stage.fleet.people.apply(0)
            await stage.until(lambda: bool(stage.armed))
        assert loop.time() - back[0] < 3.0

    told(story, "Prep")


def _is_armed(stage: Stage) -> bool:
    return bool(stage.armed)


def _is_labelled(stage: Stage) -> bool:
    return not stage.term.fleet.pending_patches


@pytest.mark.parametrize(
    ("kind", "done"), [(Kind.RUN_INTENDED, _is_armed), (Kind.LABELS_PENDING, _is_labelled)]
)
def test_decisions_kept_back_by_the_mirror_are_done_once_in_sync(
    told: Tell, kind: Kind, done: Callable[[Stage], bool]
) -> None:
    """The watch is back before anything else begins a turn, and has nothing new to tell."""

    async def story(stage: Stage) -> None:
        loop = asyncio.get_running_loop()
        back: list[float] = []

        def gap() -> None:
            controller = stage.fleet.nodes[0].controller
            assert controller is not None
            watch = controller._watches._all["managedclusters"]
            watch.in_sync = False
            back.append(loop.time() + 0.5)
            loop.call_at(back[0], setattr, watch, "in_sync", True)

        with once_decided(kind, gap):
            await stage.fleet.people.apply(0)
            await stage.until(lambda: bool(back))
            await stage.until(lambda: done(stage), 600)
        assert loop.time() - back[0] < 3.0

    told(story, "Prep")


def test_no_uncommitted_outcome_reaches_the_status(told: Tell) -> None:
    """A leader is killed while it commits an outcome: the next one would take its status as proof
    of a lost journal, and hold the rollout for a person."""

    async def story(stage: Stage) -> None:
        def ends() -> None:
            [uid] = stage.term.fleet.rollouts
            stage.term.statuses.mark_due(uid)
            stage.fleet.weather.load(Fault(at=0.0, kind="kill-in-commit"), 0)

        with once_decided(Kind.RUN_ENDED, ends):
            await stage.fleet.people.apply(0)
            await stage.until(lambda: stage.fleet.weather.struck["kill-in-commit"] == 1)
            await asyncio.sleep(60)  # the dying leader believes in its draft
            await stage.until(stage.complete)
        assert await stage.events("Imported") == []

    told(story, "Prep")


def test_while_a_large_step_starts_others_have_their_turn(told: Tell) -> None:
    """The Lease's renewal is among them; but nothing shows the step before it is committed."""
    joined: list[str] = []
    between: list[int] = []
    apply = Draft.apply

    def applying(draft: Draft, decision: Decision) -> None:
        if not isinstance(decision, Preempt) and decision.kind is Kind.JOINED:
            joined.append(decision.kind)
            asyncio.get_running_loop().call_soon(lambda: between.append(len(joined)))
        apply(draft, decision)

    async def story(stage: Stage) -> None:
        def shown() -> None:
            assert not stage.term.journal_writer.committed

        with patch.object(Draft, "apply", applying), once_decided(Kind.STEP_STARTED, shown):
            await stage.fleet.people.apply(0)
            await stage.until(stage.complete)
        assert between == [2, 2, 4, 4, 5]

    with patch.object(planner, "CLUSTERS_PER_TURN", 2):
        told(story, "Prep", clusters=5)


def test_a_cluster_that_the_watch_has_not_shown_yet_takes_part(told: Tell) -> None:
    """The cluster is in the list that its step began with, and was not deleted."""

    async def story(stage: Stage) -> None:
        await stage.leads()
        clusters = stage.mirror.clusters
        found = clusters.get(("", "site-1"))
        assert found is not None
        clusters.replace([], str(int(found.metadata.resource_version) - 1))
        stage.mirror.restore_handled()  # it did not: the watch is behind
        await stage.fleet.people.apply(0)
        await stage.until(stage.complete)
        await asyncio.sleep(1)
        assert [event.data["result"] for event in await stage.events("RunEnded")] == ["succeeded"]

    told(story, "Prep")


def test_labels_that_the_hub_refuses_wait(told: Tell) -> None:
    """Labels that an admission webhook refuses are retried with backoff."""
    asked_at: list[float] = []

    def handle(hub: MemoryHub, asked: ServedRequest) -> bytes:
        labels = asked.method == "PATCH" and asked.path.startswith(paths.MANAGED_CLUSTERS)
        if labels and asked.who.startswith("ibgu/"):
            asked_at.append(hub.now())
            raise RefusedRequest(422, "Invalid", "labels are frozen")
        return known(hub, asked)

    known = MemoryHub.handle

    async def story(stage: Stage) -> None:
        await stage.fleet.people.apply(0)
        await stage.until(lambda: bool(asked_at))
        await asyncio.sleep(600)

    with patch.object(MemoryHub, "handle", handle):
        told(story, "Prep")
    pauses = [later - sooner for sooner, later in pairwise(asked_at)]
    assert len(pauses) >= 15
    assert min(pauses) >= PATCH_RETRY.total_seconds()


@pytest.mark.parametrize(
    ("method", "mark", "status", "words"),
    [
        (
            "POST",
            b'"ibgu.dev/probe"',
            422,
            "the hub refused the stage work that asks the cluster: works are frozen",
        ),
        (
            "POST",
            b'"ibgu.dev/probe"',
            404,
            "the hub refused the stage work that asks the cluster: works are frozen",
        ),
        ("PATCH", b'ibgu.dev~1arming","value":"disarmed"', 422, "disarms the stage work"),
    ],
)
def test_works_that_the_hub_refuses_wait(
    told: Tell, method: str, mark: bytes, status: int, words: str
) -> None:
    """Writes refused by an admission webhook, or for lack of the namespace, are retried with
    backoff; once the hub accepts them, everything goes on."""
    asked_at: list[float] = []
    frozen = [True]

    def handle(hub: MemoryHub, asked: ServedRequest) -> bytes:
        ours = asked.who.startswith("ibgu/") and "/manifestworks" in asked.path
        if frozen and ours and asked.method == method and mark in (asked.body or b""):
            asked_at.append(hub.now())
            raise RefusedRequest(
                status, "NotFound" if status == 404 else "Invalid", "works are frozen"
            )
        return known(hub, asked)

    known = MemoryHub.handle

    async def story(stage: Stage) -> None:
        await stage.fleet.people.apply(0)
        await stage.until(lambda: bool(asked_at))
        await asyncio.sleep(600)
        assert stage._tracked is not None
        member = stage._tracked.latest("site-1")
        assert member is not None
        assert words in member.reason.message
        frozen.clear()
        await stage.until(stage.complete)
        await asyncio.sleep(1)
        assert [event.data["result"] for event in await stage.events("RunEnded")] == ["succeeded"]

    with patch.object(MemoryHub, "handle", handle):
        told(story, "Prep")
    pauses = [later - sooner for sooner, later in pairwise(asked_at)]
    assert len(pauses) >= 15
    assert min(pauses) >= BACKOFF.first / 2


@pytest.mark.parametrize(
    ("status", "words"),
    [(422, "statuses are frozen"), (500, "etcdserver: request is too large")],
)
def test_a_refused_status_is_retried_and_reported_once(told: Tell, status: int, words: str) -> None:
    """The rollout goes on meanwhile; once the hub takes it, the status is as it should be."""
    asked_at: list[float] = []
    notes: list[str] = []
    frozen = [True]

    def handle(hub: MemoryHub, asked: ServedRequest) -> bytes:
        if asked.method == "POST" and asked.path.endswith("/events"):
            notes.append((asked.body or b"").decode())
        ours = asked.who.startswith("ibgu/") and asked.path.endswith("/status")
        if frozen and ours and asked.method == "PATCH":
            asked_at.append(hub.now())
            raise RefusedRequest(status, "Refused", words)
        return known(hub, asked)

    known = MemoryHub.handle

    async def story(stage: Stage) -> None:
        await stage.fleet.people.apply(0)
        await stage.until(stage.complete)
        await asyncio.sleep(600)
        frozen.clear()
        await asyncio.sleep(BACKOFF.longest + 1)
        [found] = stage.mirror.ibgus
        assert json.decode(found.status)["phase"] == "Completed"

    with patch.object(MemoryHub, "handle", handle), capture_logs() as logs:
        told(story, "Prep")
    pauses = [later - sooner for sooner, later in pairwise(asked_at)]
    assert len(pauses) >= 15
    assert min(pauses) >= BACKOFF.first / 2
    [note] = [note for note in notes if STATUS_REFUSED in note]
    assert words in note
    failed = [line for line in logs if line["event"] == "write failed"]
    assert [(line["object"], words in line["error"]) for line in failed] == [("status", True)]


def test_an_acceptance_seen_before_a_hub_restore_is_kept(told: Tell) -> None:
    """That a cluster took its run is a note that may wait; after a restore nobody could tell."""

    async def story(stage: Stage) -> None:
        def goes_back() -> None:
            stage.mirror.note_restored("version 3 after 7")
            stage.term.resync.touch_everything()

        with once_decided(Kind.RUN_ACCEPTED, goes_back):
            await stage.fleet.people.apply(0)
            await stage.until(lambda: stage.held(ReasonKind.RESTORED))
        assert len(await stage.events("RunAccepted")) == 1
        assert await stage.events("RunEnded") == []
        await stage.fleet.people.resume(0)
        await stage.until(stage.complete)
        await asyncio.sleep(1)
        assert len(await stage.events("RunAccepted")) == 1
        [ended] = await stage.events("RunEnded")
        assert ended.data["result"] == "succeeded"

    told(story, "Prep")


@pytest.mark.parametrize("ended", [False, True], ids=["while it runs", "after it has ended"])
def test_turns_that_postgres_forgets_under_a_leader_are_noticed(told: Tell, *, ended: bool) -> None:
    """A standby took over that had not received the last ones: the next turn may not be written as
    if they were there, else the history would have a hole that nobody sees."""

    async def story(stage: Stage) -> None:
        await stage.fleet.people.apply(0)
        await stage.until(stage.started)
        early = await stage.journal_now()
        await stage.until(lambda: _taken(stage, 0))
        if ended:
            await stage.until(lambda: _taken(stage, 1))
        await asyncio.sleep(5)
        await stage.put_back(early)
        await stage.until(lambda: stage.held(ReasonKind.RESTORED))
        assert [event.data["result"] for event in await stage.events("RunEnded")] == []
        assert "Imported" in [event.kind for event in await stage.events()]
        await stage.fleet.people.resume(0)
        await stage.until(stage.complete)
        assert len(stage.armed) == 2

    told(story, "Prep", "Upgrade")


def test_a_process_that_leads_again_has_forgotten_its_last_lead(told: Tell) -> None:
    """The memory of 10,000 clusters is some 50 MiB, and cycles are not looked for in a while."""

    async def story(stage: Stage) -> None:
        await stage.fleet.people.apply(0)
        await stage.until(stage.started)
        [tracked] = map(weakref.ref, stage.term.fleet.rollouts.values())
        stage.fleet.weather.open(Fault(at=0.0, kind="hub-away", seconds=90.0))
        await stage.until(lambda: stage.fleet.leader() is None)
        await stage.until(stage.complete)
        assert tracked() is None

    gc.disable()
    try:
        told(story, "Prep")
    finally:
        gc.enable()


def test_a_deposed_controller_stands_by_once_another_leads(told: Tell) -> None:
    async def story(stage: Stage) -> None:
        await stage.leads()
        deposed = stage.fleet.leader()
        assert deposed is not None
        assert deposed.controller is not None
        with stage.real_io():
            await Journal(stage.pool, stage.journal).lead("a stranger")
        await stage.fleet.people.apply(0)
        problems = deposed.controller.problems
        await stage.until(lambda: any("a stranger leads" in words for words in problems()))
        await stage.until(lambda: stage.fleet.leader() not in (None, deposed))
        await asyncio.sleep(600)
        assert not deposed.leading
        assert problems() == []

    told(story, "Prep", nodes=2)


def test_events_and_orphaned_works_wait_until_talm_is_gone(told: Tell) -> None:
    """No Event, and no work without an owner goes, while a live TALM is on the hub (R20.1)."""

    async def story(stage: Stage) -> None:
        await stage.fleet.people.apply(0)
        await stage.until(lambda: bool(stage.armed))
        living = asyncio.create_task(Talm(stage.fleet.hub).live(600))
        await asyncio.sleep(60)
        await _work_of_nobody(stage)
        stage.mirror.note_restored("version 3 after 7")
        stage.term.resync.touch_everything()
        await living
        assert stage.held(ReasonKind.RESTORED)
        assert "RolloutHeld" not in await stage.told()
        assert "of-nobody" in [work["metadata"]["name"] for work in await stage.works()]
        await asyncio.sleep(300)
        assert "RolloutHeld" in await stage.told()
        assert "of-nobody" not in [work["metadata"]["name"] for work in await stage.works()]

    told(story, "Prep")


def test_an_arming_that_waits_for_its_retry_is_given_up_when_talm_comes(told: Tell) -> None:
    """The hub takes writes again while TALM is live: nothing of ibgu's may be left to send."""
    asked: list[float] = []
    busy = [True]
    arming = f'"{names.ARMING}":"{names.ARMED}"'.encode()

    def handle(hub: MemoryHub, request: ServedRequest) -> bytes:
        if busy and request.who.startswith("ibgu/") and arming in (request.body or b""):
            asked.append(hub.now())
            raise RefusedRequest(503, "ServiceUnavailable", "the hub is busy")
        return known(hub, request)

    known = MemoryHub.handle

    async def story(stage: Stage) -> None:
        await stage.fleet.people.apply(0)
        await stage.until(lambda: bool(asked))
        living = asyncio.create_task(Talm(stage.fleet.hub).live(600))
        await asyncio.sleep(45)
        busy.clear()
        await living
        assert stage.armed == []
        await stage.until(stage.complete)

    with patch.object(MemoryHub, "handle", handle):
        told(story, "Prep")


def test_nothing_starts_while_talms_lease_is_hidden(told: Tell) -> None:
    """The right to read TALM's Lease is lost: TALM may have come back since."""
    refusing: list[bool] = []

    def handle(hub: MemoryHub, request: ServedRequest) -> bytes:
        if refusing and request.path.endswith(f"/leases/{LEASE}"):
            raise RefusedRequest(403, "Forbidden", "leases is forbidden")
        return known(hub, request)

    known = MemoryHub.handle

    async def story(stage: Stage) -> None:
        await stage.leads()
        refusing.append(True)
        await asyncio.sleep(60)
        assert stage.term.facts.talm_hold == ""
        await asyncio.sleep(90)
        hold = stage.term.facts.talm_hold
        assert hold.startswith("ibgu can't tell whether TALM runs on this hub")
        assert "leases is forbidden" in hold
        await stage.fleet.people.apply(0)
        await asyncio.sleep(600)
        assert stage.held(ReasonKind.TALM)
        assert stage.armed == []
        refusing.clear()
        await stage.until(stage.complete)

    with patch.object(MemoryHub, "handle", handle):
        told(story, "Prep")


def test_an_armed_work_that_lost_its_label_is_found_and_disarmed(told: Tell) -> None:
    """The watch does not show it, and the agent would enforce its stage for ever. The second step
    needs no probe, so nothing is written that would meet it."""

    async def still_armed(stage: Stage) -> set[str]:
        marks = [work["metadata"]["annotations"] for work in await stage.works()]
        return {each[names.RUN] for each in marks if each.get(names.ARMING) == names.ARMED}

    async def disarmed(stage: Stage) -> set[str]:
        return {event.run for event in await stage.events("RunDisarmed")}

    async def story(stage: Stage) -> None:
        def takes_the_first(work: WorkView, run: Run) -> bool:
            return len(stage.armed) == 1 and accepted(work, run)

        with patch.object(arming, "accepted", takes_the_first):
            await stage.fleet.people.apply(0)
            await stage.until(lambda: len(stage.armed) == 2)
            await asyncio.sleep(2)  # the watch shows it by then
            metadata = (await stage.works())[0]["metadata"]
            path = paths.work(metadata["namespace"], metadata["name"])
            body = json.encode({"metadata": {"labels": {names.MANAGED_BY: None}}})
            await stage.client.request("PATCH", path, body=body, content_type=paths.MERGE_PATCH)
            await asyncio.sleep(300)
            assert stage.armed[1] in await disarmed(stage)
            assert not await still_armed(stage)

    told(story, "Prep", "Upgrade")


@pytest.mark.parametrize("ahead", [600.0, -600.0])
def test_talm_lives_whatever_the_journals_clock_says(told: Tell, ahead: float) -> None:
    """TALM's Lease has run out by that clock, or never does: but it is renewed (R20.1)."""

    async def story(stage: Stage) -> None:
        talm = Talm(stage.fleet.hub)
        living = asyncio.create_task(talm.live(900))
        await asyncio.sleep(120)
        stage.fleet.weather.skewed = True
        stage.fleet.weather.skew += ahead
        await asyncio.sleep(120)
        await stage.fleet.people.apply(0)
        await living
        assert stage.held(ReasonKind.TALM)
        assert await stage.works() == []
        await stage.until(stage.complete)
        assert not talm.alive

    told(story, "Prep")


@pytest.mark.parametrize("hours", [30, -30])
def test_a_jump_of_the_journals_clock_fails_nobody(
    told: Tell, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """R11.8: all limits would have passed at once, or nothing would have been due for a day. The
    next term of the same leader goes on by the same time."""
    turn, terms = Loop.turn, list[Loop]()

    async def begins_anew(loop: Loop) -> None:
        if not terms:
            terms.append(loop)
            raise RetryDue
        await turn(loop)

    async def story(stage: Stage) -> None:
        loop = asyncio.get_running_loop()
        await stage.fleet.people.apply(0)
        await stage.until(lambda: _taken(stage, 0))
        began = loop.time()
        stage.fleet.weather.skewed = True
        stage.fleet.weather.skew += hours * 3600.0
        await asyncio.sleep(90)
        monkeypatch.setattr(Loop, "turn", begins_anew)
        await stage.until(stage.complete)
        assert terms
        results = [event.data["result"] for event in await stage.events("RunEnded")]
        # What was not armed when the term ended is withdrawn, and tried again.
        assert [each for each in results if each != "withdrawn"] == ["succeeded", "succeeded"]
        assert loop.time() - began < 3600

    told(story, "Prep", "Upgrade")


async def _work_of_nobody(stage: Stage) -> None:
    """A work that ibgu wrote for an IBGU that neither hub nor journal knows."""
    [found] = await stage.works()
    meta = found["metadata"]
    body = {
        **found,
        "metadata": {
            "name": "of-nobody",
            "namespace": meta["namespace"],
            "labels": {**meta["labels"], "ibgu.dev/rollout": "gone"},
            "annotations": {**meta["annotations"], "ibgu.dev/generation": "1"},
        },
    }
    await stage.client.request("POST", paths.works(meta["namespace"]), body=body)


def test_a_payload_unread_at_the_start_is_read_again_soon(
    told: Tell,
) -> None:
    """Nothing starts before it is known: that must not take until the next regular read."""
    refusing: list[bool] = []
    asked_at: list[float] = []

    def handle(hub: MemoryHub, asked: ServedRequest) -> bytes:
        if refusing and asked.method == "GET" and "/configmaps/" in asked.path:
            asked_at.append(hub.now())
            raise RefusedRequest(500, "InternalError", "etcd has no leader")
        return known(hub, asked)

    known = MemoryHub.handle

    async def story(stage: Stage) -> None:
        fleet = stage.fleet
        await fleet.shelf.fill()
        fleet.people._ibgus[0] = carrying(fleet.people._ibgus[0], 1)
        await fleet.people.apply(0)
        await stage.until(lambda: bool(stage.armed))
        refusing.append(True)
        fleet.nodes[0].kill()
        await stage.until(lambda: len(asked_at) >= 3)
        assert asked_at[2] - asked_at[0] < 10
        refusing.clear()
        await stage.until(stage.complete)
        assert len(set(stage.armed)) == 2
        assert await stage.events("StepHeld") == []

    with patch.object(MemoryHub, "handle", handle):
        told(story, "Prep", clusters=2)


def test_a_payload_that_a_start_waits_for_is_not_gathered_for(told: Tell) -> None:
    """The start's cluster has a slot already, so it is expedited; other changes can wait for
    another turn."""
    applied_at: list[float] = []
    written_at: list[float] = []
    expedited_at: list[float] = []

    def expedite(work_queue: WorkQueue) -> None:
        expedited_at.append(asyncio.get_running_loop().time())
        known_expedite(work_queue)

    def handle(hub: MemoryHub, asked: ServedRequest) -> bytes:
        if asked.method == "PATCH" and asked.path.endswith("-payload/status"):
            applied_at.append(hub.now())
        elif asked.who.startswith("ibgu/") and asked.path.endswith("-stage"):
            written_at.append(hub.now())
        return known(hub, asked)

    known, known_expedite = MemoryHub.handle, WorkQueue.expedite

    async def story(stage: Stage) -> None:
        await stage.fleet.shelf.fill()
        stage.fleet.people._ibgus[0] = carrying(stage.fleet.people._ibgus[0], 1)
        await stage.fleet.people.apply(0)
        await stage.until(stage.complete)
        armed_at = next(at for at in written_at if at > applied_at[0])
        assert any(applied_at[0] <= at <= armed_at for at in expedited_at)

    with patch.object(MemoryHub, "handle", handle), patch.object(WorkQueue, "expedite", expedite):
        told(story, "Prep")


def test_an_end_is_decided_on_at_once(told: Tell) -> None:
    """An end is decided as soon as it is proven: gathering would take a quarter of a second."""
    reported: dict[str, list[float]] = {}

    def handle(hub: MemoryHub, asked: ServedRequest) -> bytes:
        deps = asked.path.split("/")
        if asked.method == "PATCH" and deps[-1] == "status":
            cluster = deps[-4] if "manifestworks" in deps else deps[-2]
            reported.setdefault(cluster, []).append(hub.now())
        return known(hub, asked)

    known = MemoryHub.handle

    async def story(stage: Stage) -> None:
        await stage.fleet.people.apply(0)
        await stage.until(stage.complete)
        ended = await stage.events("RunEnded")
        assert len(ended) == 4
        for event in ended:
            at = event.at.timestamp()
            # Postgres has microseconds.
            assert any(abs(at - each) < GATHER / 2 for each in reported[event.cluster])

    with patch.object(MemoryHub, "handle", handle):
        told(story, "Prep", "Upgrade", clusters=2)


@pytest.mark.parametrize("away", [0.0, 90.0])
def test_a_run_unknown_to_the_journal_counts_as_taken_over(told: Tell, away: float) -> None:
    """That stays so where the journal can't be asked at once (R9.7)."""

    async def story(stage: Stage) -> None:
        await stage.fleet.people.apply(0)
        await stage.until(lambda: _taken(stage, 0))
        if away:
            stage.fleet.weather.open(Fault(at=0.0, kind="journal-away", seconds=away))
        _show(stage, "theirs")
        await stage.until(stage.complete)
        [ended] = await stage.events("RunEnded")
        assert ended.data["result"] == "taken over"
        assert stage.term.fleet.foreign_runs == {"theirs"}

    told(story, "Prep")


def test_an_earlier_run_of_ibgu_does_not_count_as_taken_over(told: Tell) -> None:
    """An old etcd shows it; whose it was is not in memory any more (R9.7)."""

    async def story(stage: Stage) -> None:
        await stage.fleet.people.apply(0)
        await stage.until(lambda: _taken(stage, 1))
        prep, upgrade = [event.run for event in await stage.events("RunIntended")]
        _show(stage, prep)
        await asyncio.sleep(300)
        assert stage.term.fleet.foreign_runs == set()
        _show(stage, upgrade)
        await stage.until(stage.complete)
        results = [event.data["result"] for event in await stage.events("RunEnded")]
        assert results == ["succeeded", "succeeded"]

    told(story, "Prep", "Upgrade")


def _taken(stage: Stage, step: int) -> bool:
    """The cluster has taken the run of that step."""
    member = stage._tracked.latest("site-1") if stage._tracked is not None else None
    run = member.run if member is not None and member.step == step else None
    return run is not None and run.state is RunState.ACCEPTED


def _show(stage: Stage, run: str) -> None:
    marks = {names.RUN: run}
    stage.fleet.player.act("site-1", lambda cluster, now: cluster.edit_ibu(now, annotations=marks))


def _intact(stack: ExitStack) -> None:
    """Leaves the engine as it is."""


@pytest.mark.parametrize(("patches", "starts"), [(_intact, False), (preflight_outdated, True)])
def test_a_step_that_is_enforced_again_waits_for_a_new_evaluation(
    told: Tell, patches: Patches, starts: bool
) -> None:
    """The cluster has another topology since preflight is off, and is back when it is enforced
    again. A broken engine starts it on the findings from before."""

    async def story(stage: Stage) -> None:
        fleet, people = stage.fleet, stage.fleet.people
        await people.apply(0)
        await people.annotate(0, preflight="enforce")
        fleet._act("site-1", lambda cluster, now: cluster.go_dark())
        await stage.until(lambda: stage.judged(enforced=True))
        await people.annotate(0, preflight="off")
        await asyncio.sleep(60)
        fleet._act("site-1", _comes_back_with_three_nodes)
        await people.annotate(0, preflight="enforce")
        await asyncio.sleep(600)
        assert bool(stage.armed) is starts
        fleet._act("site-1", lambda cluster, now: _of_topology(cluster, "SingleReplica"))
        await stage.until(lambda: bool(stage.armed))

    with ExitStack() as stack:
        patches(stack)
        told(story, "Prep")


def _comes_back_with_three_nodes(cluster: SimulatedCluster, now: float) -> None:
    _of_topology(cluster, "HighlyAvailable")
    cluster.come_back()


def _of_topology(cluster: SimulatedCluster, topology: str) -> None:
    cluster.registration.topology = topology


def test_a_freeze_reaches_the_reasons_behind_a_hung_cluster(told: Tell) -> None:
    """Nothing changes on the hub when it begins."""

    async def story(stage: Stage) -> None:
        def step() -> TrackedStep:
            (tracked,) = stage.term.fleet.rollouts.values()
            return tracked.steps[0]

        def message() -> str:
            (waiting,) = step().members.keys() - step().in_flight
            return step().members[waiting].reason.message

        await stage.fleet.people.apply(0)
        await stage.until(lambda: bool(stage.armed))
        (hung,) = step().in_flight
        stage.fleet._act(hung, lambda cluster, now: cluster.freeze(True, now))
        await asyncio.sleep(1500)
        assert message().endswith("in flight at once, and as many are")
        await asyncio.sleep(330)
        assert "freezes all starts" in message()

    freeze = {"from": "2026-01-01T00:30:00Z", "until": "2026-01-02T00:00:00Z"}
    told(story, "Prep", clusters=2, policy={"inFlight": 1, "freezes": [freeze]})
