"""An error of ibgu's own in one rollout: that one stands still and says so, all others go on."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from msgspec import json
from structlog.testing import capture_logs

from ibgu.controller import deciding, loop, openings, recovery, statuses
from ibgu.controller.aside import FIRST, MOST
from ibgu.controller.effects import Effects
from ibgu.controller.mirror import Mirror
from ibgu.core.certify import Rule
from ibgu.core.model import ReasonKind, RolloutState
from ibgu.db.reads.certified import certify
from ibgu.hub import paths
from tests.simulation.conftest import Tell
from tests.simulation.stories import Stage

NAME = "rollout-0"
HELD = ReasonKind.INTERNAL_ERROR
Name = Callable[..., str]


@contextmanager
def failing(owner: object, name: str, rollout_of: Name) -> Iterator[list[bool]]:
    """For the first IBGU, until the list is emptied."""
    act, faulty = getattr(owner, name), [True]

    def acting(*given: Any, **named: Any) -> Any:
        done = act(*given, **named)
        if faulty and rollout_of(*given) == NAME:
            raise ZeroDivisionError("of all things")
        return done

    with patch.object(owner, name, acting):
        yield faulty


def _told(logs: list[Any]) -> list[Mapping[str, Any]]:
    return [line for line in logs if line["event"] == "a rollout is set aside"]


async def _relabel(stage: Stage, cluster: str, **labels: str) -> None:
    path, body = paths.managed_cluster(cluster), {"metadata": {"labels": labels}}
    await stage.client.request("PATCH", path, body=body, content_type=paths.MERGE_PATCH)


async def _apply(stage: Stage, name: str, **labels: str) -> Callable[[], RolloutState | None]:
    """The first IBGU once more, for other clusters; tells how far it is."""
    body = await stage.client.get(paths.ibgu("default", NAME), dict[str, Any])
    spec = body["spec"] | {"clusterLabelSelectors": [{"matchLabels": labels}]}
    meta = {"name": name, "namespace": "default"}
    new = {key: body[key] for key in ("apiVersion", "kind")} | {"metadata": meta, "spec": spec}
    await stage.client.request("POST", paths.ibgus("default"), body=new)
    return lambda: _state(stage, name)


def _state(stage: Stage, name: str) -> RolloutState | None:
    if stage.world.leader() is None:
        return None
    books = stage.loop.world.books.values()
    return next((b.rollout.state for b in books if b.rollout.name == name), None)


def _status(stage: Stage) -> dict[str, Any]:
    [found] = [o for o in stage.loop._parts.mirror.ibgus if o.metadata.name == NAME]
    status: dict[str, Any] = json.decode(found.status)
    return status


def _condition(stage: Stage) -> str:
    """What the hub tells of it to who asks `oc get`."""
    return str(_status(stage).get("conditions"))


async def _against_the_history(stage: Stage) -> list[str]:
    """Leads are dated by the database's clock: of no virtual time."""
    with stage.real_io():
        found = (await certify(stage.pool, stage.journal)).findings.violations
    return [f"{each.rule}: {each.words}" for each in found if each.rule is not Rule.WRITER]


def _of_book(given: Any, book: Any, *rest: Any) -> str:
    return str(book.rollout.name)


def test_a_rollout_that_ibgu_fails_at_stands_still_while_others_go_on(told: Tell) -> None:
    """For hours, in which its cluster ends what it has begun; that counts when it goes on."""

    def rollout_of(take: Any, snapshot: Any, *rest: Any) -> str:
        members = [m for step in snapshot.book.steps for m in step.members.values()]
        accepted = any(m.run is not None and m.run.accepted_at for m in members)
        return str(snapshot.book.rollout.name) if accepted else ""

    async def story(stage: Stage) -> None:
        await _relabel(stage, "site-2", group="other")
        with failing(deciding, "decide_into", rollout_of) as faulty:
            await stage.world.people.apply(0)
            await stage.until(lambda: stage.world.leader() is not None and stage.held(HELD))
            other = await _apply(stage, "rollout-1", group="other")
            await stage.until(lambda: other() is RolloutState.COMPLETE)
            assert _status(stage)["phase"] == "Held"
            assert "ZeroDivisionError in " in _condition(stage)
            assert "of all things" not in _condition(stage)
            armed = list(stage.armed)
            await asyncio.sleep(3 * 3600.0)  # its step's time has run out, too
            assert stage.armed == armed
            faulty.clear()
            await stage.until(stage.complete)
        assert len(await stage.events("RolloutHeld")) == 1
        assert len(await stage.events("RolloutReleased")) == 1
        finished = await stage.events("MemberFinished")
        assert [event.data["outcome"] for event in finished] == ["succeeded", "succeeded"]
        assert not list(stage.loop._parts.aside)
        assert await _against_the_history(stage) == []

    with capture_logs() as logs:
        told(story, "Prep", clusters=2)
    assert {line["rollout"] for line in _told(logs)} == {f"default/{NAME}"}
    assert 8 <= len(_told(logs)) <= 16


PLACES = [
    pytest.param(Effects, "follow", _of_book, id="what follows from records"),
    pytest.param(statuses, "status_of", lambda book, *rest: book.rollout.name, id="the status"),
    pytest.param(loop, "urgent", lambda book, *rest: book.rollout.name, id="whether it hurries"),
    pytest.param(
        Mirror, "observe", lambda mirror, rollout, *rest: rollout.name, id="what is observed"
    ),
    pytest.param(openings, "carries", lambda rollout, *rest: rollout.name, id="an opening step"),
]


@pytest.mark.parametrize(("owner", "name", "rollout_of"), PLACES)
def test_wherever_it_happens(told: Tell, owner: object, name: str, rollout_of: Name) -> None:
    async def story(stage: Stage) -> None:
        await _relabel(stage, "site-2", group="other")
        with failing(owner, name, rollout_of) as faulty:
            await stage.world.people.apply(0)
            await stage.until(lambda: stage.world.leader() is not None and stage.held(HELD))
            other = await _apply(stage, "rollout-1", group="other")
            await stage.until(lambda: other() is RolloutState.COMPLETE)
            faulty.clear()
            await stage.until(stage.complete)
        assert await _against_the_history(stage) == []

    with capture_logs() as logs:
        told(story, "Prep", clusters=2)
    assert {line["rollout"] for line in _told(logs)} == {f"default/{NAME}"}


def test_a_start_that_fails_at_one_rollout_leaves_it_alone(told: Tell) -> None:
    """Where the journal is compared with the hub, before anything is decided."""

    async def story(stage: Stage) -> None:
        await stage.world.people.apply(0)
        await stage.until(stage.started)
        with failing(recovery, "behind", _of_behind) as faulty:
            stage.world.nodes[0].kill()
            await stage.until(lambda: stage.world.leader() is not None and stage.held(HELD))
            faulty.clear()
            await stage.until(stage.complete)

    told(story, "Prep")


def _of_behind(book: Any, *rest: Any) -> str:
    return str(book.rollout.name)


def test_one_that_the_journal_does_not_know_yet_is_told_of_by_an_event(told: Tell) -> None:
    async def story(stage: Stage) -> None:
        with failing(deciding, "new_rollout", lambda found, now: found.metadata.name) as faulty:
            await stage.world.people.apply(0)
            await asyncio.sleep(10)
            assert await stage.told() == ["InternalError"]
            faulty.clear()
            await stage.until(stage.complete)

    told(story, "Prep")


def test_a_changed_ibgu_is_tried_soon(told: Tell) -> None:
    changed_at: list[float] = []

    async def story(stage: Stage) -> None:
        now = asyncio.get_running_loop().time
        with failing(Effects, "follow", _of_book) as faulty:
            await stage.world.people.apply(0)
            await stage.until(lambda: stage.world.leader() is not None and stage.held(HELD))
            await asyncio.sleep(10 * FIRST)
            faulty.clear()
            await stage.world.people.annotate(0, skip="waiting")
            changed_at.append(now())
            await stage.until(lambda: not stage.held(HELD))
            assert now() - changed_at[0] < 40
            await stage.until(stage.complete)

    told(story, "Prep")


def test_a_deleted_ibgu_that_ibgu_fails_at_is_let_go_once_it_gets_through(told: Tell) -> None:
    async def story(stage: Stage) -> None:
        with failing(Effects, "follow", _of_book) as faulty:
            await stage.world.people.apply(0)
            await stage.until(lambda: stage.world.leader() is not None and stage.held(HELD))
            await stage.world.people.delete(0)
            await asyncio.sleep(120)
            assert list(stage.loop._parts.aside)
            faulty.clear()
            await stage.until(
                lambda: stage.world.leader() is not None and not stage.loop.world.books
            )
        assert await stage.works() == []

    told(story, "Prep")


def test_with_too_many_of_them_the_process_ends(told: Tell) -> None:
    """It is hardly each rollout's own fault, and a process that ends is seen."""

    async def story(stage: Stage) -> None:
        def fails(*given: Any) -> Any:
            raise ZeroDivisionError

        await stage.leads()
        for number in range(MOST + 1):
            await _create(stage, number)
        with patch.object(Effects, "follow", fails):
            await stage.until(lambda: bool(stage.world.nodes[0].crashes))
        stage.world.nodes[0].crashes.clear()
        await stage.leads()

    told(story, "Prep")


async def _create(stage: Stage, number: int) -> None:
    _, body = stage.world.scenario.ibgus[0]
    meta = {"name": f"more-{number}", "namespace": "default"}
    await stage.client.request("POST", paths.ibgus("default"), body={**body, "metadata": meta})
