"""`ibgu shadow-report` against an API that is really served."""

import json
from datetime import timedelta

import pytest

from ibgu.db.shadow import ShadowRecords, ShadowStore
from tests.api.test_shadow import store, watched
from tests.cli.conftest import Ibgu
from tests.db.records import NOW
from tests.db.test_shadow import rollout, run, step

__all__ = ["store", "watched"]
pytestmark = pytest.mark.hub


async def test_a_report_shows_failures_and_waiting_batches(ibgu: Ibgu, watched: None) -> None:
    done = await ibgu("shadow-report", "default/ran-u1")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].startswith("default/ran-u1  → 4.17.2   shadow: TALM did this, ibgu only")
    assert "failures detected earlier by 4 h altogether (1 of them)" in lines
    assert "       known 4 h before TALM's time-out, on average" in lines
    at = lines.index("Policies would have held")
    assert lines[at + 1] == "    1  RolloutPolicy/night would have held it: by day"
    assert lines[at + 2] == "       s2"
    assert any(line.startswith("       batch 1 waited") for line in lines)
    row, told = [line for line in lines if line.startswith("s1 ")]
    assert "timed out" in row
    assert "failed" in row
    assert told == "s1 Prep: Prep has failed; TALM said so 240 min later"
    assert done.stdout.count("TALM asks the cluster for Prep") == 2


async def test_cluster_option_limits_the_report_to_one_cluster(ibgu: Ibgu, watched: None) -> None:
    done = await ibgu("shadow-report", "ran-u1", "-n", "default", "--cluster", "s1")
    assert "s1 Prep: Prep has failed; TALM said so 240 min later" in done.stdout
    assert "  do  " in done.stdout
    assert "s10" not in done.stdout.partition("CLUSTER")[2]


async def test_json_output_lists_clusters_and_rollouts(ibgu: Ibgu, watched: None) -> None:
    done = await ibgu("shadow-report", "default/ran-u1", "-o", "json")
    found = json.loads(done.stdout)
    assert (found["shadow"], found["failures"][0]["count"]) == (True, 1)
    assert [row["cluster"] for row in found["clusters"]] == ["s1", "s2", "s10"]
    done = await ibgu("shadow-report", "-A", "-o", "json")
    names = [item["rollout"]["name"] for item in json.loads(done.stdout)["items"]]
    assert names == ["ran-u2", "ran-u1"]


async def test_all_of_a_namespace(ibgu: Ibgu, watched: None) -> None:
    done = await ibgu("shadow-report", "-n", "site")
    assert done.exit_code == 0
    assert "site/ran-u2" in done.stdout
    assert "ran-u1" not in done.stdout


async def test_status_and_explain_know_the_shadow(ibgu: Ibgu, watched: None) -> None:
    """The rollout is one of which ibgu itself has none of that name."""
    done = await ibgu("status", "ran-u1", "-n", "default")
    assert done.exit_code == 0, done.output
    assert "shadow: TALM did this, ibgu only watched" in done.stdout
    for shown in ("status", "tree"):
        done = await ibgu(shown, "ran-u1", "-n", "default", "-o", "json")
        assert (done.exit_code, done.stdout) == (1, "")
        assert "there is no rollout ran-u1" in done.stderr
    done = await ibgu("explain", "ran-u1", "s1", "-n", "default")
    assert "s1 Prep: Prep has failed; TALM said so 240 min later" in done.stdout
    assert "s10" not in done.stdout.partition("CLUSTER")[2]
    for command in (("status", "nobody"), ("explain", "ran-u1", "nobody")):
        done = await ibgu(*command, "-n", "default")
        assert done.exit_code == 1
        assert "there is no rollout" in done.stderr


async def test_nothing_was_watched(ibgu: Ibgu) -> None:
    done = await ibgu("shadow-report", "-A")
    assert done.exit_code == 0
    assert "ibgu run --shadow" in done.stderr
    done = await ibgu("shadow-report", "default/nobody")
    assert done.exit_code == 1
    assert "has not seen TALM carry out nobody in namespace default; to watch" in done.stderr


async def test_a_mistyped_rollout_of_talm(ibgu: Ibgu, watched: None) -> None:
    done = await ibgu("shadow-report", "default/rna-u1")
    assert done.exit_code == 1
    assert "TALM carry out rna-u1 in namespace default; do you mean ran-u1?" in done.stderr


async def test_a_rollout_with_few_records_is_reported(ibgu: Ibgu, store: ShadowStore) -> None:
    bare = rollout(progress="", seed_version="")
    over = rollout("u3", deleted=True)
    finished = step("u3", finished_at=NOW + timedelta(hours=9), batches=(), started_at=NOW)
    many = [run(f"s{n}", "u3", ibgu=None, talm=None, symptom=None) for n in range(5)]
    await store.write(ShadowRecords((bare, over), (finished,), tuple(many)))
    done = await ibgu("shadow-report", "default/ran-u1")
    assert done.stdout.splitlines()[0].endswith("ibgu only watched · not begun")
    done = await ibgu("shadow-report", "default/ran-u3")
    assert done.stdout.splitlines()[0].endswith("ibgu only watched · deleted")
    assert "step 1 Prep · 0 clusters in 0 batches · took 9 h" in done.stdout
    assert "under way" not in done.stdout  # only a few clusters are shown in full
