"""`ibgu status --wait`: for scripts, which read the exit code."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from ibgu.cli.read import polling
from ibgu.cli.read.spans import span
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import (
    ActingParty,
    Kind,
    Member,
    OnRollout,
    Outcome,
    Reason,
    ReasonKind,
    RolloutState,
    Step,
    StepState,
)
from ibgu.core.model.kinds import RolloutSpec
from ibgu.db import Journal
from tests.api.fleet import (
    CIRCUIT_BREAKER,
    failed,
    finished,
    open_step,
    put,
    rollout,
    seen,
    succeeded,
)
from tests.api.fleet import tell as commit
from tests.cli.conftest import Ibgu, Meanwhile
from tests.db.records import NOW, step

WAIT = ("--wait", "--timeout", "2m")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "REFRESH_SECONDS", 0.01)


async def complete(journal: Journal, *outcomes: Outcome) -> None:
    """A rollout of one step, with one member an outcome."""
    plan = RolloutSpec(plan=rollout().spec.plan[:1])
    one = rollout(spec=plan)
    await seen(journal, one)
    prep = step(one, 0, Action.PREP, state=StepState.FINISHED, finished_at=NOW)
    await open_step(journal, replace(prep, total=len(outcomes)))
    await put(journal, *(_member(prep, n, outcome) for n, outcome in enumerate(outcomes)))
    done = replace(one, state=RolloutState.COMPLETE, completed_at=NOW)
    await commit(journal, OnRollout(Kind.ROLLOUT_COMPLETED, done, "all steps are finished"))


def _member(prep: Step, position: int, outcome: Outcome) -> Member:
    name = f"c{position}"
    match outcome:
        case Outcome.SUCCEEDED:
            return succeeded(prep, name, position)
        case Outcome.FAILED:
            return failed(prep, name, position, "no such luck")
        case _:
            return finished(prep, name, position, outcome)


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ((Outcome.SUCCEEDED, Outcome.SUCCEEDED), 0),
        ((Outcome.SUCCEEDED, Outcome.FAILED), 1),
        ((Outcome.SUCCEEDED, Outcome.CANCELLED), 1),
        ((Outcome.SUCCEEDED, Outcome.SKIPPED), 1),
    ],
)
async def test_the_exit_code_reflects_the_outcomes(
    ibgu: Ibgu, journal: Journal, outcomes: tuple[Outcome, ...], code: int
) -> None:
    await complete(journal, *outcomes)
    found = await ibgu("status", "ran-r1", *WAIT)
    assert found.exit_code == code, found.output
    assert found.stdout.count("ran-r1 (default)") == 1
    assert (await ibgu("status", "ran-r1")).exit_code == 0


async def test_a_rollout_without_clusters_exits_with_5(ibgu: Ibgu, journal: Journal) -> None:
    await complete(journal)
    found = await ibgu("status", "ran-r1", *WAIT)
    assert found.exit_code == 5, found.output
    assert "   Completed: no clusters · " in found.stdout
    assert "No step has selected a cluster: nothing was done." in found.stdout
    command = "kubectl get ImageBasedGroupUpgrade ran-r1 -n default -o yaml"
    assert f"\n  {command}\n  kubectl get managedclusters --show-labels\n" in found.stdout
    assert "Completed: no clusters" in (await ibgu("get")).stdout


async def test_a_paused_rollout_says_how_to_resume_it(ibgu: Ibgu, journal: Journal) -> None:
    await seen(journal, rollout(hold=replace(CIRCUIT_BREAKER, kind=ReasonKind.PAUSED)))
    found = await ibgu("status", "ran-r1")
    assert found.stdout.splitlines()[-1] == "Next: ibgu resume ran-r1 -n default"


async def test_a_held_rollout_exits_with_2(ibgu: Ibgu, journal: Journal) -> None:
    await seen(journal, rollout(hold=CIRCUIT_BREAKER))
    found = await ibgu("status", "ran-r1", *WAIT)
    assert found.exit_code == 2
    assert "CircuitBreaker: 5 clusters in a row have failed" in found.stdout


async def test_a_deleted_one(ibgu: Ibgu, journal: Journal) -> None:
    await seen(journal, rollout(state=RolloutState.DELETED, deleted_at=NOW))
    assert (await ibgu("status", "ran-r1", *WAIT)).exit_code == 2


async def test_wait_times_out(ibgu: Ibgu, journal: Journal) -> None:
    since = datetime.now(UTC)  # a hold of long ago is overdue, and needs a person
    held = Reason(
        ReasonKind.ADOPTING, since, "TALM's objects are being removed", None, ActingParty.IBGU
    )
    await seen(journal, rollout(hold=held))
    found = await ibgu("status", "ran-r1", "--wait", "--timeout", "0.05s")
    assert found.exit_code == 3
    assert found.stderr == "ibgu: timed out; the rollout has not ended\n"
    assert found.stdout.startswith("ran-r1 (default)")


async def test_wait_returns_when_the_rollout_completes(
    ibgu: Ibgu, journal: Journal, meanwhile: Meanwhile
) -> None:
    await seen(journal, rollout())

    async def happens(look: int) -> None:
        if look == 2:
            await complete(journal, Outcome.SUCCEEDED)

    meanwhile(happens)
    found = await ibgu("status", "ran-r1", *WAIT, "--watch")
    assert found.exit_code == 0, found.output
    blocks = found.stdout.strip().split("\n\n")
    assert [block.split("   ")[1].split(" ")[0] for block in blocks] == ["Running", "Completed"]


async def test_wait_ignores_a_completion_that_does_not_last(
    ibgu: Ibgu, journal: Journal, meanwhile: Meanwhile
) -> None:
    """Complete as far as the journal knew; the step that was appended came a moment later."""
    await complete(journal, Outcome.SUCCEEDED)

    async def happens(look: int) -> None:
        if look == 1:
            await seen(journal, rollout(hold=CIRCUIT_BREAKER))

    meanwhile(happens)
    assert (await ibgu("status", "ran-r1", *WAIT)).exit_code == 2


async def test_a_rollout_that_was_applied_a_moment_ago(
    ibgu: Ibgu, journal: Journal, meanwhile: Meanwhile
) -> None:
    async def happens(look: int) -> None:
        if look == 1:
            await complete(journal, Outcome.SUCCEEDED)

    meanwhile(happens)
    assert (await ibgu("status", "ran-r1", *WAIT)).exit_code == 0


async def test_a_rollout_still_unknown_at_the_timeout_exits_with_4(ibgu: Ibgu) -> None:
    found = await ibgu("status", "ran-9", "--wait", "--timeout", "1s")
    assert found.exit_code == 4
    assert found.stderr.startswith("ibgu: there is no rollout ran-9 in namespace default")
    assert "timed out" not in found.stderr


async def test_unknown_and_forbidden_rollouts_exit_with_4(
    ibgu: Ibgu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "UNKNOWN_SECONDS", 0.0)
    unknown = await ibgu("status", "ran-9", *WAIT)
    refused = await ibgu("status", "ran-9", *WAIT, "-n", "edge", user="bob")
    assert (unknown.exit_code, refused.exit_code) == (4, 4)
    assert unknown.stderr.startswith("ibgu: there is no rollout ran-9")


async def test_ctrl_c_is_no_outcome(
    ibgu: Ibgu, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await seen(journal, rollout())

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    assert (await ibgu("status", "ran-r1", *WAIT)).exit_code == 130


async def test_wait_prints_the_same_json_as_status(ibgu: Ibgu, journal: Journal) -> None:
    await complete(journal, Outcome.FAILED)
    waited = await ibgu("status", "ran-r1", *WAIT, "-o", "json")
    asked = await ibgu("status", "ran-r1", "-o", "json")
    assert (waited.exit_code, asked.exit_code) == (1, 0)
    assert json.loads(waited.stdout) == json.loads(asked.stdout)
    body = json.loads(asked.stdout)
    assert set(body) == {"seq", "rollout", "steps", "failures", "newer"}
    assert (body["rollout"]["phase"], body["failures"]["total"]) == ("CompletedWithFailures", 1)


async def test_invalid_timeouts_are_refused(ibgu: Ibgu) -> None:
    for given in (("--timeout", "5m"), ("--wait", "--timeout", "soon")):
        assert (await ibgu("status", "ran-r1", *given)).exit_code == 2


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1h30m", 5400), ("1d", 86400), ("0.5h", 1800)]
)
def test_durations_are_parsed(text: str, seconds: int) -> None:
    assert span(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["800000d", "99999999999999999999", "3651d"])
def test_durations_beyond_ten_years_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is too long: use at most 3650d"):
        span(text)


@pytest.mark.parametrize("text", ["", "m", "5 m", "-5m", "5m!", "1w"])
def test_invalid_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        span(text)
