"""A canary's cluster answers whether its operators and nodes are well (R50.16)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import json
from msgspec.structs import replace

from ibgu.core.drivers.canary_health import (
    SELECTOR,
    WORK,
    health_answer,
    health_body,
    health_patch,
)
from ibgu.core.drivers.canary_health.objects import (
    MASTER,
    OPERATORS,
    VERSION,
    WORKER,
    objects_of,
)
from ibgu.core.drivers.ibu.preflight.inspection.objects import InspectedObject
from ibgu.core.engine.state.health_observations import HealthFinding, ObservedCheck
from ibgu.core.model import names
from ibgu.core.model.bounds import moment
from ibgu.core.model.kinds import JsonObject
from tests.core.drivers.canary_health.cluster import (
    LATELY,
    LONG_AGO,
    conditions,
    objects,
    pool,
    reported,
)

BOTH = frozenset({ObservedCheck.CLUSTER_OPERATORS, ObservedCheck.NODES})
DNS = next(each for each in OPERATORS if each.name == "dns")
CONSOLE = next(each for each in OPERATORS if each.name == "console")
Changes = Mapping[InspectedObject, JsonObject | None]


def findings(changes: Changes, **more: Any) -> dict[ObservedCheck, HealthFinding]:
    """`changes`: objects instead of the usual ones; None: it is missing."""
    made = {**objects(), **changes}
    there = {each: content for each, content in made.items() if content is not None}
    answer = health_answer(reported(there, BOTH, **more), "q", BOTH)
    assert answer is not None
    return dict(answer.findings)


def test_a_cluster_is_well_since_the_latest_change_of_its_conditions() -> None:
    well = HealthFinding(since=datetime(2025, 6, 1, tzinfo=UTC))
    assert findings({}) == {ObservedCheck.CLUSTER_OPERATORS: well, ObservedCheck.NODES: well}
    changed: Changes = {
        CONSOLE: conditions(LATELY, Available="True", Degraded="False"),
        WORKER: pool(2, 2, since=LATELY),
    }
    assert all(each == HealthFinding(since=moment(LATELY)) for each in findings(changed).values())


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({VERSION: None}, "its ClusterVersion version is missing"),
        (
            {VERSION: conditions(Available="True", Failing="True")},
            'condition Failing of its ClusterVersion version is "True", not "False"',
        ),
        ({DNS: None}, "its ClusterOperator dns is missing"),
        (
            {DNS: conditions(Available="False", Degraded="False")},
            'condition Available of its ClusterOperator dns is "False", not "True"',
        ),
        (
            {CONSOLE: conditions(Available="True", Degraded="True")},
            'condition Degraded of its ClusterOperator console is "True", not "False"',
        ),
        (
            {CONSOLE: conditions(Available="True")},
            'condition Degraded of its ClusterOperator console is missing, not "False"',
        ),
    ],
)
def test_operators_that_are_not_well_are_named(changes: Changes, problem: str) -> None:
    found = findings(changes)
    # What is missing is not reported: nobody says that it is not well.
    told = "missing" not in problem
    assert found[ObservedCheck.CLUSTER_OPERATORS] == HealthFinding(problem, reported=told)
    assert not found[ObservedCheck.NODES].problem


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({MASTER: None}, "its MachineConfigPool master is missing"),
        ({MASTER: pool(1, 0)}, "0 of 1 nodes of its MachineConfigPool master are ready"),
        ({MASTER: pool(0, 0)}, "0 of 0 nodes of its MachineConfigPool master are ready"),
        ({WORKER: pool(3, 2)}, "2 of 3 nodes of its MachineConfigPool worker are ready"),
        (
            {WORKER: pool(3, 3, updated="False")},
            'condition Updated of its MachineConfigPool worker is "False", not "True"',
        ),
    ],
)
def test_nodes_that_are_not_ready_are_counted(changes: Changes, problem: str) -> None:
    found = findings(changes)
    told = "missing" not in problem and not problem.startswith("0 of 0")
    assert found[ObservedCheck.NODES] == HealthFinding(problem, reported=told)
    assert not found[ObservedCheck.CLUSTER_OPERATORS].problem


def test_a_reported_problem_is_said_before_a_missing_object() -> None:
    changes: Changes = {VERSION: None, DNS: conditions(Available="False", Degraded="False")}
    found = findings(changes)[ObservedCheck.CLUSTER_OPERATORS]
    assert found.reported
    assert "ClusterOperator dns" in found.problem


def test_a_cluster_without_workers_has_no_pool_of_them() -> None:
    assert not findings({WORKER: None})[ObservedCheck.NODES].problem


def test_a_time_that_can_not_be_read_is_not_known() -> None:
    found = findings({DNS: conditions("lately", Available="True", Degraded="False")})
    assert found[ObservedCheck.CLUSTER_OPERATORS] == HealthFinding()
    assert found[ObservedCheck.NODES].since == moment(LONG_AGO)


def test_without_rights_the_cluster_is_not_well_and_is_asked_again() -> None:
    answer = health_answer(reported(objects(), BOTH, rights=False), "q", BOTH)
    assert answer is not None
    assert answer.forbidden
    problem = answer.findings[ObservedCheck.CLUSTER_OPERATORS].problem
    assert problem.startswith("its ClusterVersion version can't be read: ")


def test_only_an_answer_to_the_question_counts() -> None:
    work = reported(objects(), BOTH, question="old")
    assert health_answer(work, "new", BOTH) is None
    newer = replace(work, metadata=replace(work.metadata, generation=2))
    assert health_answer(newer, "old", BOTH) is None
    unread = replace(work.status, resource_status=type(work.status.resource_status)())
    assert health_answer(replace(work, status=unread), "old", BOTH) is None


def test_a_check_that_is_not_asked_for_is_not_read() -> None:
    work = reported(objects(), {ObservedCheck.NODES})
    answer = health_answer(work, "q", {ObservedCheck.NODES})
    assert answer is not None
    assert answer.findings.keys() == {ObservedCheck.NODES}
    assert objects_of({ObservedCheck.NODES}) == (VERSION, MASTER, WORKER)


def test_the_works_only_read_named_objects() -> None:
    for body in (json.decode(health_body("q", BOTH)), json.decode(health_patch("u", "q", BOTH))):
        spec = body["spec"]
        role, *others = spec["workload"]["manifests"]
        assert role["kind"] == "ClusterRole"
        assert all(rule["verbs"] == ["get"] and rule["resourceNames"] for rule in role["rules"])
        assert all(set(each) == {"apiVersion", "kind", "metadata"} for each in others)
        assert len(others) == len(spec["manifestConfigs"]) == len(objects_of(BOTH))
        assert all(
            each["updateStrategy"] == {"type": "ReadOnly"} for each in spec["manifestConfigs"]
        )
        assert spec["deleteOption"] == {"propagationPolicy": "Orphan"}


def test_the_watch_on_works_of_rollouts_does_not_select_the_work() -> None:
    body = json.decode(health_body("q", BOTH))
    labels = body["metadata"]["labels"]
    assert body["metadata"]["name"] == WORK
    assert SELECTOR in labels
    assert f"{names.MANAGED_BY}={labels[names.MANAGED_BY]}" != names.SELECTOR
