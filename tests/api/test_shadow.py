"""Shadow mode's records, over REST."""

from datetime import timedelta

import pytest

from ibgu.api.context import Context
from ibgu.core.assurance.shadow import ShadowNote, ShadowOutcome, ShadowVerdict
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Cause
from ibgu.db.shadow import ShadowRecords, ShadowStore
from tests.api.conftest import Ask
from tests.db.records import NOW
from tests.db.test_shadow import rollout, run, step

pytestmark = pytest.mark.hub


@pytest.fixture
async def store(context: Context) -> ShadowStore:
    store = ShadowStore(context.engine, context.hub)
    assert await store.lead("shadow-0", timedelta(seconds=30))
    return store


@pytest.fixture
async def watched(store: ShadowStore) -> None:
    """Stores two rollouts: of ran-u1 one cluster has failed long before TALM said so; site/ran-u2
    has just begun."""
    failed = run(
        "s1",
        ibgu=ShadowOutcome(ShadowVerdict.FAILED, NOW, Cause.PREP_FAILED, "Prep failed"),
        talm=ShadowOutcome(ShadowVerdict.FAILED, NOW + timedelta(hours=4)),
        freed_at=NOW + timedelta(hours=4),
        symptom=None,
    )
    done = ShadowOutcome(ShadowVerdict.SUCCEEDED, NOW + timedelta(minutes=10))
    good = run("s10", ibgu=done, talm=done, freed_at=NOW + timedelta(hours=4), symptom=None)
    held = ShadowNote(NOW, "RolloutPolicy/night would have held it: by day", "RolloutPolicy/night")
    later = run("s2", ibgu=None, talm=None, batch=2, symptom=None, words="", notes=(held,))
    other = rollout("u2", namespace="site", created_at=NOW + timedelta(hours=1))
    await store.write(ShadowRecords((rollout(), other), (step(),), (failed, good, later)))


async def test_watched_rollouts_are_listed_in_pages(ask: Ask, watched: None) -> None:
    found = (await ask("alice", "shadow/rollouts")).json()
    assert [item["name"] for item in found["items"]] == ["ran-u2", "ran-u1"]
    assert all(item["shadow"] for item in found["items"])
    assert found["items"][1]["plan"] == [["Prep"], ["Upgrade", "FinalizeUpgrade"]]
    page = (await ask("alice", "shadow/rollouts", limit=1)).json()
    rest = (await ask("alice", "shadow/rollouts", cursor=page["nextCursor"])).json()
    assert [item["name"] for item in rest["items"]] == ["ran-u1"]


async def test_shadow_rollouts_follow_the_callers_namespaces(ask: Ask, watched: None) -> None:
    assert [i["name"] for i in (await ask("bob", "shadow/rollouts")).json()["items"]] == ["ran-u1"]
    assert (await ask("bob", "shadow/rollouts", namespace="site")).status_code == 403
    assert (await ask("bob", "shadow/rollouts/site/ran-u2")).status_code == 403
    found = await ask("alice", "shadow/rollouts", namespace="site")
    assert [item["name"] for item in found.json()["items"]] == ["ran-u2"]


async def test_a_report_contains_failures_steps_and_lead_times(ask: Ask, watched: None) -> None:
    report = (await ask("alice", "shadow/rollouts/default/ran-u1")).json()
    assert report["shadow"] is True
    assert report["rollout"]["name"] == "ran-u1"
    (group,) = report["failures"]
    assert (group["count"], group["clusters"], group["aheadSeconds"]) == (1, ["s1"], 4 * 3600)
    assert (group["cause"], group["failure"]) == ("PrepFailed", None)
    assert "oc get ibu upgrade" in group["remedy"]
    (told,) = report["steps"]
    assert (told["step"], told["clusters"], told["batches"]) == (1, 3, 2)
    assert [(slow["batch"], slow["slowest"]) for slow in told["slow"]] == [(1, "s10")]
    assert report["aheadSeconds"] == 4 * 3600
    assert report["policies"] == [
        {
            "gate": "RolloutPolicy/night",
            "count": 1,
            "clusters": ["s2"],
            "message": "RolloutPolicy/night would have held it: by day",
        }
    ]


async def test_clusters_of_a_report_are_listed_in_pages(ask: Ask, watched: None) -> None:
    path = "shadow/rollouts/default/ran-u1/clusters"
    found = (await ask("alice", path)).json()["items"]
    assert [item["cluster"] for item in found] == ["s1", "s2", "s10"]
    failed = found[0]
    assert failed["explanation"] == "Prep has failed; TALM said so 240 min later"
    assert (failed["ibgu"]["verdict"], failed["talm"]["verdict"]) == ("failed", "failed")
    assert [line["text"] for line in failed["history"]] == ["TALM asks the cluster for Prep"]
    assert found[2]["idleSeconds"] == 4 * 3600 - 600
    assert found[1]["remedy"] is None
    page = (await ask("alice", path, limit=2)).json()
    rest = (await ask("alice", path, cursor=page["nextCursor"])).json()
    assert [item["cluster"] for item in rest["items"]] == ["s10"]
    assert rest["nextCursor"] is None
    only = (await ask("alice", path, cluster="s1")).json()["items"]
    assert [item["cluster"] for item in only] == ["s1", "s10"]


async def test_an_unwatched_rollout_is_not_found(ask: Ask, watched: None) -> None:
    answer = await ask("alice", "shadow/rollouts/default/nobody")
    assert answer.status_code == 404
    assert "ibgu run --shadow" in answer.json()["detail"]
    assert (await ask("alice", "shadow/rollouts/default/nobody/clusters")).status_code == 404
    path = "shadow/rollouts/default/ran-u1/clusters"
    assert (await ask("alice", path, cursor="x")).status_code == 422


async def test_each_action_of_a_cluster_has_its_own_record(store: ShadowStore, ask: Ask) -> None:
    both = step(actions=(Action.PREP, Action.UPGRADE))
    second = run("s1", action=Action.UPGRADE, since=NOW + timedelta(minutes=9))
    await store.write(ShadowRecords((rollout(),), (both,), (run("s1"), second)))
    path = "shadow/rollouts/default/ran-u1/clusters"
    found = (await ask("alice", path, limit=1)).json()
    rest = (await ask("alice", path, cursor=found["nextCursor"])).json()
    assert [found["items"][0]["action"], rest["items"][0]["action"]] == ["Prep", "Upgrade"]
