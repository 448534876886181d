"""Leftovers of an IBGU that is gone: nothing in memory, and nothing of TALM's on the hub."""

import asyncio
from typing import Any
from unittest.mock import patch

from msgspec import json

from ibgu.controller.loop.changes import ChangeHandlers
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Kind, ReasonKind, names
from ibgu.core.model.kinds import JsonObject
from ibgu.hub import paths
from ibgu.sim.hub import MemoryHub
from ibgu.sim.hub.answers import RefusedRequest
from ibgu.sim.hub.server import ServedRequest
from tests.core.talm import objects
from tests.simulation.conftest import Tell
from tests.simulation.stories import Stage, once_decided


def test_nothing_stays_in_memory(told: Tell) -> None:
    async def story(stage: Stage) -> None:
        await stage.fleet.people.apply(0)
        await stage.until(stage.complete)
        await asyncio.sleep(60)  # the last labels are on their way
        term = stage.term
        assert term.outcomes._conflicts._base == {}
        assert term.outcomes._cluster_conflicts._base == {}
        await stage.fleet.people.label("site-1", 0, None)
        await stage.fleet.people.delete(0)
        await stage.until(lambda: not term.fleet.rollouts)
        await asyncio.sleep(60)
        kept = term.statuses
        assert [kept._written, kept._answered, kept._due, kept._listings, kept._dirty] == [{}] * 5
        assert (term.lister._open, term.event_writer._failures) == ({}, {})
        assert len(stage.mirror.works) == 0

    told(story, "Prep", "Abort", clusters=2)


def test_a_list_that_nobody_waits_for_is_not_kept(told: Tell) -> None:
    """The IBGU is deleted while its step opens."""

    async def story(stage: Stage) -> None:
        deleting: list[asyncio.Task[None]] = []

        def delete() -> None:
            deleting.append(asyncio.create_task(stage.fleet.people.delete(0)))

        with once_decided(Kind.STEP_OPENED, delete):
            await stage.fleet.people.apply(0)
            await stage.until(lambda: bool(deleting))
            await asyncio.sleep(60)
        term = stage.term
        assert (term.fleet.rollouts, term.lister._open) == ({}, {})

    told(story, "Prep")


def test_a_work_without_an_owner_goes_though_the_turn_that_saw_it_did_nothing(told: Tell) -> None:
    """A pass over everything, as after a gap, finds it."""

    async def story(stage: Stage) -> None:
        await stage.fleet.people.apply(0)
        await stage.until(stage.complete)
        [work] = await stage.works()
        meta = work["metadata"]
        labels = {**meta["labels"], names.ROLLOUT: "gone"}
        marks = {**meta["annotations"], names.GENERATION: "1"}  # as ibgu has made it
        made = {"name": "orphan", "labels": labels, "annotations": marks}
        orphan = {**work, "metadata": made}
        with patch.object(ChangeHandlers, "touched"):
            await stage.client.request("POST", paths.works("site-1"), body=orphan)
            await asyncio.sleep(60)
        assert len(await stage.works()) == 2
        stage.term.resync.after_gap(stage.term.loop._clock.now())
        await asyncio.sleep(60)
        assert [left["metadata"]["name"] for left in await stage.works()] == [meta["name"]]

    told(story, "Prep")


# -- of TALM's --------------------------------------------------------------------------------


async def _left_by_talm(stage: Stage) -> None:
    """TALM is gone in the middle of its Prep on site-1."""
    group = objects.cgu("rollout-0", 0, "Prep", batches=[["site-1"]], batch=1, namespace="default")
    work = objects.work("site-1", Action.PREP, group=group["metadata"]["name"])
    labels = work["metadata"]["labels"]
    work["metadata"]["labels"] = {key: _default(value) for key, value in labels.items()}
    work["spec"]["workload"] = {"manifests": []}
    await stage.client.request("POST", paths.works("site-1"), body=work)
    await stage.client.request("POST", paths.cgus("default"), body=group)
    path = f"{paths.cgu('default', group['metadata']['name'])}/status"
    await _patch(stage, path, {"status": group["status"]})
    await stage.fleet.people.apply(0)
    ibgu = await stage.client.get(paths.ibgu("default", "rollout-0"), dict[str, Any])
    owner = {"apiVersion": "v1", "kind": "x", "name": "x", "uid": ibgu["metadata"]["uid"]}
    body = {"metadata": {"ownerReferences": [owner]}}
    await _patch(stage, paths.cgu("default", group["metadata"]["name"]), body)
    await stage.until(lambda: stage.held(ReasonKind.ADOPTION))


def _default(value: str) -> str:
    return "default" if value == objects.NAMESPACE else value


async def _patch(stage: Stage, path: str, body: JsonObject) -> None:
    await stage.client.request("PATCH", path, body=body, content_type=paths.MERGE_PATCH)


async def _cgus(stage: Stage) -> list[JsonObject]:
    found = await stage.client.get(paths.cgus(), dict[str, Any])
    items: list[JsonObject] = found["items"]
    return items


def test_an_ibgu_that_is_deleted_while_it_is_taken_over(told: Tell) -> None:
    """The ClusterGroupUpgrades wait for a finalizer that only TALM, or ibgu, takes off."""

    allowed: list[bool] = []

    def handle(hub: MemoryHub, asked: ServedRequest) -> bytes:
        removal = asked.method in ("DELETE", "PATCH") and "clustergroupupgrades" in asked.path
        if removal and asked.who.startswith("ibgu/") and not allowed:
            raise RefusedRequest(403, "Forbidden", "not yet")
        return known(hub, asked)

    known = MemoryHub.handle

    async def story(stage: Stage) -> None:
        await _left_by_talm(stage)
        await stage.fleet.people.annotate(0, adopt="yes")
        await stage.until(lambda: stage.held(ReasonKind.ADOPTING))
        [group] = await _cgus(stage)
        await asyncio.sleep(30)
        await stage.fleet.people.delete(0)
        await stage.client.request("DELETE", paths.cgu("default", group["metadata"]["name"]))
        await asyncio.sleep(30)
        stage.fleet.nodes[0].kill()
        await asyncio.sleep(60)
        assert len(await _cgus(stage)) == 1
        allowed.append(True)
        await asyncio.sleep(120)
        assert await _cgus(stage) == []
        assert stage.term.fleet.rollouts == {}
        assert stage.term.adopting._asked == {}

    with patch.object(MemoryHub, "handle", handle):
        told(story, "Prep", talm=True)


def test_a_new_ibgu_of_that_name_keeps_what_is_its_own(told: Tell) -> None:
    async def story(stage: Stage) -> None:
        await _left_by_talm(stage)
        await stage.fleet.people.annotate(0, adopt="yes")
        await stage.until(lambda: stage.held(ReasonKind.ADOPTING))
        await stage.fleet.people.delete(0)
        other = objects.cgu("rollout-0", 1, "Upgrade", batches=[["site-1"]], namespace="default")
        owner = {"apiVersion": "v1", "kind": "x", "name": "x", "uid": "another"}
        other["metadata"]["ownerReferences"] = [owner]
        await stage.client.request("POST", paths.cgus("default"), body=other)
        await asyncio.sleep(120)
        left = [group["metadata"]["name"] for group in await _cgus(stage)]
        assert left == [other["metadata"]["name"]]
        assert stage.term.fleet.rollouts == {}

    told(story, "Prep", talm=True)


def test_a_conflict_over_what_talm_left_is_no_race(told: Tell) -> None:
    """The watch is behind, or someone else writes there all the time."""
    asked_at: list[float] = []

    def handle(hub: MemoryHub, asked: ServedRequest) -> bytes:
        removal = asked.method in ("DELETE", "PATCH") and "a-prep" in asked.path
        if removal and asked.who.startswith("ibgu/"):
            asked_at.append(hub.now())
            raise RefusedRequest(409, "Conflict", "the object has been modified")
        return known(hub, asked)

    known = MemoryHub.handle

    async def story(stage: Stage) -> None:
        await _left_by_talm(stage)
        await stage.fleet.people.annotate(0, adopt="yes")
        await stage.until(lambda: bool(asked_at))
        await asyncio.sleep(300)
        assert 2 <= len(asked_at) <= 300 / 15 + 1
        asked = stage.term.adopting._asked
        [kept] = asked.values()
        assert [name for _, _, name in kept] == ["rollout-0-prep-0", "fleet.a-prep-x7k2p"]

    with patch.object(MemoryHub, "handle", handle):
        told(story, "Prep", talm=True)


def test_nothing_of_talms_goes_after_a_restore_until_a_person_lets_it(told: Tell) -> None:
    asked_at: list[float] = []
    allowed: list[bool] = []

    def handle(hub: MemoryHub, asked: ServedRequest) -> bytes:
        removal = asked.method in ("DELETE", "PATCH") and "a-prep" in asked.path
        if removal and asked.who.startswith("ibgu/") and not allowed:
            asked_at.append(hub.now())
            raise RefusedRequest(403, "Forbidden", "not yet")
        return known(hub, asked)

    known = MemoryHub.handle

    async def story(stage: Stage) -> None:
        await _left_by_talm(stage)
        await stage.fleet.people.annotate(0, adopt="yes")
        await stage.until(lambda: bool(asked_at))
        stage.mirror.note_restored("version 3 after 7")
        stage.term.resync.touch_everything()
        await stage.until(lambda: stage.held(ReasonKind.RESTORED))
        asked_at.clear()
        for _ in range(20):
            stage.term.resync.touch_everything()
            await asyncio.sleep(15)
        assert asked_at == []
        assert len(await _cgus(stage)) == 1
        allowed.append(True)
        await stage.fleet.people.resume(0)
        await asyncio.sleep(120)
        assert await _cgus(stage) == []

    with patch.object(MemoryHub, "handle", handle):
        told(story, "Prep", talm=True)


def test_nothing_more_is_asked_for_when_a_person_has_cleared_up(told: Tell) -> None:
    asked_at: list[float] = []

    def handle(hub: MemoryHub, asked: ServedRequest) -> bytes:
        if "manifestworkreplicasets" not in asked.path:
            return known(hub, asked)
        asked_at.append(hub.now())
        if removed:
            raise RefusedRequest(404, "NotFound", "a person has deleted it")
        if asked.method == "DELETE":
            raise RefusedRequest(403, "Forbidden", "not yet")
        owner = {"apiVersion": "v1", "kind": "x", "name": "x", "uid": uids[0]}
        meta = {"name": "rollout-0-prep", "namespace": "default", "uid": "template"}
        return json.encode(
            {"metadata": {**meta, "resourceVersion": "1", "ownerReferences": [owner]}}
        )

    known = MemoryHub.handle
    uids: list[str] = []
    removed: list[bool] = []

    async def story(stage: Stage) -> None:
        await _left_by_talm(stage)
        ibgu = await stage.client.get(paths.ibgu("default", "rollout-0"), dict[str, Any])
        uids.append(ibgu["metadata"]["uid"])
        await stage.fleet.people.annotate(0, adopt="yes")
        await stage.until(lambda: len(asked_at) > 5)
        [group] = await _cgus(stage)
        path = paths.cgu("default", group["metadata"]["name"])
        await stage.client.request("DELETE", path)
        await _patch(stage, path, {"metadata": {"finalizers": []}})
        removed.append(True)
        await stage.until(stage.complete)
        asked_at.clear()
        await asyncio.sleep(60)
        assert asked_at == []

    with patch.object(MemoryHub, "handle", handle):
        told(story, "Prep", talm=True)
