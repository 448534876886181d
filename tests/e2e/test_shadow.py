"""Shadow mode beside a TALM at work, with rights to read only: what it sees, and that it writes
nothing at all."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest

from ibgu.controller.shadow.service import Shadow, shadow
from ibgu.core.assurance.shadow import ShadowRun, ShadowVerdict, compare
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Cause
from ibgu.core.model.kinds import JsonObject
from ibgu.db.engine import engine
from ibgu.db.shadow import ShadowReads
from ibgu.hub import paths
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.users import USERS
from tests.e2e.conftest import scene_on
from tests.e2e.harness import Scene
from tests.e2e.manifests import step
from tests.e2e.talm import a_rollout


@pytest.fixture
async def scene(talms_hub: SandboxHub, database_url: str) -> AsyncIterator[Scene]:
    async with scene_on(talms_hub, database_url) as made:
        yield made


@asynccontextmanager
async def watching(scene: Scene, **given: object) -> AsyncIterator[Shadow]:
    settings = scene.settings(kubeconfig=str(scene.hub.kubeconfig("shadow")), shadow=True, **given)
    pool = engine(settings.database_url)
    try:
        async with shadow(settings, pool) as made:
            running = asyncio.create_task(made.run())
            try:
                yield made
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
    finally:
        await pool.dispose()


@asynccontextmanager
async def reading(scene: Scene) -> AsyncIterator[ShadowReads]:
    system = await scene.get(paths.namespace("kube-system"))
    pool = engine(scene.database_url)
    try:
        yield ShadowReads(pool, system["metadata"]["uid"])
    finally:
        await pool.dispose()


async def runs(scene: Scene, name: str) -> dict[tuple[str, str], ShadowRun]:
    async with reading(scene) as reads:
        found = await reads.rollout("default", name)
        if found is None:
            return {}
        _, known = await reads.steps_and_runs(found.uid)
    return {(run.cluster, run.action): run for run in known}


def requests_of(audit_log: Path, user: str) -> Counter[str]:
    """Counts the user's requests by verb, as the API server has logged them."""
    lines = (json.loads(line) for line in audit_log.read_text().splitlines())
    return Counter(
        line["verb"]
        for line in lines
        if line["user"]["username"] == USERS[user].username and line["stage"] == "ResponseComplete"
    )


async def test_a_shadow_records_talms_outcomes_and_writes_nothing(
    scene: Scene, audit_log: Path
) -> None:
    """One cluster fails, one is done at once: TALM waits for the time-out of the first."""
    await scene.fleet(count=3, faults=[f"prep.precache@{scene.label}-1"], durations="20s-30s")
    bad, good, last = (f"{scene.label}-{number}" for number in (1, 2, 3))
    made = await a_rollout(scene, "ran", step("Prep", most=2, timeout=60))
    try:
        await made.lives()
        async with watching(scene) as watcher:
            await scene.until(lambda: watcher.leading, "the shadow to watch")
            await made.opens(0, [bad, good], [last])
            await made.begins(0, Action.PREP, bad, good)
            await made.sees(bad, Action.PREP, "False")
            await made.sees(good, Action.PREP, "True")

            async def concluded() -> bool:
                found = await runs(scene, "ran")
                return len([run for run in found.values() if run.ibgu]) == 2

            await scene.until(concluded, "the shadow to conclude")
            early = await runs(scene, "ran")
            assert early[bad, "Prep"].talm is None
            await made.ends(0, bad, timed_out=Action.PREP)
            await made.ends(0, good)
            await made.next_batch(0, bad, good)
            await made.begins(0, Action.PREP, last)
            await made.sees(last, Action.PREP, "True")
            await made.ends(0, last)
            await made.finishes(0, last)

            async def told() -> bool:
                found = await runs(scene, "ran")
                return len(found) == 3 and not any(run.open for run in found.values())

            await scene.until(told, "the shadow to have seen the end")
            assert watcher.problems() == []
            watcher.measure()
            sent = watcher._client.requests
        assert {verb for verb, _ in sent} <= {"get", "list", "watch"}
    finally:
        await made.cleans_up()
    await asyncio.sleep(0.3)  # the audit log follows
    assert set(requests_of(audit_log, "shadow")) <= {"get", "list", "watch"}
    assert requests_of(audit_log, "shadow")["watch"] >= 4
    await _check_report(scene, bad, good, last)


async def _check_report(scene: Scene, bad: str, good: str, last: str) -> None:
    async with reading(scene) as reads:
        rollout = await reads.rollout("default", "ran")
        assert rollout is not None
        steps, found = await reads.steps_and_runs(rollout.uid)
    report = compare(rollout, steps, found, await _now(scene))
    by_name = {row.run.cluster: row for row in report.rows}
    failed, done = by_name[bad].run, by_name[good].run
    assert failed.ibgu is not None
    assert failed.talm is not None
    assert (failed.ibgu.verdict, failed.ibgu.cause) == (ShadowVerdict.FAILED, Cause.PREP_FAILED)
    assert failed.ibgu.message == "Prep failed"
    assert failed.talm.at > failed.ibgu.at
    assert done.ibgu is not None
    assert done.ibgu.verdict is ShadowVerdict.SUCCEEDED
    assert [(group.count, group.clusters) for group in report.failures] == [(1, (bad,))]
    assert report.ahead.total_seconds() > 0
    assert [run.batch for run in (failed, done, by_name[last].run)] == [1, 1, 2]
    assert by_name[good].idle is not None
    assert steps[0].finished_at is not None
    assert any("ibgu would have failed Prep here" in note.text for note in failed.notes)


async def test_a_shadow_says_which_policy_would_have_held_a_start(scene: Scene) -> None:
    """TALM starts two clusters at once in a freeze, where one may be in flight."""
    await scene.fleet(count=2)
    first, second = f"{scene.label}-1", f"{scene.label}-2"
    frozen = {"from": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
    about = {"selector": {"matchLabels": {"fleet": scene.label}}}
    specs: dict[str, JsonObject] = {
        "one": {"inFlight": 1},
        "frozen": {"freezes": [frozen], "actions": ["Prep"]},
    }
    for name, spec in specs.items():
        await scene.apply(
            {
                "apiVersion": "ibgu.dev/v1alpha1",
                "kind": "RolloutPolicy",
                "metadata": {"name": f"{scene.label}-{name}"},
                "spec": {"clusters": about, **spec},
            }
        )
    made = await a_rollout(scene, "held", step("Prep", most=2))
    try:
        async with watching(scene) as watcher:
            await scene.until(lambda: watcher.leading, "the shadow to watch")
            await made.opens(0, [first, second])
            await made.begins(0, Action.PREP, first, second)

            async def both() -> bool:
                return len(await runs(scene, "held")) == 2

            await scene.until(both, "the shadow to see both starts")
    finally:
        await made.cleans_up()
        for name in specs:
            await scene.kubectl("delete", "rolloutpolicy", f"{scene.label}-{name}")
    found = await runs(scene, "held")
    gate = f"RolloutPolicy/{scene.label}"
    held = [{note.gate for note in run.holds} for run in found.values()]
    assert all(f"{gate}-frozen" in each for each in held)
    assert sum(f"{gate}-one" in each for each in held) == 1
    async with reading(scene) as reads:
        rollout = await reads.rollout("default", "held")
        assert rollout is not None
        steps, known = await reads.steps_and_runs(rollout.uid)
    report = compare(rollout, steps, known, await _now(scene))
    assert [(group.gate, group.count) for group in report.policies] == [
        (f"{gate}-frozen", 2),
        (f"{gate}-one", 1),
    ]
    words = "would have held it: the policy freezes all starts until 2100-01-01T00:00:00Z"
    assert report.policies[0].message == f"{gate}-frozen {words}"


async def _now(scene: Scene) -> datetime:
    (row,) = await scene.journal("SELECT clock_timestamp() AS now")
    now: datetime = row["now"]
    return now


async def test_a_shadow_that_was_away_goes_on(scene: Scene) -> None:
    """A shadow's records stay as it first saw them; the second shadow waits for the first."""
    await scene.fleet(count=1, faults=[f"prep.precache@{scene.label}-1"])
    bad = f"{scene.label}-1"
    made = await a_rollout(scene, "away", step("Prep"))
    try:
        await made.opens(0, [bad])
        await made.begins(0, Action.PREP, bad)
        await made.sees(bad, Action.PREP, "False")
        async with watching(scene, identity="one") as first:

            async def seen() -> bool:
                found = (await runs(scene, "away")).get((bad, "Prep"))
                return found is not None and found.ibgu is not None

            await scene.until(seen, "the shadow to conclude")
            before = (await runs(scene, "away"))[bad, "Prep"]
            async with watching(scene, identity="two") as second:
                await asyncio.sleep(1.5)  # about what must not happen
                assert (first.leading, second.leading) == (True, False)
        async with watching(scene, identity="one") as again:
            await scene.until(lambda: again.leading, "the shadow to watch again")
            await made.ends(0, bad, timed_out=Action.PREP, label=False)
            await made.finishes(0, bad)

            async def told() -> bool:
                return not (await runs(scene, "away"))[bad, "Prep"].open

            await scene.until(told, "the shadow to see the end")
        after = (await runs(scene, "away"))[bad, "Prep"]
        assert (after.ibgu, after.since) == (before.ibgu, before.since)
        await scene.kubectl("delete", "ibgu", "away")
        async with watching(scene, identity="one") as again, reading(scene) as reads:

            async def deleted() -> bool:
                found = await reads.rollout("default", "away")
                return found is not None and found.deleted

            await scene.until(deleted, "the shadow to see the deletion")
    finally:
        await made.cleans_up()


async def test_a_controller_does_nothing_beside_talm_and_the_shadow(scene: Scene) -> None:
    """Both may run from one journal: neither deposes the other."""
    made = await a_rollout(scene, "both", step("Prep"))
    try:
        await made.lives()
        await scene.fleet(count=1)
        await scene.start()
        async with watching(scene) as watcher:
            await scene.until(lambda: watcher.leading, "the shadow to watch")
            await scene.seen_in_journal("RolloutHeld")
            assert scene.leading()
    finally:
        await scene.stop()
        await made.cleans_up()
