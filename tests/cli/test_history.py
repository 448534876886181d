"""`ibgu history`: every attempt on a cluster."""

import json
import re

from msgspec.structs import replace

from ibgu.cli.show.history import history_lines
from ibgu.client.responses import (
    MemberResponse,
    RolloutNameResponse,
    RunResponse,
    VisitResponse,
)
from ibgu.core.drivers.ibu.actions import Action
from ibgu.db import Journal
from tests.api.fleet import MONITOR, PULL, failed, fleet, open_step, put, rollout, seen
from tests.cli.conftest import Ibgu
from tests.db.records import NOW, step


def rows(text: str) -> list[list[str]]:
    return [re.split(r" {3,}", line) for line in text.splitlines()]


async def test_attempts_over_all_rollouts_the_newest_last(ibgu: Ibgu, journal: Journal) -> None:
    older = rollout("r0", age=60)
    await seen(journal, older)
    prep = await open_step(journal, step(older, 0, Action.PREP))
    await put(journal, failed(prep, "a", 0, PULL))
    await fleet(journal)
    found = await ibgu("history", "a")
    assert found.exit_code == 0, found.output
    heading, *lines = rows(found.stdout)
    assert heading == ["ROLLOUT", "STEP", "ACTION", "ATTEMPT", "STARTED", "TOOK", "RESULT", "CAUSE"]
    assert [[*line[:4], *line[6:]] for line in lines] == [
        ["default/ran-r0", "1", "Prep", "-", "failed", "PrecacheFailed"],
        ["default/ran-r1", "1", "Prep", "-", "succeeded", "-"],
        ["default/ran-r1", "2", "Upgrade", "1", "accepted", "-"],
    ]
    wide = rows((await ibgu("history", "a", "-o", "wide")).stdout)
    assert wide[0][-2:] == ["RUN", "WORDS"]
    assert wide[1][-1] == PULL
    assert wide[3][-2] == "run-r1-a"


def test_a_runs_cause_is_the_known_failures_name() -> None:
    run = RunResponse(
        id="run-1",
        action="Upgrade",
        intended_at=NOW,
        ended_at=NOW,
        result="failed",
        cause="UpgradeFailed",
        message=MONITOR,
    )
    rollout, member = (
        RolloutNameResponse(namespace="default", name="ran"),
        MemberResponse(cluster="a", step=1),
    )
    runs = (run, replace(run, message="never heard of"), replace(run, cause=None))
    lines = rows(
        "\n".join(
            history_lines(
                [VisitResponse(rollout=rollout, member=member, runs=runs)], NOW, wide=False
            )
        )
    )
    assert [line[-1] for line in lines[1:]] == ["InitMonitorTimeout", "UpgradeFailed", "-"]


async def test_a_waiting_cluster_shows_its_reason(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal)
    line = rows((await ibgu("history", "g")).stdout)[1]
    assert line[2:] == ["Upgrade", "-", "-", "-", "waiting", "ClaimedByOther"]


async def test_json_output_has_the_attempts(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal)
    body = json.loads((await ibgu("history", "a", "-o", "json", "--limit", "1")).stdout)
    [visit] = body["items"]
    assert (visit["member"]["step"], visit["runs"][0]["id"]) == (2, "run-r1-a")


async def test_unknown_clusters_and_forbidden_callers_are_refused(ibgu: Ibgu) -> None:
    unknown = await ibgu("history", "nobody")
    assert unknown.stderr == "ibgu: cluster nobody has not been in any rollout; check the name\n"
    refused = await ibgu("history", "nobody", user="bob")
    assert refused.stderr.startswith("ibgu: bob may not get managedclusters")
    assert (unknown.exit_code, refused.exit_code) == (1, 1)
