"""Grants count once the admission policy was seen in force after them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from msgspec import Struct, field

from ibgu.controller.lookups import grants
from ibgu.controller.lookups.grants import (
    FORBIDDEN,
    FORBIDDEN_POLICY,
    UNPROVEN,
    UNREAD,
    UNSERVED,
    RolloutGrants,
    RolloutName,
)
from ibgu.core.model import Rollout
from ibgu.core.model.kinds import RolloutSpec
from ibgu.core.plan.grants import POLICY
from ibgu.flowcontrol.backoff import Backoff
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.watching.reflector import Timing
from ibgu.sim.hub import MemoryClient, MemoryHub
from ibgu.sim.hub.kinds import GRANTS

pytestmark = pytest.mark.timeout(300)

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
ROLLOUT = Rollout(uid="u1", namespace="default", name="a", created_at=LONG_AGO, spec=RolloutSpec())
KEY = ("default", "ImageBasedGroupUpgrade", "a")


class ScriptedClient(MemoryClient):
    """A client of a hub whose admission policy is as old as `since`; None: there is none."""

    since: datetime | None = LONG_AGO
    refused: Mapping[str, int] = MappingProxyType({})
    """Statuses by parts of paths."""

    async def request(self, method: str, path: str, **given: Any) -> bytes:
        self._check(path)
        if path == paths.OWN_RESOURCES:
            names = ("rolloutapprovals", "breakglasses")
            return msgspec.json.encode({"resources": [{"name": name} for name in names]})
        if path.startswith((paths.POLICIES, paths.POLICY_BINDINGS)):
            if self.since is None:
                raise HubError(404, "NotFound", "no", path=path)
            meta = {"name": POLICY, "creationTimestamp": self.since.isoformat()}
            spec = {"policyName": POLICY, "validationActions": ["Deny"]}
            return msgspec.json.encode({"metadata": meta, "spec": spec})
        return await super().request(method, path, **given)

    def stream(self, path: str, **given: Any) -> Any:
        self._check(path)
        return super().stream(path, **given)

    def _check(self, path: str) -> None:
        for part, status in self.refused.items():
            if part in path:
                raise HubError(status, "Refused", "no", path=path)


class Stage(Struct):
    grants: RolloutGrants
    client: ScriptedClient
    people: MemoryClient
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    reported: list[set[RolloutName] | None] = field(default_factory=list)

    async def approve(self, name: str = "one", rollout: str = "a") -> None:
        spec = {"rollout": {"name": rollout}, "step": 1, "before": "Step", "user": "nora"}
        body = {
            "apiVersion": "ibgu.dev/v1alpha1",
            "kind": "RolloutApproval",
            "metadata": {"name": name, "namespace": "default"},
            "spec": spec,
        }
        await self.people.request("POST", paths.rollout_approvals("default"), body=body)

    async def break_glass(self) -> None:
        until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        spec = {
            "rollout": {"name": "a"},
            "gates": ["ClusterHold"],
            "user": "nora",
            "reason": "INC-7",
            "until": until,
        }
        body = {
            "apiVersion": "ibgu.dev/v1alpha1",
            "kind": "BreakGlass",
            "metadata": {"name": "glass", "namespace": "default"},
            "spec": spec,
        }
        await self.people.request("POST", paths.break_glasses("default"), body=body)

    @property
    def names(self) -> list[str] | None:
        found, _, _ = self.grants.of(ROLLOUT)
        if found is None:
            return None
        valid = [each for each in found.approvals if not each.refused]
        return [each.name for each in valid] + [each.name for each in found.broken_glass]

    @property
    def problem(self) -> str:
        return self.grants.of(ROLLOUT)[1]

    async def until(self, holds: Callable[[], object]) -> None:
        while not holds():  # noqa: ASYNC110 - of a hub
            await asyncio.sleep(0.005)


Staged = Callable[..., AbstractAsyncContextManager[Stage]]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Staged:
    for name in ("INTERVAL", "RETRY", "PAUSE"):
        monkeypatch.setattr(grants, name, 0.02)

    @asynccontextmanager
    async def build(
        *, served: bool = True, since: datetime | None = LONG_AGO, **refused: int
    ) -> AsyncIterator[Stage]:
        memory = MemoryHub(now=time.time, more=GRANTS)
        client = ScriptedClient(memory)
        client.since, client.refused = since, refused
        followed = RolloutGrants(
            client,
            served=served,
            streaming=True,
            timing=Timing(backoff=Backoff(0.01, 0.01)),
            rng=Random(1),
        )
        found = Stage(followed, client, MemoryClient(memory, "people"))
        assert (found.names, found.problem) == ((None, UNREAD) if served else ([], UNSERVED))
        found.tasks.append(asyncio.create_task(followed.run()))
        found.tasks.append(asyncio.create_task(followed.report(found.reported.append)))
        yield found
        for task in found.tasks:
            task.cancel()
        await asyncio.gather(*found.tasks, return_exceptions=True)

    return build


async def test_grants_are_read_and_changes_name_their_rollouts(stage: Staged) -> None:
    async with stage() as found:
        await found.grants.settled(5.0)
        assert (found.names, found.problem) == ([], "")
        await found.approve()
        await found.until(lambda: found.names == ["one"])
        await found.break_glass()
        await found.until(lambda: found.names == ["one", "glass"])
        await found.approve("other", rollout="b")
        await found.until(lambda: {("default", "ImageBasedGroupUpgrade", "b")} in found.reported)
        assert {KEY} in found.reported
        path = f"{paths.rollout_approvals('default')}/one"
        await found.people.request("DELETE", path)
        await found.until(lambda: found.names == ["glass"])


async def test_nothing_is_proven_without_the_admission_policy(stage: Staged) -> None:
    async with stage(since=None) as found:
        await found.until(lambda: (found.names, found.problem) == ([], UNPROVEN))
        await found.approve()
        await found.break_glass()
        await found.until(lambda: found.names == ["glass"])
        assert found.problem == UNPROVEN
        found.client.since = datetime.now(UTC)
        await found.until(lambda: found.problem == "")
        assert found.names == ["glass"], "the approval is older than the policy"
        assert found.grants.of(ROLLOUT)[2] is not None


async def test_missing_rights_are_named(stage: Staged) -> None:
    async with stage(rolloutapprovals=403) as found:
        await found.grants.settled(5.0)
        assert (found.names, found.problem) == (None, FORBIDDEN)
    async with stage(validatingadmission=403) as found:
        await found.until(lambda: found.problem == FORBIDDEN_POLICY)
        assert found.names == []


async def test_a_hub_that_answers_nothing_changes_nothing(stage: Staged) -> None:
    async with stage() as found:
        await found.approve()
        await found.until(lambda: found.names == ["one"])
        found.client.refused = {"validatingadmission": 503}
        await found.approve("two")
        await asyncio.sleep(0.1)
        assert (found.names, found.problem) == (["one"], "")
        found.client.refused = {}
        await found.until(lambda: set(found.names or ()) == {"one", "two"})


async def test_kinds_that_are_installed_later_are_noticed(stage: Staged) -> None:
    async with stage(served=False) as found:
        await found.grants.settled(5.0)
        await found.until(lambda: found.problem == "")
        await found.approve()
        await found.until(lambda: found.names == ["one"])
