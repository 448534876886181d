"""Reads of what rollouts bring to clusters (R25.4, R50.13)."""

from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.controller.loop.payload_checks import PayloadChecks
from ibgu.controller.loop.work_queue import WorkQueue
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Kind, Rollout
from ibgu.core.model.grants import Approval, Grants
from ibgu.hub.errors import HubError
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu

READ = PayloadState(digest="one")
APPROVED = Grants((Approval(uid="x", name="x", user="alice", step=0, before="Step"),))


class Hub:
    """Payloads and grants of one rollout, as the checks see them."""

    def __init__(self, state: PayloadState, grants: Grants | None = None) -> None:
        self.shown = state
        self.grants = Grants() if grants is None else grants
        self.reads: list[str] = []
        self.away = False
        self.authors: dict[str, str] = {}

    def state(self, rollout: str) -> PayloadState:
        return self.shown

    async def read(self, rollout: Rollout, frozen: str) -> PayloadState:
        self.reads.append(frozen)
        if self.away:
            raise HubError(503, "Unavailable", "the hub is away")
        self.shown = replace(READ, authors=self.authors)
        return self.shown

    def names_new_authors(self, rollout: str) -> bool:
        return self.authors != self.shown.authors

    def of(self, rollout: Rollout) -> tuple[Grants, str, None]:
        return self.grants, "", None


def rolling(*steps: str, paused: bool = False) -> InMemoryEngine:
    """A rollout that is in flight, or paused from its beginning."""
    engine = InMemoryEngine("site-1")
    engine.payload = READ
    found = ibgu("a", *steps)
    marks = {"ibgu.dev/pause": "yes"} if paused else {}
    engine.apply(replace(found, metadata=replace(found.metadata, annotations=marks)))
    engine.wait(seconds=30)
    return engine


async def read(engine: InMemoryEngine, hub: Hub, *, all_again: bool = False) -> list[str]:
    """Checks once; returns the frozen digests with which the payload was read so far."""
    lookups: Any = hub
    nobody: Any = set()
    checks = PayloadChecks(engine.fleet, lookups, WorkQueue(), nobody, lookups)
    await checks.check(all_again=all_again)
    return hub.reads


@pytest.mark.parametrize(
    ("state", "all_again", "reads"),
    [
        (READ, False, []),
        (READ, True, ["one"]),
        (PayloadState(read=False), False, ["one"]),
        (replace(READ, outdated=True), False, ["one"]),
    ],
)
async def test_the_payload_of_a_running_prep_is_read_again(
    state: PayloadState, all_again: bool, reads: list[str]
) -> None:
    assert await read(rolling("Prep"), Hub(state), all_again=all_again) == reads


@pytest.mark.parametrize(
    ("state", "grants", "reads"),
    [
        (PayloadState(read=False), Grants(), []),
        (PayloadState(read=False), APPROVED, [""]),
        (replace(READ, outdated=True), APPROVED, [""]),
        (READ, APPROVED, []),
    ],
)
async def test_an_approved_payload_is_read_before_the_first_step(
    state: PayloadState, grants: Grants, reads: list[str]
) -> None:
    engine = rolling("Prep", paused=True)
    assert engine.tracked("uid-a").current is None
    assert await read(engine, Hub(state, grants), all_again=True) == reads


async def test_an_approval_that_is_noted_has_nothing_read() -> None:
    engine = rolling("Prep", paused=True)
    rollout = engine.tracked("uid-a").rollout
    engine.fleet._put_rollout(replace(rollout, grants=APPROVED))
    assert await read(engine, Hub(PayloadState(read=False), APPROVED)) == []


async def test_a_payload_is_read_once_somebody_is_named_as_the_author_of_a_step() -> None:
    engine, hub = rolling("Prep", paused=True), Hub(READ)
    hub.authors = {"ibgu.dev/step-1-author": "alice"}
    assert await read(engine, hub) == [""]
    assert await read(engine, hub) == [""]


async def test_nothing_is_read_for_the_authors_of_a_complete_rollout() -> None:
    engine, hub = rolling("Prep"), Hub(READ)
    engine.until(Kind.ROLLOUT_COMPLETED)
    hub.authors = {"ibgu.dev/step-1-author": "alice"}
    assert await read(engine, hub) == []


async def test_a_payload_that_the_hub_does_not_give_is_read_once_more() -> None:
    engine, hub = rolling("Prep"), Hub(PayloadState(read=False))
    hub.away = True
    assert await read(engine, hub) == ["one"]
    hub.away = False
    assert await read(engine, hub) == ["one", "one"]
