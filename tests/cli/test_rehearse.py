"""`ibgu rehearse`: a plan in virtual time, with clusters and policies of a real hub."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml

from ibgu.cli.rehearse.odds import measured, odds_of
from ibgu.cli.rehearse.plan import of_hub
from ibgu.cli.rehearse.show import difference, outlook_lines
from ibgu.cli.show.output_style import OutputStyle
from ibgu.client import RestError
from ibgu.client.responses import DurationResponse
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model.rollout_policy import PolicyState
from ibgu.core.rehearsal.model import Odds
from ibgu.core.rehearsal.outlook import (
    ApprovalOutlook,
    Outlook,
    PolicyOutlook,
    StepOutlook,
    TripOutlook,
)
from ibgu.core.rehearsal.spread import Percentiles
from ibgu.core.rehearsal.timeline import LoadPoint
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from tests.api.test_changes import admin, clusters, manifest
from tests.cli.conftest import Ibgu
from tests.core.engine.decide.fleet import START

__all__ = ["admin", "clusters"]

SLOW = {
    "apiVersion": "ibgu.dev/v1alpha1",
    "kind": "RolloutPolicy",
    "metadata": {"name": "one-by-one"},
    "spec": {"inFlight": 1},
}
BEGIN = ("--begin", "2026-12-01T22:00:00Z")


@pytest.fixture(autouse=True)
def log() -> Iterator[None]:
    """Silences the API's log, which runs in the same process and so on the same output."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
async def policy(admin: HubClient) -> AsyncIterator[None]:
    await admin.request("POST", paths.ROLLOUT_POLICIES, body=SLOW)
    yield
    await admin.request("DELETE", paths.rollout_policy("one-by-one"))


def written(path: Path, *steps: str, **strategy: int) -> str:
    """A plan for two clusters."""
    body = manifest(*steps)
    names = {"key": "name", "operator": "In", "values": ["x1-a", "x1-c"]}
    body["spec"]["clusterLabelSelectors"] = [{"matchExpressions": [names]}]
    for step in body["spec"]["plan"]:
        step["rolloutStrategy"] = {**step["rolloutStrategy"], **strategy}
    path.write_text(yaml.safe_dump(body))
    return str(path)


def wrong(folder: Path) -> None:
    for name, spec in (("bad", {"inFlight": -1}), ("odd", {"moon": 1})):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(SLOW | {"spec": spec}))


async def outlook(ibgu: Ibgu, *args: str) -> Any:
    found = await ibgu("rehearse", *BEGIN, "-o", "json", *args, user="olga")
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


@pytest.mark.hub
@pytest.mark.usefixtures("clusters")
async def test_a_plan_with_the_times_that_the_user_expects(ibgu: Ibgu, tmp_path: Path) -> None:
    file = written(tmp_path / "plan.yaml", "Prep", "Upgrade")
    taking = ("--taking", "Prep=10,10", "--taking", "Upgrade=40,70")
    found = await ibgu("rehearse", "-f", file, *BEGIN, *taking, "--by", "name", user="olga")
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    assert lines[0] == "rehearsed 100 times: 2 clusters, from 2026-12-01 22:00 UTC"
    assert lines[1].startswith("ends      likely ")
    assert lines[2].startswith("step 1 Prep: ends likely ")
    assert lines[3].endswith("; 2 succeed, 0 fail, 0 never start")
    assert [line.partition(":")[0] for line in lines[4:6]] == ["x1-a", "x1-c"]
    assert lines[-1].startswith("not rehearsed: ")
    same = [await outlook(ibgu, "-f", file, *taking) for _ in range(2)]
    assert same[0] == same[1]
    other = await outlook(ibgu, "-f", file, *taking, "--seed", "2")
    assert other["end"] != same[0]["end"]


@pytest.mark.hub
@pytest.mark.usefixtures("clusters", "policy")
async def test_policies_of_the_hub_count_or_those_in_files(ibgu: Ibgu, tmp_path: Path) -> None:
    file = written(tmp_path / "plan.yaml", "Prep")
    slow = await outlook(ibgu, "-f", file, "--taking", "Prep=10,10")
    assert [each["name"] for each in slow["policies"]] == ["one-by-one"]
    assert slow["slots"] == 1
    (tmp_path / "policies").mkdir()
    wide = SLOW | {"metadata": {"name": "wide"}, "spec": {"inFlight": 30}}
    (tmp_path / "policies/wide.yaml").write_text(yaml.safe_dump(wide))
    files = ("--policies", str(tmp_path / "policies"))
    fast = await outlook(ibgu, "-f", file, "--taking", "Prep=10,10", *files)
    assert (fast["slots"], [each["name"] for each in fast["policies"]]) == (2, ["wide"])
    assert fast["end"]["p50"] < slow["end"]["p50"]


@pytest.mark.hub
@pytest.mark.usefixtures("clusters")
async def test_two_plans_are_rehearsed_with_the_same_luck(ibgu: Ibgu, tmp_path: Path) -> None:
    wide = written(tmp_path / "wide.yaml", "Prep")
    narrow = written(tmp_path / "narrow.yaml", "Prep", maxConcurrency=1)
    args = ("-f", wide, "--against", narrow, *BEGIN, "--taking", "Prep=10,10")
    found = await ibgu("rehearse", *args, user="olga")
    assert found.stdout.splitlines()[-1] == "the second plan ends 10 min later"
    saved = tmp_path / "rehearsal.html"
    assert (await ibgu("rehearse", *args, "--html", str(saved), user="olga")).exit_code == 0
    assert "<title>Rehearsal of wide.yaml and narrow.yaml</title>" in saved.read_text()
    nowhere = await ibgu("rehearse", *args, "--html", str(tmp_path), user="olga")
    assert nowhere.exit_code == 1
    assert f"can't write {tmp_path}: Is a directory" in nowhere.stderr
    both = await outlook(ibgu, *args)
    assert [each["slots"] for each in both] == [2, 1]


@pytest.mark.hub
@pytest.mark.usefixtures("clusters")
@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--taking", "Upgrade=1,2"], "--taking Upgrade=1,2: the plan has no action Upgrade"),
        (["--taking", "Prep=2,1"], "--taking Prep=2,1: expected minutes as p50,p95"),
        (["--taking", "Prep=nan"], "--taking Prep=nan: expected minutes as p50,p95"),
        (["--taking", "Prep"], "--taking Prep=: expected minutes as p50,p95"),
        (["--failing", "Prep=101"], "--failing Prep=101: expected a share from 0 to 100 percent"),
        (["--failing", "Prep=often"], "--failing Prep=often: expected a share from 0 to 100"),
        (["--begin", "tomorrow"], "--begin tomorrow: expected a time such as"),
        (["--policies", "bad.yaml"], "RolloutPolicy one-by-one can't be followed: spec.inFlight:"),
        (["--policies", "odd.yaml"], "Object contains unknown field `moon`"),
    ],
)
async def test_other_input_is_refused(
    ibgu: Ibgu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong(tmp_path)
    file = written(tmp_path / "a.yaml", "Prep")
    found = await ibgu("rehearse", "-f", file, *args, user="olga")
    assert found.exit_code == 1
    assert words in found.stderr


@pytest.mark.hub
async def test_a_plan_that_would_not_begin_is_not_rehearsed(ibgu: Ibgu, tmp_path: Path) -> None:
    file = written(tmp_path / "plan.yaml", "Upgrade", "Rollback", "Prep")
    found = await ibgu("rehearse", "-f", file, user="olga")
    assert (found.exit_code, found.stdout) == (1, "")
    assert "invalid combinations of actions" in found.stderr


@pytest.mark.hub
async def test_a_plan_for_nobody_is_no_success(ibgu: Ibgu, tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(yaml.safe_dump(manifest("Prep")))
    assert (await ibgu("rehearse", "-f", str(file), user="olga")).exit_code == 5


def test_measured_times_are_drawn() -> None:
    items = (
        DurationResponse(action="Prep", result="succeeded", count=50, p50=60.0, p95=90.0),
        DurationResponse(action="Prep", result="failed", count=50, p50=6.0, p95=9.0),
    )
    found = odds_of([Action.PREP, Action.UPGRADE], measured(items), [], ["Prep=5%"])
    assert found[Action.PREP] == Odds(60.0, 90.0, 0.05)
    assert found[Action.UPGRADE].p50 > 60


def test_a_policy_that_can_not_be_read_stops_the_rehearsal() -> None:
    with pytest.raises(RestError, match="RolloutPolicy odd can't be read, so nothing would start"):
        of_hub(PolicyState(unreadable=(("odd", "unknown field"),)))


def test_an_outlook_that_is_not_good() -> None:
    ends = Percentiles(3600.0, 7200.0, 10800.0)
    found = Outlook(
        runs=1,
        clusters=1,
        end=ends,
        held={"circuit breaker": 0.25, "policy": 0.5},
        trips=(
            TripOutlook("circuit breaker", "", 1, 0.25, ends, Percentiles(6.0, 9.0, 12.0)),
            TripOutlook("canaries", "careful", 2, 0.05, Percentiles(1, 1, 1), ends),
        ),
        steps=(
            StepOutlook(("Prep",), 1.0, ends, 90.0, 5.0, 5.0, 0.5),
            StepOutlook(("Upgrade",), 0.0, None, 0.0, 0.0, 0.0, 0.0),
        ),
        policies=(PolicyOutlook("nights", Percentiles(1.0, 2.0, 3.0), Percentiles(4.0, 5.0, 6.0)),),
        slots=1,
        pulls=Percentiles(1.0, 2.0, 3.0),
        regions={"": ends},
        ends=(3600.0, 7200.0, 10800.0),
        load=(LoadPoint(0.0, ends, ends, ends), LoadPoint(600.0, ends, ends, ends)),
    )
    lines = list(outlook_lines(found, START, OutputStyle(colours=False)))
    assert lines[0] == "rehearsed once: 1 cluster, from 2026-01-01 00:00 UTC"
    assert lines[2] == (
        "⚠ in 25% of the runs the circuit breaker stops step 1, with 7200 clusters failed and 9 "
        "begun (6 to 12); a person has to resume it"
    )
    assert lines[3].startswith(
        "⚠ in 5% of the runs a failed canary of RolloutPolicy careful stops "
    )
    assert "with 1 cluster failed" in lines[3]
    assert lines[4].startswith("⚠ in 50% of the runs policies never let some clusters start; ")
    assert "ibgu policy explain NAME says why" in lines[4]
    del lines[3:5]
    assert lines[4] == "  ⚠ its timeout ends it in 50% of the runs"
    assert lines[5] == "step 2 Upgrade: begins in no run"
    assert lines[6].startswith("(without the label): ends likely ")
    assert lines[7] == ("policy nights keeps 2 clusters (1 to 3) waiting, 5 h in all (4 to 6)")
    assert difference(found, found) == "both plans end at the same time"


def test_an_outlook_without_an_end() -> None:
    ends = Percentiles(3600.0, 7200.0, 10800.0)
    late = PolicyOutlook("nights", ends, ends, Percentiles(1, 2, 3), Percentiles(4, 5, 6))
    found = Outlook(
        runs=1,
        clusters=1,
        end=ends,
        held={"policy": 1.0},
        trips=(),
        steps=(StepOutlook(("Prep",), 1.0, Percentiles(-60, -60, -60), 4, 1, 0, 0, over=True),),
        policies=(late,),
        slots=1,
        pulls=ends,
        regions={},
        ends=(3600.0,),
        load=(),
        approvals=tuple(
            ApprovalOutlook("board", 2, before, 1.0, ends) for before in ("Step", "Rest", "Upgrade")
        ),
        endless=("RolloutPolicy net requires a backup",),
        assumed=("no cluster warns",),
    )
    lines = list(outlook_lines(found, START, OutputStyle(colours=False)))
    assert lines[1].startswith("ends      never: it comes to stand likely ")
    assert lines[2] == "⚠ RolloutPolicy net requires a backup"
    assert lines[4].endswith("; 4 succeeded, 1 failed, 0 never started")
    assert lines[6] == ("  2 clusters (1 to 3) miss their first window, 5 windows in all (4 to 6)")
    assert [line.split(" approved: ")[0] for line in lines[8:11]] == [
        "RolloutPolicy board wants step 2",
        "RolloutPolicy board wants the rest of step 2 behind its canaries",
        "RolloutPolicy board wants Upgrade of step 2",
    ]
    assert lines[11] == "assumed: no cluster warns"


@pytest.mark.hub
@pytest.mark.usefixtures("clusters")
async def test_policies_that_ask_people_are_rehearsed(ibgu: Ibgu, tmp_path: Path) -> None:
    file = written(tmp_path / "plan.yaml", "Prep", "Upgrade")
    asks = {"approval": {"before": "Step"}, "actions": ["Prep"]}
    (tmp_path / "asks.yaml").write_text(yaml.safe_dump(SLOW | {"spec": asks}))
    args = ("-f", file, "--taking", "Prep=10,10", "--policies", str(tmp_path / "asks.yaml"))
    at_once = await outlook(ibgu, *args)
    assert [each["before"] for each in at_once["approvals"]] == ["Step"]
    late = await outlook(ibgu, *args, "--approval-after", "30")
    assert late["steps"][0]["end"]["p50"] == at_once["steps"][0]["end"]["p50"] + 1800
    (tmp_path / "net.yaml").write_text(yaml.safe_dump(SLOW | {"spec": {"backup": "Required"}}))
    stands = await outlook(ibgu, "-f", file, "--policies", str(tmp_path / "net.yaml"))
    assert stands["held"] == {"policy": 1.0}
    assert "requires a backup before Upgrade" in stands["endless"][0]
