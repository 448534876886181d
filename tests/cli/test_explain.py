"""`ibgu explain`: why, what it means, what to do."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import (
    ActingParty,
    Cause,
    CompletedAction,
    Kind,
    OnMember,
    OnStep,
    Outcome,
    Reason,
    ReasonKind,
    RolloutState,
)
from ibgu.core.model.follow_ups import StepFollowUps
from ibgu.db import Journal
from tests.api.fleet import (
    CIRCUIT_BREAKER,
    MONITOR,
    RATE_LIMITED,
    fleet,
    open_step,
    put,
    rollout,
    run_upgrade,
    seen,
    tell,
)
from tests.api.test_explain import AGAIN
from tests.cli.conftest import Ibgu
from tests.db.records import NOW, ended, ending, member, step


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


async def facts(ibgu: Ibgu, *args: str, **more: Any) -> dict[str, str]:
    """The first line as "", the others by their name; without how long ago it was."""
    found = await ibgu("explain", *args, **more)
    assert found.exit_code == 0, found.output
    first, *lines = re.sub(r"\d+ d( \d+ h)?", "some time", found.stdout).splitlines()
    return {"": first} | {line[:9].strip(): line[9:] for line in lines}


async def upgrade_failed(journal: Journal) -> None:
    """a: Prep was done before; Upgrade ran for 34 minutes and was rolled back."""
    await fleet(journal)
    one = step(rollout(), 1, Action.UPGRADE)
    loaded = {each.key: each for each in (await journal.load()).members}
    running = loaded["r1", 1, "a"]
    later = NOW + timedelta(minutes=34)
    over = ended(
        running,
        Outcome.FAILED,
        cause=Cause.UPGRADE_FAILED,
        failed_action=one.first,
        message=MONITOR,
        ended_at=later,
    )
    assert over.run
    over = replace(over, run=replace(over.run, ended_at=later))
    await journal.commit(ending(over))


async def test_a_failure_and_what_to_do(ibgu: Ibgu, journal: Journal) -> None:
    await upgrade_failed(journal)
    found = await facts(ibgu, "ran-r1", "a")
    assert found[""] == (
        "a · default/ran-r1 · step 2 · ✗ Upgrade failed some time ago (attempt 1, ran 34 min)"
    )
    assert found["why"] == f"{MONITOR}   [InitMonitorTimeout]"
    assert found["means"]
    assert found["do"]
    assert found["history"] == (
        "2026-05-04 03:02:01 Upgrade started · 2026-05-04 03:36:01 Upgrade failed (34 min)"
    )
    assert await facts(ibgu, "a") == found


async def test_the_rollout_alone_is_enough_to_ask_for_its_member(
    ibgu: Ibgu, journal: Journal
) -> None:
    await upgrade_failed(journal)
    assert await facts(ibgu, "ran-r1", "a", user="bob") == await facts(ibgu, "ran-r1", "a")
    refused = await ibgu("explain", "a", user="bob")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("ibgu: bob may not get managedclusters")


async def test_a_held_cluster_shows_the_hold_and_its_remedy(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal, hold=CIRCUIT_BREAKER)
    found = await facts(ibgu, "ran-r1", "b")
    assert found[""].endswith("step 2 · ⏸ waits with Upgrade for some time: CircuitBreaker")
    assert found["why"] == "5 clusters in a row have failed   [CircuitBreaker]"
    assert "ibgu.dev/resume" in found["do"]
    assert found["ends"] == "a person resumes it   (you must act)"
    assert set(found) == {"", "why", "means", "do", "ends"}


async def test_a_rate_limited_cluster_shows_until_when(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal, hold=RATE_LIMITED)
    found = await facts(ibgu, "ran-r1", "b")
    assert found["why"] == "at most 2 a minute   [StartRate]"
    assert found["until"] == "2026-05-04 03:02:41 (passed)"
    assert found["ends"].endswith("(ibgu continues automatically)")


async def test_a_cluster_that_a_limit_keeps_waits_for_other_clusters(
    ibgu: Ibgu, journal: Journal
) -> None:
    one = rollout()
    await seen(journal, one)
    upgrade = await open_step(journal, step(one, 0, Action.UPGRADE))
    who, gate = ActingParty.CLUSTER, "RolloutPolicy/hub-wide"
    full = Reason(ReasonKind.GATE, NOW, "30 clusters are in flight", None, who, gate)
    await put(journal, member(upgrade, "x", 0, reason=full))
    found = await facts(ibgu, "x")
    assert found["ends"].endswith("(waits for other clusters)")


async def test_a_running_cluster_shows_its_limit(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal)
    found = await facts(ibgu, "ran-r1", "a")
    assert found[""].endswith(
        "↻ Upgrade for some time, rebooting for some time (attempt 1), "
        "overdue: usually 45 min at most"
    )
    assert found["overdue"] == "since 2026-05-04 03:47:01"
    assert found["do"].startswith("check the site's console")
    assert found["ends"].endswith("(you must act)")
    assert found["limit"] == "2026-05-04 05:02:01 (passed)"
    assert found["history"] == "2026-05-04 03:02:01 Upgrade started"


async def test_a_late_completion_is_shown_as_success(ibgu: Ibgu, journal: Journal) -> None:
    one = rollout()
    await seen(journal, one)
    upgrade = await open_step(journal, step(one, 0, Action.UPGRADE))
    waiting = member(
        upgrade, "x", 0, reason=Reason(ReasonKind.RUNNING, NOW, "", None, ActingParty.CLUSTER)
    )
    await put(journal, waiting)
    await run_upgrade(journal, waiting)
    running = (await journal.load()).members[0]
    late = "completed late, after 47 min"
    done = CompletedAction(Action.UPGRADE, NOW + timedelta(minutes=47), late)
    over = ended(
        running,
        Outcome.FAILED,
        cause=Cause.TIMED_OUT,
        failed_action=Action.UPGRADE,
        message="timed out",
        late=late,
        completed=(done,),
    )
    await journal.commit(ending(over))
    await tell(journal, OnMember(Kind.COMPLETED_LATE, over, late))
    found = await facts(ibgu, "x")
    assert found[""].endswith("Upgrade succeeded late (attempt 1, ran 0 s)")
    assert found["late"] == late
    assert not found.keys() & {"why", "means", "do"}
    assert found["history"].endswith(f" · 2026-05-04 03:49:01 Upgrade {late}")


async def test_a_cluster_that_nobody_knows(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal)
    alone = await ibgu("explain", "nobody")
    assert alone.stderr == "ibgu: cluster nobody has not been in any rollout; check the name\n"
    of = await ibgu("explain", "ran-r1", "nobody")
    assert of.stderr.startswith("ibgu: cluster nobody is in no step of rollout ran-r1 yet")
    assert (alone.exit_code, of.exit_code) == (1, 1)


@pytest.mark.parametrize("state", [RolloutState.COMPLETE, RolloutState.DELETED])
async def test_an_ended_rollout_never_had_the_cluster(
    ibgu: Ibgu, journal: Journal, state: RolloutState
) -> None:
    await seen(journal, rollout(state=state))
    found = await ibgu("explain", "ran-r1", "nobody")
    words = "ibgu: cluster nobody was in no step of rollout ran-r1, which has ended"
    assert found.stderr.startswith(words)


async def test_more_than_two_names(ibgu: Ibgu) -> None:
    assert (await ibgu("explain", "a", "b", "c")).exit_code == 2


async def test_json_output_explains_a_failed_cluster(ibgu: Ibgu, journal: Journal) -> None:
    await upgrade_failed(journal)
    body = json.loads((await ibgu("explain", "ran-r1", "a", "-o", "json")).stdout)
    assert (body["cluster"], body["state"], body["kind"]) == ("a", "failed", "InitMonitorTimeout")
    unknown = await ibgu("explain", "ran-9", "a", "-o", "json")
    assert (unknown.exit_code, unknown.stdout) == (1, "")


async def test_each_follow_up_of_a_policy_has_a_line(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal)
    made = StepFollowUps(made=(AGAIN,))
    await tell(journal, OnStep(Kind.FOLLOW_UP, step(rollout(), 1, follow_ups=made), "planned"))
    found = await facts(ibgu, "ran-r1", "a", "-n", "default")
    assert found["asked"].startswith("Prep of a, z-9 again (retry 1) for RolloutPolicy retry at ")
