"""The guide's examples of canaries, budgets, approval and broken glass, as they stand there, on the
real API server.

Rollouts of the simulated fleet take seconds, and the soak two hours: for these alone the
controller's clock runs 600 times as fast.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import asyncpg
import pytest

from ibgu.hub import paths
from tests.docs.site import DOCS, fences
from tests.e2e.clock import ScaledTime
from tests.e2e.harness import COMPLETED, Scene
from tests.e2e.manifests import ibgu, step
from tests.e2e.proving import proving
from tests.e2e.tenants import Tenants

NAMESPACE, ROLLOUT, POLICY = "ran", "region-7", "careful"
SOAK = timedelta(minutes=120)
CANARIES = 5
FAST = 600.0
"""Seconds of the controller's clock in one of a test, during the soak."""
MEMBERS = """SELECT cluster, outcome, ended_at FROM members
WHERE step = 1 ORDER BY position"""
REASONS = "SELECT reason->>'message' AS message FROM members WHERE state = 'waiting'"
UPGRADES = "SELECT cluster, intended_at FROM runs WHERE action = 'Upgrade' ORDER BY intended_at"


class Example:
    """Example is a rollout under the guide's policy."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.clock = ScaledTime(1)
        self.policies: list[str] = []

    def name(self, number: int) -> str:
        return f"{self._scene.label}-{number}"

    async def begin(
        self, *bad: int, policy: str = POLICY, dates: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Starts a rollout of eight clusters, one after the other; the Upgrades of some fail.
        `dates`: what stands for those of the policy."""
        scene = self._scene
        text = _dated(_example(policy), dates)
        self.policies.append(policy)
        broken = ",".join(self.name(number) for number in bad)
        await scene.fleet(count=8, faults=[f"upgrade.restore@{broken}"] if broken else [])
        await scene.reachable()
        await scene.start(clock=self.clock)
        await Tenants(scene).namespace(NAMESPACE)
        await scene.apply(text)
        found = ibgu(ROLLOUT, step("Prep"), step("Upgrade", most=1, timeout=600), fleet=scene.label)
        found["metadata"]["namespace"] = NAMESPACE
        await scene.apply(found)

    async def grant(self, name: str, dates: Mapping[str, str] = MappingProxyType({})) -> None:
        """Applies the guide's approval, or its broken glass, as the user whom it names."""
        text = _dated(_example(name), dates)
        await self._scene.kubectl("--as", "nora", "apply", "-f", "-", stdin=text)

    async def waits(self, words: str) -> None:
        async def told() -> bool:
            rows = await self._scene.journal(REASONS)
            return any(words in row["message"] for row in rows)

        await self._scene.until(told, f"a cluster to wait: {words}")

    async def status(self) -> dict[str, Any]:
        found = await self._scene.get(paths.ibgu(NAMESPACE, ROLLOUT))
        return dict(found.get("status", {}))

    async def held(self, words: str) -> None:
        async def told() -> bool:
            conditions = (await self.status()).get("conditions", [])
            found = [each for each in conditions if each["type"] == "Held"]
            return bool(found) and words in found[0]["message"]

        await self._scene.until(told, f"the rollout to be held: {words}")
        [reason] = [
            each["reason"] for each in (await self.status())["conditions"] if each["type"] == "Held"
        ]
        assert reason == "FailureBudgetSpent"

    async def resume(self, value: str) -> None:
        """Does what `ibgu resume -n ran region-7` does."""
        mark = f"ibgu.dev/resume={value}"
        await self._scene.kubectl("annotate", "ibgu", "-n", NAMESPACE, ROLLOUT, mark, "--overwrite")

    async def ended(self, count: int) -> None:
        async def through() -> bool:
            rows = await self._scene.journal(MEMBERS)
            return sum(row["outcome"] is not None for row in rows) >= count

        await self._scene.until(through, f"{count} clusters to end their step")

    async def soak(self) -> None:
        """Lets the soak pass in seconds."""
        self.clock.speed = FAST
        await self._started(CANARIES + 1)
        self.clock.speed = 1

    async def _started(self, count: int) -> None:
        async def begun() -> bool:
            return len(await self.upgrades()) >= count

        await self._scene.until(begun, f"{count} Upgrades to begin")

    async def completed(self) -> None:
        async def over() -> bool:
            return (await self.status()).get("phase") in COMPLETED

        await self._scene.until(over, "the rollout to be complete")

    async def upgrades(self) -> dict[str, datetime]:
        rows = await self._scene.journal(UPGRADES)
        return {row["cluster"]: row["intended_at"] for row in rows}

    async def members(self) -> list[asyncpg.Record]:
        return await self._scene.journal(MEMBERS)


@pytest.fixture
async def example(scene: Scene) -> AsyncIterator[Example]:
    found = Example(scene)
    yield found
    for policy in found.policies:
        await scene.kubectl("delete", "rolloutpolicy", policy, "--ignore-not-found")
    for kind in ("rolloutapprovals", "breakglasses"):
        await scene.kubectl("delete", kind, "-n", NAMESPACE, "--all")


def _example(name: str) -> str:
    return next(
        each.text
        for each in fences(DOCS / "guides/safe-by-policy.md")
        if f"\n  name: {name}\n" in each.text
    )


def _dated(text: str, dates: Mapping[str, str]) -> str:
    for old, new in dates.items():
        assert old in text
        text = text.replace(old, new)
    return text


async def test_the_budget_holds_what_comes_after_canaries_that_have_soaked(
    example: Example,
) -> None:
    """A share of 2 % allows no failure of eight clusters."""
    await example.begin(6)
    await example.ended(CANARIES)
    assert list(await example.upgrades()) == [example.name(n) for n in range(1, CANARIES + 1)]
    await example.soak()
    await example.held(
        "1 cluster of this rollout has failed, and RolloutPolicy careful allows none"
    )
    begun = await example.upgrades()
    assert list(begun) == [example.name(n) for n in range(1, CANARIES + 2)]
    well = max(row["ended_at"] for row in (await example.members())[:CANARIES])
    assert begun[example.name(CANARIES + 1)] >= well + SOAK
    await example.resume("1")
    await example.completed()
    outcomes = [row["outcome"] for row in await example.members()]
    assert outcomes == ["succeeded"] * CANARIES + ["failed"] + ["succeeded"] * 2


async def test_a_canary_that_fails_holds_all_others_until_a_person_resumes(
    example: Example,
) -> None:
    await example.begin(2)
    await example.held("1 of 5 canaries failed, and RolloutPolicy careful allows none")
    assert list(await example.upgrades()) == [example.name(1), example.name(2)]
    await example.resume("1")
    await example.ended(CANARIES)
    await example.soak()
    await example.completed()
    outcomes = [row["outcome"] for row in await example.members()]
    assert outcomes == ["succeeded", "failed"] + ["succeeded"] * 6


async def test_the_rest_starts_once_it_is_approved_behind_its_canaries(
    example: Example, scene: Scene
) -> None:
    await proving(scene)
    await example.begin(policy="canary-soak-approve")
    await example.ended(CANARIES)
    example.clock.speed = FAST
    await example.waits("2 people must approve the rest of step 2 behind its canaries")
    example.clock.speed = 1
    assert len(await example.upgrades()) == CANARIES
    author = ("annotate", "ibgu", ROLLOUT, "-n", NAMESPACE, "ibgu.dev/step-2-author=olga")
    await scene.kubectl("--as", "olga", *author)
    await example.waits("1 person must approve the rest of step 2 behind its canaries")
    await example.grant("region-7-rest")
    await example.completed()
    outcomes = [row["outcome"] for row in await example.members()]
    assert outcomes == ["succeeded"] * 8


async def test_broken_glass_lets_a_rollout_pass_the_holidays(
    example: Example, scene: Scene
) -> None:
    await proving(scene)
    now = datetime.now(UTC)
    frozen = {
        "2026-12-19T00:00:00Z": f"{now - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        "2027-01-07T00:00:00Z": f"{now + timedelta(days=300):%Y-%m-%dT%H:%M:%SZ}",
    }
    await example.begin(policy="holidays", dates=frozen)
    await example.waits("the policy freezes all starts until")
    until = {"2026-12-27T04:00:00Z": f"{now + timedelta(hours=4):%Y-%m-%dT%H:%M:%SZ}"}
    await example.grant("region-7-inc-7", until)
    await example.completed()
    outcomes = [row["outcome"] for row in await example.members()]
    assert outcomes == ["succeeded"] * 8
