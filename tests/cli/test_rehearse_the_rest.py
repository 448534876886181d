"""`ibgu rehearse NAME`: what is left of a rollout of the hub."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from ibgu.cli.rehearse.under_way import _member as standing_of
from ibgu.client.responses import CompletedActionResponse, MemberResponse, RunResponse
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Intended, MemberState, Rollout, RunResult, StepState
from ibgu.core.rehearsal.model import Standing
from ibgu.db import Journal
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from tests.api.fleet import PULL, failed, open_step, over, put, rollout, seen, succeeded
from tests.api.test_changes import admin, clusters, manifest
from tests.cli.conftest import Ibgu
from tests.db.records import member, starting, step
from tests.members import changed_member

__all__ = ["admin", "clusters"]


@pytest.fixture(autouse=True)
def log() -> Iterator[None]:
    """Silences the API's log, which runs in the same process and so on the same output."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
async def half_done(admin: HubClient, journal: Journal) -> AsyncIterator[Rollout]:
    """Prep has succeeded on two clusters, and its step is over. Upgrade is under way on x1-a, and
    x1-c waits."""
    body = manifest("Prep", "Upgrade") | {"metadata": {"name": "ran-x1", "namespace": "default"}}
    chosen = {"key": "name", "operator": "In", "values": ["x1-a", "x1-c"]}
    body["spec"]["clusterLabelSelectors"] = [{"matchExpressions": [chosen]}]
    created = await admin.request("POST", paths.ibgus("default"), body=body)
    uid = msgspec.json.decode(created)["metadata"]["uid"]
    shown = {"status": {"phase": "Running"}}
    where = paths.ibgu_status("default", "ran-x1")
    await admin.request("PATCH", where, body=shown, content_type=paths.MERGE_PATCH)
    now = datetime.now(UTC)
    begun = now - timedelta(minutes=30)
    found = rollout(uid, name="ran-x1", started_at=begun - timedelta(hours=1))
    await seen(journal, found)
    ended = {"state": StepState.FINISHED, "started_at": found.started_at, "finished_at": begun}
    prep = await open_step(journal, step(found, 0, Action.PREP, total=2, **ended))
    await put(journal, succeeded(prep, "x1-a", 0), failed(prep, "x1-gone", 1, PULL))
    upgrade = step(found, 1, Action.UPGRADE, started_at=begun, total=2, max_concurrency=1)
    await open_step(journal, upgrade)
    waiting = [member(upgrade, "x1-a", 0), member(upgrade, "x1-c", 1)]
    await put(journal, *waiting)
    run = Intended(id="run-a", action=Action.UPGRADE, attempt=1, intended_at=begun)
    going = changed_member(
        waiting[0], slot=1, state=MemberState.IN_FLIGHT, started_at=begun, run=run, attempts=1,
        limit=now + timedelta(hours=4),
    )  # fmt: skip
    assert not await journal.commit(starting(going))
    yield found
    await admin.request("DELETE", paths.ibgu("default", "ran-x1"))


async def left(ibgu: Ibgu, *args: str) -> Any:
    found = await ibgu("rehearse", "ran-x1", "-o", "json", *args, user="olga")
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


@pytest.mark.hub
@pytest.mark.usefixtures("clusters", "half_done")
async def test_the_rest_of_a_rollout_is_rehearsed_from_now(ibgu: Ibgu) -> None:
    taking = ("--taking", "Upgrade=40,40")
    body = await left(ibgu, *taking)
    prep, upgrade = body["steps"]
    assert (prep["over"], prep["succeeded"], prep["failed"]) == (True, 1, 1)
    assert prep["end"]["p50"] == pytest.approx(-1800, abs=60)
    assert (upgrade["over"], upgrade["succeeded"]) == (False, 2)
    # Ten minutes are left of the first cluster; the other one starts now.
    assert body["end"]["p50"] == pytest.approx(2400, abs=60)
    assert body["clusters"] == 3
    text = await ibgu("rehearse", "ran-x1", *taking, user="olga")
    lines = text.stdout.splitlines()
    assert lines[2].startswith("step 1 Prep: ended ")
    assert lines[2].endswith("; 1 succeeded, 1 failed, 0 never started")
    assert any(line.startswith("assumed: the clock of step 2 has never stood") for line in lines)


@pytest.mark.hub
@pytest.mark.usefixtures("clusters", "half_done")
async def test_the_rest_is_not_rehearsed_from_another_time(ibgu: Ibgu) -> None:
    for args in (("--begin", "2026-12-01T22:00:00Z"), ("--against", "b.yaml"), ("-f", "a.yaml")):
        refused = await ibgu("rehearse", "ran-x1", *args, user="olga")
        assert refused.exit_code == 2
        assert "specify a rollout, or a manifest with -f" in refused.stderr
    assert (await ibgu("rehearse", user="olga")).exit_code == 2


@pytest.mark.hub
@pytest.mark.usefixtures("clusters")
async def test_a_rollout_that_has_ended_has_nothing_left(
    ibgu: Ibgu, half_done: Rollout, journal: Journal
) -> None:
    await over(journal, half_done)
    found = await ibgu("rehearse", "ran-x1", user="olga")
    assert found.exit_code == 1
    assert "nothing of ran-x1 is left to rehearse: it has ended" in found.stderr


@pytest.mark.hub
@pytest.mark.usefixtures("clusters", "half_done")
async def test_a_rollout_is_rehearsed_beside_its_course(ibgu: Ibgu, tmp_path: Path) -> None:
    taking = ("--taking", "Prep=40,50", "--taking", "Upgrade=40,50")
    saved = tmp_path / "beside.html"
    found = await ibgu("rehearse", "ran-x1", "--beside", *taking, "--html", str(saved), user="olga")
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    assert lines[0].startswith("rehearsed 100 times from the start, ")
    assert lines[1].endswith("; it has not ended")
    assert lines[2].startswith("step 1 Prep: begins likely ")
    assert lines[3].endswith(" later than that")
    assert lines[4] == "  2 succeed, 0 fail; 1 succeeded, 1 failed"
    assert "assumed: the policies are those of now, also for the time before" in lines
    page = saved.read_text()
    assert "<title>Rehearsal of ran-x1 beside what came</title>" in page
    assert 'class="real"' in page
    body = await left(ibgu, "--beside", *taking)
    prep, upgrade = body["beside"]["steps"]
    assert (prep["began"], prep["ended"], prep["within"]) == (0, 3600, False)
    assert (prep["succeeded"], prep["failed"]) == (1, 1)
    assert (upgrade["began"], upgrade["ended"], upgrade["within"]) == (3600, None, None)
    assert (body["beside"]["ended"], body["beside"]["within"]) == (None, None)
    # Prep of both, and Upgrade of the one that the selectors still match.
    assert body["beside"]["curve"][-1]["rehearsed"]["p50"] == 3


@pytest.mark.hub
async def test_a_manifest_has_nothing_to_stand_beside(ibgu: Ibgu) -> None:
    for args in (("-f", "a.yaml"), ("ran-x1", "--by", "region")):
        refused = await ibgu("rehearse", "--beside", *args, user="olga")
        assert refused.exit_code == 2
        assert "--beside works with the name of a rollout" in refused.stderr


@pytest.mark.hub
@pytest.mark.usefixtures("clusters")
async def test_a_rollout_that_has_not_begun_has_no_course(
    ibgu: Ibgu, admin: HubClient, journal: Journal
) -> None:
    created = await admin.request(
        "POST", paths.ibgus("default"), body=manifest("Prep", "Upgrade", "FinalizeUpgrade")
    )
    try:
        uid = msgspec.json.decode(created)["metadata"]["uid"]
        await seen(journal, rollout(uid, name="ran-x1", started_at=None))
        found = await ibgu("rehearse", "ran-x1", "--beside", user="olga")
        assert found.exit_code == 1
        assert "ran-x1 has not begun, so there is nothing to compare with" in found.stderr
    finally:
        await admin.request("DELETE", paths.ibgu("default", "ran-x1"))


@pytest.mark.parametrize(
    ("result", "standing"),
    [
        (None, Standing.NEVER_STARTED),
        (RunResult.WITHDRAWN, Standing.NEVER_STARTED),
        (RunResult.LIMIT, Standing.FAILED),
    ],
)
def test_a_cluster_whose_prep_was_completed_late_has_started(
    result: RunResult | None, standing: Standing
) -> None:
    """The cluster has failed at Upgrade, with the cause of those that no slot was free for."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    ended = RunResponse(id="run-1", intended_at=now, ended_at=now, result=result)
    found = MemberResponse(
        cluster="site-1",
        state="finished",
        outcome="failed",
        cause="NeverStarted",
        failed_action="Upgrade",
        ended_at=now,
        run=ended if result else None,
    )
    seen = standing_of(found, ("Prep", "Upgrade"), now)
    assert (seen.standing, seen.action) == (standing, 1)


@pytest.mark.parametrize(
    ("run", "completed", "begun"),
    [
        (None, (), False),
        ({"action": "Prep"}, (), False),
        ({"action": "Prep", "result": "preempted"}, (), True),
        ({"action": "Upgrade"}, (), True),
        ({"action": "Upgrade", "arming_at": None}, (), False),
        ({"action": "Upgrade", "arming_at": None}, ("was already there",), False),
        ({"action": "Upgrade", "arming_at": None}, ("",), True),
        ({"action": "Upgrade", "arming_at": None, "attempt": 2}, (), True),
        ({"action": "Pools"}, (), True),
    ],
)
def test_a_skipped_cluster_has_begun_if_it_may_have_done_anything(
    run: dict[str, Any] | None, completed: tuple[str, ...], begun: bool
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    over: dict[str, Any] = {"intended_at": now, "arming_at": now, "result": "withdrawn"}
    found = MemberResponse(
        cluster="site-1",
        state="finished",
        outcome="skipped",
        ended_at=now,
        completed=tuple(
            CompletedActionResponse(action="Prep", at=now, note=note) for note in completed
        ),
        run=None if run is None else RunResponse(**{"id": "run-1", "attempt": 1, **over, **run}),
    )
    seen = standing_of(found, ("Prep", "Upgrade"), now)
    assert (seen.standing, seen.begun) == (Standing.LEFT, begun)
