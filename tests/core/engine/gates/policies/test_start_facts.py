"""R44.2: what policies read of a cluster that starts is kept with the start."""

from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.timing.durations import DurationStats
from ibgu.core.model import Kind, OnMember, names
from ibgu.core.model.start_facts import StartFacts
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.gates.policies.policy import policy, set_policies

SET = "cluster.open-cluster-management.io/clusterset"
ALWAYS = {"cron": "0 0 * * *", "durationMinutes": 1440}
MEASURED = DurationStats(count=20, p50=1800.0, p95=3000.0, spread=(1800.0,))


def facts(*specs: dict[str, Any], labels: dict[str, str] | None = None) -> StartFacts | None:
    """The facts with which a cluster starts under the policies."""
    twin = InMemoryEngine("site")
    twin.labels["site"] = labels or {}
    twin.durations = {Action.PREP: MEASURED}
    set_policies(twin, *(policy(f"policy-{n}", **spec) for n, spec in enumerate(specs)))
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_INTENDED)
    started = [each.decision for each in twin.said if isinstance(each.decision, OnMember)]
    (found,) = (each.facts for each in started if each.kind is Kind.RUN_INTENDED)
    return found


NORTH = {"region": "north", "other": "x"}


@pytest.mark.parametrize(
    ("specs", "found"),
    [
        (
            [{"rollouts": {"selector": {"matchLabels": {"tier": "gold"}}}, "windows": [ALWAYS]}],
            StartFacts(rollout_labels={"tier": None}),
        ),
        ([], None),
        ([{"inFlight": 3, "windows": [ALWAYS | {"timeZone": "UTC"}]}], None),
        (
            [{"clusters": {"selector": {"matchLabels": {"region": "north"}}}}],
            StartFacts({"region": "north"}),
        ),
        (
            [
                {"clusters": {"clusterSets": ["ran"]}},
                {
                    "clusters": {
                        "selector": {"matchExpressions": [{"key": "region", "operator": "Exists"}]}
                    }
                },
            ],
            StartFacts({SET: None, "region": "north"}),
        ),
        (
            [{"canaries": {"selector": {"matchLabels": {"other": "x"}}}}],
            StartFacts({"other": "x"}),
        ),
        (
            [{"windows": [ALWAYS], "clusters": {"clusterSets": ["ran"]}}],
            StartFacts({SET: None}, time_zone=""),
        ),
        (
            [{"windows": [ALWAYS | {"timeZone": "UTC"}], "fit": True}],
            StartFacts(expected_seconds=3000.0),
        ),
        ([{"windows": [ALWAYS | {"timeZone": "UTC"}], "fit": True, "actions": ["Upgrade"]}], None),
    ],
)
def test_only_what_policies_read_is_kept(
    specs: list[dict[str, Any]], found: StartFacts | None
) -> None:
    assert facts(*specs, labels=NORTH) == found


def test_a_time_zone_is_kept_by_its_name() -> None:
    labels = {names.TIME_ZONE: "Europe.London"}
    assert facts({"windows": [ALWAYS]}, labels=labels) == StartFacts(time_zone="Europe/London")
