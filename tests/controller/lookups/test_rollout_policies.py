"""Policies are in force once they are journaled; what is not known of them holds all new starts."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from random import Random
from typing import Any

import msgspec
import pytest
from msgspec import Struct, field
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu import db
from ibgu.controller.lookups import rollout_policies
from ibgu.controller.lookups.rollout_policies import (
    FORBIDDEN,
    MAX_PROBLEM,
    UNREAD,
    UNSERVED,
    RolloutPolicies,
)
from ibgu.core.model.kinds import ObjectMeta
from ibgu.core.model.rollout_policy import PolicyState, RolloutPolicy
from ibgu.db import Journal, JournalUnavailable, LeadershipLost
from ibgu.flowcontrol.backoff import Backoff
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.watching.reflector import Timing
from ibgu.sim.hub import MemoryClient, MemoryHub
from ibgu.sim.hub.kinds import ROLLOUT_POLICIES
from tests.db.records import rows

HUB = "hub-1"
NIGHT = {"windows": [{"cron": "0 1 * * *", "durationMinutes": 240}]}
NEWER = {"inFlight": 3, "phaseOfTheMoon": "full"}
OPEN = "SELECT name, generation FROM rollout_policies WHERE gone_at IS NULL ORDER BY name"
ALL = "SELECT name, generation, gone_at IS NULL FROM rollout_policies ORDER BY name, generation"

pytestmark = pytest.mark.timeout(300)


class FaultyClient(MemoryClient):
    """A client that is refused what it asks of policies with `refused`, if that is not 0."""

    refused = 0

    async def request(self, method: str, path: str, **given: Any) -> bytes:
        if path == paths.OWN_RESOURCES:
            if self.refused:
                raise HubError(503, "ServiceUnavailable", "not now")
            return b'{"resources": [{"name": "seedimages"}, {"name": "rolloutpolicies"}]}'
        self._check(path)
        return await super().request(method, path, **given)

    def stream(self, path: str, **given: Any) -> Any:
        self._check(path)
        return super().stream(path, **given)

    def _check(self, path: str) -> None:
        if self.refused and path == paths.ROLLOUT_POLICIES:
            raise HubError(self.refused, "Refused", "no", path=path)


class FaultyJournal(Journal):
    away = False

    async def note_policies(self, policies: Sequence[RolloutPolicy]) -> None:
        if self.away:
            raise JournalUnavailable("the journal's database is away")
        await super().note_policies(policies)


class Stage(Struct):
    """A hub, a journal of its leader, and the policies that are followed between them."""

    policies: RolloutPolicies
    memory: MemoryHub
    client: FaultyClient
    journal: FaultyJournal
    engine: AsyncEngine
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    reported: list[PolicyState] = field(default_factory=list)

    @property
    def state(self) -> PolicyState:
        return self.policies.state()

    @property
    def names(self) -> list[str]:
        return [each.metadata.name for each in self.state.policies]

    async def lead(self) -> None:
        """Begins a term, and reports changes from then on."""
        await self.policies.settled(5.0)
        await self.policies.begin()
        told = self.policies.report(lambda: self.reported.append(self.state))
        self.tasks.append(asyncio.create_task(told))

    async def put(self, name: str, **spec: Any) -> None:
        path = paths.rollout_policy(name)
        body = {
            "apiVersion": "ibgu.dev/v1alpha1",
            "kind": "RolloutPolicy",
            "metadata": {"name": name},
            "spec": spec,
        }
        try:
            found = msgspec.json.decode(await self.people.request("GET", path))
        except HubError:
            await self.people.request("POST", paths.ROLLOUT_POLICIES, body=body)
        else:
            await self.people.request("PUT", path, body={**found, "spec": spec})

    async def delete(self, name: str) -> None:
        await self.people.request("DELETE", paths.rollout_policy(name))

    @property
    def people(self) -> MemoryClient:
        return MemoryClient(self.memory, "people")

    def cut(self) -> None:
        """Ends the watch so that the policies are listed again."""
        for watch in list(self.memory._watches):
            watch.break_off()

    async def until(self, state: Callable[[PolicyState], object]) -> None:
        while not state(self.state):  # noqa: ASYNC110 - of a journal and a hub
            await asyncio.sleep(0.005)

    async def problem(self, problem: str) -> None:
        await self.until(lambda state: state.problem == problem)

    async def holds(self, *names: str) -> None:
        await self.until(lambda state: not state.problem and self.names == list(names))


Staged = Callable[..., AbstractAsyncContextManager[Stage]]


@pytest.fixture
def stage(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Staged:
    monkeypatch.setattr(rollout_policies, "RETRY", 0.05)
    monkeypatch.setattr(rollout_policies, "SERVED_INTERVAL", 0.05)

    @asynccontextmanager
    async def build(
        *written: str, served: bool = True, refused: int = 0, streaming: bool = True
    ) -> AsyncIterator[Stage]:
        memory = MemoryHub(now=time.time, more=[ROLLOUT_POLICIES])
        engine = db.engine(database_url)
        journal = FaultyJournal(engine, HUB)
        await journal.lead("ibgu-0")
        client = FaultyClient(memory)
        client.refused = refused
        followed = RolloutPolicies(
            client,
            journal,
            served=served,
            streaming=streaming,
            timing=Timing(backoff=Backoff(0.01, 0.01)),
            rng=Random(1),
        )
        found = Stage(followed, memory, client, journal, engine)
        for name in written:
            await found.put(name, inFlight=3)
        found.tasks.append(asyncio.create_task(followed.run()))
        yield found
        for task in found.tasks:
            task.cancel()
        await asyncio.gather(*found.tasks, return_exceptions=True)
        await engine.dispose()

    return build


@pytest.mark.parametrize("streaming", [True, False])
async def test_policies_are_in_force_once_a_term_has_journaled_them(
    stage: Staged, streaming: bool
) -> None:
    async with stage("b", "a", streaming=streaming) as found:
        await found.policies.settled(5.0)
        assert found.state == PolicyState(problem=UNREAD)
        await found.policies.begin()
        assert found.names == ["a", "b"]
        assert [each.spec.in_flight for each in found.state.policies] == [3, 3]
        assert await rows(found.engine, OPEN) == [("a", 1), ("b", 1)]


async def test_a_hub_without_policies_holds_nothing(stage: Staged) -> None:
    async with stage() as found:
        await found.lead()
        assert found.state == PolicyState()
        assert await rows(found.engine, ALL) == []


async def test_new_changed_and_deleted_policies_are_journaled_and_reported(stage: Staged) -> None:
    async with stage("a") as found:
        await found.lead()
        await found.put("b", inFlight="10%")
        await found.holds("a", "b")
        await found.put("a", inFlight=4)
        await found.until(lambda state: state.policies[0].spec.in_flight == 4)
        await found.delete("b")
        await found.holds("a")
        closed = [("a", 1, False), ("a", 2, True), ("b", 1, False)]
        assert await rows(found.engine, ALL) == closed
        told = [[each.metadata.name for each in state.policies] for state in found.reported]
        assert told[-1] == ["a"]
        assert ["a", "b"] in told


async def test_a_label_of_a_policy_changes_nothing(stage: Staged) -> None:
    async with stage("a") as found:
        await found.lead()
        await found.put("b", inFlight=1)
        await found.holds("a", "b")
        before, count = found.state, len(found.reported)
        body = {"metadata": {"labels": {"owner": "network"}}}
        kind = paths.MERGE_PATCH
        path = paths.rollout_policy("a")
        await found.people.request("PATCH", path, body=body, content_type=kind)
        await asyncio.sleep(0.1)
        assert found.state is before
        assert len(found.reported) == count


async def test_a_policy_of_a_newer_version_is_unreadable_until_it_changes(stage: Staged) -> None:
    async with stage("a") as found:
        await found.lead()
        await found.put("new", **NEWER)
        await found.until(lambda state: state.unreadable)
        [(name, why)] = found.state.unreadable
        assert name == "new"
        assert why == "Object contains unknown field `phaseOfTheMoon` - at `$.spec`"
        assert found.names == ["a"]
        assert await rows(found.engine, OPEN) == [("a", 1)]
        await found.put("new", **NIGHT)
        await found.holds("a", "new")
        assert found.state.unreadable == ()


async def test_a_policy_stays_unreadable_over_a_list_and_until_it_is_deleted(
    stage: Staged,
) -> None:
    async with stage() as found:
        await found.put("new", **NEWER)
        await found.put("newer", **NEWER)
        await found.lead()
        assert [name for name, _ in found.state.unreadable] == ["new", "newer"]
        before = found.state
        found.cut()
        await found.put("a", inFlight=1)
        await found.holds("a")
        assert found.state.unreadable == before.unreadable
        await found.delete("new")
        await found.until(lambda state: len(state.unreadable) == 1)
        await found.delete("newer")
        found.cut()
        await found.until(lambda state: not state.unreadable)


async def test_a_good_policy_that_becomes_unreadable_stays_in_force_beside(stage: Staged) -> None:
    async with stage("a") as found:
        await found.lead()
        await found.put("a", **NEWER)
        await found.until(lambda state: state.unreadable)
        assert found.names == ["a"]
        await found.delete("a")
        await found.until(lambda state: state == PolicyState())
        assert await rows(found.engine, OPEN) == []


async def test_the_reason_of_an_unreadable_policy_is_one_short_line(stage: Staged) -> None:
    async with stage() as found:
        await found.put("new", **{"x\n\x1b" * 500: 1})
        await found.lead()
        [(_, why)] = found.state.unreadable
        assert len(why) <= MAX_PROBLEM
        assert not set(why) & {"\n", "\x1b"}


@pytest.mark.parametrize(("status", "problem"), [(403, FORBIDDEN), (500, UNREAD), (0, UNREAD)])
async def test_nothing_is_known_until_the_first_list(
    stage: Staged, status: int, problem: str
) -> None:
    async with stage("a", refused=status or 504) as found:
        await found.lead()
        assert found.state == PolicyState(problem=problem)
        assert await rows(found.engine, ALL) == []
        found.client.refused = 0
        await found.holds("a")
        assert found.reported[-1].problem == ""


async def test_a_right_that_is_taken_away_holds_and_another_failure_does_not(
    stage: Staged,
) -> None:
    async with stage("a") as found:
        await found.lead()
        before = found.state
        found.client.refused = 503
        found.cut()
        await asyncio.sleep(0.1)
        assert found.state is before
        found.client.refused = 403
        await found.problem(FORBIDDEN)
        found.client.refused = 503
        await asyncio.sleep(0.1)
        assert found.state.problem == FORBIDDEN
        found.client.refused = 0
        await found.holds("a")


async def test_an_answer_that_does_not_come_delays_a_term_only_so_long(stage: Staged) -> None:
    async with stage(refused=0) as found:
        found.tasks[0].cancel()
        await found.policies.settled(0.05)
        await found.policies.begin()
        assert found.state.problem == UNREAD


async def test_without_the_kind_there_are_no_policies(stage: Staged) -> None:
    async with stage(served=False, refused=404) as found:
        await found.lead()
        assert found.state == PolicyState()


async def test_policies_whose_kind_is_gone_hold_until_it_is_back(stage: Staged) -> None:
    async with stage("a") as found:
        await found.lead()
        assert found.names == ["a"]
    async with stage(served=False, refused=404) as found:
        await found.lead()
        assert found.state == PolicyState(problem=UNSERVED)
        found.client.refused = 0
        await found.until(lambda state: state == PolicyState())
        assert await rows(found.engine, ALL) == [("a", 1, False)]


async def test_a_kind_that_is_installed_later_is_followed(stage: Staged) -> None:
    async with stage("a", served=False, refused=404) as found:
        await found.lead()
        assert found.state == PolicyState()
        found.client.refused = 0
        await found.holds("a")


@pytest.mark.parametrize(("written", "problem"), [(["a"], UNSERVED), ([], "")])
async def test_a_kind_that_goes_meanwhile_holds_if_there_was_a_policy(
    stage: Staged, written: list[str], problem: str
) -> None:
    async with stage(*written) as found:
        await found.lead()
        found.client.refused = 404
        found.cut()
        await found.until(lambda state: state == PolicyState(problem=problem))
        await asyncio.sleep(0.1)
        assert found.state == PolicyState(problem=problem)
        found.client.refused = 0
        await found.holds(*written)


async def test_a_kind_that_goes_meanwhile_holds_if_a_policy_could_not_be_read(
    stage: Staged,
) -> None:
    async with stage() as found:
        await found.lead()
        await found.put("newer", **NEWER)
        await found.until(lambda state: bool(state.unreadable))
        found.client.refused = 404
        found.cut()
        await found.until(lambda state: state == PolicyState(problem=UNSERVED))
        await found.policies.begin()
        assert found.state == PolicyState(problem=UNSERVED)


async def test_policies_that_went_between_two_terms_are_named_in_the_log(
    stage: Staged, capsys: pytest.CaptureFixture[str]
) -> None:
    async with stage("a") as found:
        await found.lead()
        await found.journal.note_policies(
            [
                RolloutPolicy(ObjectMeta(name=name, uid=f"uid-{name}", generation=1))
                for name in ("lost-1", "lost-2")
            ]
        )
        await found.policies.begin()
        assert found.names == ["a"]
    told = capsys.readouterr().out
    assert "policies that were in force are not on the hub any more" in told
    assert "lost-1" in told
    assert "lost-2" in told


async def test_while_the_journal_is_away_the_former_policies_stay_in_force(stage: Staged) -> None:
    async with stage("a") as found:
        await found.lead()
        before = found.state
        found.journal.away = True
        await found.put("b", inFlight=1)
        await found.delete("a")
        await asyncio.sleep(0.2)
        assert found.state is before
        await found.put("new", **NEWER)
        await found.until(lambda state: state.unreadable)
        await found.until(lambda state: found.reported[-1] is state)
        found.journal.away = False
        await found.holds("b")
        assert await rows(found.engine, ALL) == [("a", 1, False), ("b", 1, True)]


async def test_a_term_begins_with_what_the_hub_has_then(stage: Staged) -> None:
    """Another controller may have led between two terms."""
    async with stage("a") as found:
        await found.policies.settled(5.0)
        await found.policies.begin()
        await found.put("b", inFlight=1)
        await found.until(lambda _: found.policies.changed.is_set())
        other = Journal(found.engine, HUB)
        await other.lead("ibgu-1")
        await other.note_policies([])
        await found.journal.lead("ibgu-0")
        await found.lead()
        assert found.names == ["a", "b"]
        assert await rows(found.engine, OPEN) == [("a", 1), ("b", 1)]


async def test_a_leader_that_was_replaced_brings_nothing_into_force(stage: Staged) -> None:
    async with stage("a") as found:
        await found.lead()
        await Journal(found.engine, HUB).lead("ibgu-1")
        await found.put("b", inFlight=1)
        with pytest.raises(LeadershipLost):
            await found.tasks[-1]
        assert found.names == ["a"]
        assert await rows(found.engine, OPEN) == [("a", 1)]
