"""Mistakes in the file of a RolloutPolicy."""

from typing import Any

import pytest

from ibgu.core.engine.gates.policies import Sources
from ibgu.core.model.document import Document
from ibgu.core.views.policies import findings_of

HOLDS_NOTHING = "spec has no limit, time, canaries, budget, breaker, approval or demand"


def body(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": "RolloutPolicy",
        "metadata": {"name": "night"},
        "spec": spec,
    }


def messages(found: dict[str, Any], problem: str = "") -> list[str]:
    return [each.message for each in findings_of(Document(found, "f.yaml", 3, problem=problem))]


WINDOW = {"cron": "0 1 * * *", "durationMinutes": 60}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (body(inFlight="5%"), []),
        (body(windows=[WINDOW], fit=True), []),
        (body(preflight="Enforce", warnings="Hold", backup="Required"), []),
        (body(preflight="Warn"), ["spec.preflight must be Enforce, not 'Warn'"]),
        (
            body(preflight="Enforce", warnings="Hold", actions=["Backup"]),
            [
                "spec.preflight: has no rules for any of spec.actions",
                "spec.warnings: needs Upgrade or Update in spec.actions",
            ],
        ),
        (
            body(backup="Required", actions=["Prep"]),
            ["spec.backup: needs Upgrade or Update in spec.actions"],
        ),
        (
            body(backup="Required", actions=["Prep", "Jump"]),
            ["spec.actions: there is no action Jump"],
        ),
        (body(), [HOLDS_NOTHING]),
        (body(inFlight=1, fit=True), ["spec.fit: there is no window in which anything could fit"]),
        (body(inFlight=[]), ["spec.inFlight must be a whole number or a text, not a list"]),
        (body(moon=1), ["spec has no field moon"]),
        (
            body(approval={"before": ["Step"]}),
            ["spec.approval.before must be one of Step, Action, Rest, not a list"],
        ),
        (
            body(canaries={"health": {"conditions": [{"type": 1}]}}),
            ["spec.canaries.health.conditions[0].type must be a text, not a whole number"],
        ),
        (
            body(clusters={"selector": {"matchLabels": {"ring": 1}}}),
            ["spec.clusters.selector.matchLabels[...] must be a text, not a whole number"],
        ),
        (
            body(inFlight=1) | {"apiVersion": "v1", "metadata": {}},
            ['apiVersion is "v1", and should be ibgu.dev/v1alpha1', "metadata.name is missing"],
        ),
    ],
)
def test_findings(found: dict[str, Any], said: list[str]) -> None:
    assert messages(found) == said


def test_a_file_that_is_no_yaml() -> None:
    (found,) = findings_of(Document({}, "f.yaml", 3, problem="it is no YAML"))
    assert (found.policy, found.file, found.line, found.message) == (
        "",
        "f.yaml",
        3,
        "it is no YAML",
    )


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        (None, []),
        ({"thanos"}, []),
        (
            {"noc"},
            [
                "spec.canaries.health: ibgu knows no source thanos: have its administrator add it "
                "to healthSources.sources of the chart, or have the policy's owner name another one"
            ],
        ),
    ],
)
def test_sources_are_compared_with_those_that_are_set_up(
    sources: Sources | None, said: list[str]
) -> None:
    metric = {"source": "thanos", "query": "up"}
    found = body(canaries={"count": 1, "health": {"metrics": [metric]}})
    findings = findings_of(Document(found, "f.yaml", 3), sources)
    assert [each.message for each in findings] == said
