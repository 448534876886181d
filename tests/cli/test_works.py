"""`ibgu works`: what is asked of a cluster on the hub, and what its agent reports."""

import yaml
from msgspec.structs import replace

from ibgu.api.context import Context
from ibgu.cli.show.output_style import PLAIN
from ibgu.cli.show.times import clock
from ibgu.cli.show.works import works_lines
from ibgu.client.responses import (
    ConditionResponse,
    ManifestResponse,
    WorkResponse,
    WorkRunResponse,
    WorksResponse,
)
from ibgu.db import Journal
from ibgu.db.labels import LabelStore, seen
from tests.api.fleet import fleet
from tests.api.test_works import admin, site
from tests.cli.conftest import Ibgu
from tests.db.records import NOW

__all__ = ["admin", "site"]


async def test_works_of_a_real_hub_are_shown(ibgu: Ibgu, site: str) -> None:
    found = await ibgu("works", site)
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    assert lines[0] == site
    assert "asks     Prep, attempt 2 (armed)" in lines
    assert "stands   preparing: stage Prep, seed 4.17.2; may follow: Idle" in lines
    assert "    prepInProgressMessage = Precache job in progress" in lines
    told = yaml.safe_load((await ibgu("works", site, "-o", "yaml")).stdout)
    assert [each["part"] for each in told["items"]] == ["payload", "stage"]


async def test_a_forbidden_caller_sees_the_missing_right(ibgu: Ibgu, site: str) -> None:
    refused = await ibgu("works", site, user="bob")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("ibgu: bob may not list manifestworks.work.open-cluster-")


async def test_a_cluster_of_which_nothing_is_asked(
    ibgu: Ibgu, journal: Journal, context: Context
) -> None:
    await fleet(journal)
    await LabelStore(context.engine, context.hub).put([seen("a", {"ring": "1", "region": "n"})], 1)
    assert (await ibgu("works", "a")).stdout.splitlines() == [
        "a",
        "labels   region=n, ring=1",
        "ibgu has no ManifestWork for this cluster: it requests nothing, and the cluster "
        "reports nothing",
    ]


APPLIED = ConditionResponse(
    type="Applied", status="False", reason="AppliedFailed", message="not permitted"
)
WORK = WorkResponse(
    name="ran-417-0123-stage",
    part="stage",
    rollout="default/ran-417",
    rollout_uid="uid-1",
    asks="Upgrade, attempt 1 (it ended: refused; disarmed, only watched)",
    agent="has not applied this version yet",
    stands="prepared: stage Prep",
    generation=4,
    terminating=False,
    edited=False,
    armed=False,
    run=WorkRunResponse(id="r1", action="Upgrade", attempt=1, limit=NOW, result="refused"),
    applied=False,
    apply_error="the stage transition\nis not permitted",
    conditions=(APPLIED,),
    manifests=(
        ManifestResponse(
            kind="ConfigMap",
            namespace="adp",
            name="oadp",
            conditions=(APPLIED, ConditionResponse(type="Available", status="True")),
            feedback={"stage": "Prep"},
        ),
    ),
)


def lines(work: WorkResponse) -> list[str]:
    found = WorksResponse(cluster="site-1", read_at=NOW, items=(work,))
    return list(works_lines(found, None, PLAIN))


def test_a_work_is_printed_with_its_state_and_objects() -> None:
    assert lines(WORK) == [
        "site-1",
        "",
        "ran-417-0123-stage  (default/ran-417, stage)",
        "asks     Upgrade, attempt 1 (it ended: refused; disarmed, only watched)",
        f"limit    {clock(NOW, NOW)}",
        "run      r1",
        "agent    has not applied this version yet",
        "refused  the stage transition is not permitted",
        "stands   prepared: stage Prep",
        "  ConfigMap adp/oadp",
        "    Applied False (AppliedFailed: not permitted)",
        "    Available True",
        "    stage = Prep",
    ]


def test_a_work_that_requests_nothing_prints_its_agent_only() -> None:
    bare = replace(WORK, asks="", run=None, apply_error="", stands="", manifests=())
    assert lines(bare)[2:] == [
        "ran-417-0123-stage  (default/ran-417, stage)",
        "agent    has not applied this version yet",
    ]
