"""The ways back by one command each: cancel, roll back, finalize, abort and retry.

The commands run against a controller, a REST API and simulated clusters.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine

import pytest
from typer.testing import CliRunner, Result

from ibgu.api.app import create_app
from ibgu.api.context import Context, Probes
from ibgu.cli.app import app as commands
from ibgu.db import engine
from ibgu.hub import paths
from ibgu.hub.authorization.access import Access
from ibgu.hub.client import HubClient
from ibgu.hub.decode import ObjectIdentity
from ibgu.sim.cluster import SimulatedCluster
from tests.cli.conftest import serving
from tests.e2e.harness import Scene, actions
from tests.e2e.manifests import ibgu, step

Run = Callable[..., Coroutine[None, None, Result]]


async def _fine() -> None:
    return None


@pytest.fixture
async def run(scene: Scene) -> AsyncIterator[Run]:
    """`await run("cancel", "upgrade")` is what olga's `ibgu cancel upgrade --yes` does."""
    pool = engine(scene.database_url)
    async with await HubClient.connect(str(scene.hub.kubeconfig("ibgu"))) as client:
        system = await client.get(paths.namespace("kube-system"), ObjectIdentity)
        app = create_app(Context(system.metadata.uid, pool, Access(client), Probes(_fine)))
        async with serving(app, "127.0.0.1:0") as server:
            given = {"IBGU_SERVER": server.address, "IBGU_TOKEN": scene.hub.token("olga")}

            async def run(*args: str, asks: bool = True) -> Result:
                line = [*args, "-n", "default", *(["--yes"] if asks else [])]
                return await asyncio.to_thread(CliRunner().invoke, commands, line, env=given)

            yield run
    await pool.dispose()


async def test_an_upgrade_under_way_is_cancelled(scene: Scene, run: Run) -> None:
    """Clusters that run, wait or are prepared go back to Idle; the rest of the plan takes
    nobody."""
    names = [f"{scene.label}-{n}" for n in (1, 2, 3)]
    await scene.fleet(count=3, faults=[f"frozen-feedback/Prep@{names[1]}"])
    await scene.start()
    for name in names[1:]:  # else one of them may answer its probe, and so start, first
        scene.act(name, lambda cluster, now: SimulatedCluster.go_dark(cluster))
    await scene.apply(ibgu("upgrade", step("Prep", most=1), step("Upgrade"), fleet=scene.label))
    await scene.seen_in_journal("MemberFinished", names[0])
    scene.act(names[1], lambda cluster, now: SimulatedCluster.come_back(cluster))
    await scene.seen_in_journal("RunArming", names[1])
    scene.act(names[2], lambda cluster, now: SimulatedCluster.come_back(cluster))
    ended = asyncio.create_task(run("cancel", "upgrade"))
    await scene.until(lambda: _preempted(scene, names[1]), "the Prep under way to be preempted")
    scene.freeze(names[1], False)
    done = await ended
    assert done.exit_code == 0, done.output
    assert "Abort for 3 clusters of upgrade, by the new rollout upgrade-cancel-" in done.stdout
    await scene.completed("upgrade")
    for name in names:
        assert await scene.labels(name) == {}
        assert "Upgrade" not in scene.stages(name)


async def _preempted(scene: Scene, cluster: str) -> bool:
    query = "SELECT 1 FROM members WHERE cluster = $1 AND cause = 'Preempted'"
    return bool(await scene.journal(query, cluster))


async def test_upgraded_clusters_are_rolled_back_and_the_others_finalized(
    scene: Scene, run: Run
) -> None:
    first, second = f"{scene.label}-1", f"{scene.label}-2"
    await scene.fleet(count=2)
    await scene.start()
    await scene.apply(ibgu("upgrade", step("Prep"), step("Upgrade"), fleet=scene.label))
    await scene.completed("upgrade")
    back = await run("rollback", "upgrade", first)
    assert back.exit_code == 0, back.output
    name = back.stdout.partition("the new rollout ")[2].partition(",")[0]
    assert back.stdout.endswith(f"Next: ibgu finalize {name} -n default\n")
    assert scene.stages(first) == ["Prep", "Upgrade", "Rollback"]
    final = await run("finalize", name)
    assert final.exit_code == 0, final.output
    assert f"FinalizeRollback for 1 cluster of {name}, as the next step of its plan" in final.stdout
    assert scene.stages(first) == ["Prep", "Upgrade", "Rollback", "Finalize"]
    late = await run("rollback", "upgrade", first)
    assert (late.exit_code, f"{first} (" in late.stderr) == (1, True)
    rest = await run("finalize", "upgrade")
    assert "FinalizeUpgrade for 1 cluster of upgrade" in rest.stdout, rest.output
    assert rest.exit_code == 0, rest.output  # that the other one was rolled back is no failure
    assert scene.stages(second) == ["Prep", "Upgrade", "Finalize"]
    assert scene.stages(first) == ["Prep", "Upgrade", "Rollback", "Finalize"]
    for each in (first, second):
        assert await scene.labels(each) == {}


@pytest.mark.parametrize("narrowed", [False, True])
async def test_failed_clusters_are_aborted_and_retried_by_one_command(
    scene: Scene, run: Run, narrowed: bool
) -> None:
    """All of them by a step of the plan, a named one by a second IBGU."""
    broken = f"{scene.label}-2"
    await scene.fleet(count=2, faults=[f"prep.precache*1@{broken}"])
    await scene.start()
    await scene.apply(ibgu("upgrade", step("Prep"), fleet=scene.label))
    await scene.completed("upgrade")
    assert await scene.labels(broken) == {"prep-failed": ""}
    refused = await run("retry", "upgrade")
    assert (refused.exit_code, "use --abort-first" in refused.stderr) == (1, True)
    done = await run("retry", "upgrade", *([broken] if narrowed else []), "--abort-first")
    assert done.exit_code == 0, done.output
    by = "by the new rollout upgrade-cancel-" if narrowed else "as the next step of its plan"
    assert f"AbortOnFailure for 1 cluster of upgrade, {by}" in done.stdout
    assert "takes 1 failed cluster of upgrade through the plan again" in done.stdout
    assert scene.stages(broken) == ["Prep", "Abort", "Prep"]
    assert await scene.labels(broken) == {"prep-completed": ""}


async def test_the_manuals_sample_of_a_cancellation(scene: Scene, run: Run) -> None:
    """15.4.4 shows Prep completed and Abort under way: as of a plan to which Abort was added."""
    name = f"{scene.label}-1"
    await scene.fleet(count=1, faults=[f"frozen-feedback/Idle@{name}"])
    await scene.start()
    await scene.apply(ibgu("upgrade", step("Prep"), fleet=scene.label))
    await scene.completed("upgrade")
    done = await run("cancel", "upgrade", "--no-wait")
    assert done.exit_code == 0, done.output

    async def shown() -> bool:
        entry = await scene.entry("upgrade", name)
        return entry.get("currentAction") is not None

    await scene.until(shown, "the status to show the Abort")
    entry = await scene.entry("upgrade", name)
    assert actions(entry, "completed") == ["Prep"]
    assert entry["currentAction"]["action"] == "Abort"

    async def back() -> bool:
        scene.freeze(name, False)  # again and again: the fault may come after the first time
        return await scene.labels(name) == {}

    await scene.until(back, "the cluster to be back at Idle")
    await scene.completed("upgrade")


STRAY_WAITS = """SELECT cluster FROM members JOIN rollouts ON rollouts.uid = members.rollout
WHERE rollouts.name = 'stray' AND members.state = 'waiting' AND members.reason->>'gate' <> ''"""


@pytest.fixture
async def frozen(scene: Scene) -> AsyncIterator[None]:
    """A policy that lets no cluster of rollouts with the label tier=stray start."""
    long = {"from": "2020-01-01T00:00:00Z", "until": "2120-01-01T00:00:00Z"}
    await scene.apply(
        {
            "apiVersion": "ibgu.dev/v1alpha1",
            "kind": "RolloutPolicy",
            "metadata": {"name": "no-strays"},
            "spec": {
                "rollouts": {"selector": {"matchLabels": {"tier": "stray"}}},
                "freezes": [long],
            },
        }
    )
    yield
    await scene.kubectl("delete", "rolloutpolicy", "no-strays")


@pytest.mark.usefixtures("frozen")
async def test_a_stray_rollout_that_only_waits_takes_no_way_back_away(
    scene: Scene, run: Run
) -> None:
    """Before it was deleted every cluster was "in stray now", and after that its end hid theirs."""
    upgraded, broken = f"{scene.label}-1", f"{scene.label}-2"
    await scene.fleet(count=2, faults=[f"prep.precache*1@{broken}"])
    await scene.start()
    await scene.apply(ibgu("upgrade", step("Prep"), step("Upgrade"), fleet=scene.label))
    await scene.completed("upgrade")
    stray = ibgu("stray", step("Prep"), step("Upgrade"), fleet=scene.label)
    stray["metadata"]["labels"] = {"tier": "stray"}
    await scene.apply(stray)

    async def waiting() -> bool:
        found = {row["cluster"] for row in await scene.journal(STRAY_WAITS)}
        return broken in found

    await scene.until(waiting, "the stray rollout to wait for the failed cluster")
    assert "precache" in (await run("explain", broken, asks=False)).stdout
    back = await run("rollback", "upgrade", upgraded)
    assert back.exit_code == 0, back.output
    await scene.kubectl("delete", "ibgu", "stray", "-n", "default")

    async def left() -> bool:
        return not await scene.journal(STRAY_WAITS)

    await scene.until(left, "the stray rollout to leave its clusters")
    why = await run("explain", broken, asks=False)
    assert "precache" in why.stdout, why.output
    again = await run("retry", "upgrade", broken, "--abort-first")
    assert again.exit_code == 0, again.output
    assert await scene.labels(broken) == {"prep-completed": "", "upgrade-completed": ""}
