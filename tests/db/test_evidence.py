"""Evidence in the history: only what is there, by short names."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.observe.ibu_view import IbuCondition, IbuView
from ibgu.core.model import ClusterView, JobView, Observation, WorkView
from ibgu.db.journal.evidence import evidence

CLUSTER = ClusterView(
    name="a", uid="uid-a", accepted=True, deleting=False, reachable=True, local=False
)
UNTIL = datetime(2026, 12, 20, 10, tzinfo=UTC)
IBU = IbuView(
    stage="Upgrade",
    generation=2,
    observed_generation=1,
    run="r1",
    idle=IbuCondition("False", "InProgress", "words"),
    upgrade_completed=IbuCondition("False", "Failed", "more words"),
    next_stages=frozenset({Stage.ROLLBACK, Stage.IDLE}),
    seed_image="quay.io/seed",
    seed_version="4.18.1",
    rollback_until=UNTIL,
)
WORK = WorkView(
    name="w",
    uid="u",
    resource_version="41",
    generation=7,
    armed=True,
    run="r1",
    applied=True,
    target_applied=True,
    target_available="True",
    feedback=IBU,
)


def test_evidence_contains_every_observed_value() -> None:
    assert evidence(Observation(cluster=CLUSTER, stage=WORK)) == {
        "cluster": {"state": "reachable", "uid": "uid-a"},
        "work": {"version": "41", "generation": 7, "armed": True, "run": "r1", "applied": True},
        "ibu": {
            "applied": True,
            "available": "True",
            "stage": "Upgrade",
            "run": "r1",
            "generation": 2,
            "observed": 1,
            "rollback_until": UNTIL,
            "next": ["Idle", "Rollback"],
            "seed": ["quay.io/seed", "4.18.1"],
            "conditions": {"Idle": "False InProgress", "UpgradeCompleted": "False Failed"},
        },
    }


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (
            {"job": replace(WORK, job=JobView(name="b-r1", failed=True, reason="Late"))},
            {"run": "r1", "name": "b-r1", "failed": True, "reason": "Late"},
        ),
        ({"job": replace(WORK, apply_error="forbidden")}, {"run": "r1", "error": "forbidden"}),
        ({"job_refusal": "denied"}, {"refused": "denied"}),
    ],
)
def test_evidence_contains_the_job_beside_the_feedback(
    seen: dict[str, Any], found: dict[str, object]
) -> None:
    told = evidence(Observation(cluster=CLUSTER, stage=WORK, **seen))
    assert told["ibu"]["job"] == found
    assert told["ibu"]["run"] == "r1"


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (Observation(cluster=None), {"cluster": {"state": "gone"}}),
        (
            Observation(cluster=replace(CLUSTER, reachable=False), refusal="denied"),
            {"cluster": {"state": "unreachable", "uid": "uid-a"}, "refusal": "denied"},
        ),
        (
            Observation(cluster=None, payload_refusal="too large"),
            {"cluster": {"state": "gone"}, "payload": "too large"},
        ),
        (
            Observation(cluster=None, payload=replace(WORK, apply_error="no namespace")),
            {"cluster": {"state": "gone"}, "payload": "no namespace"},
        ),
        (
            Observation(cluster=None, job=replace(WORK, apply_error="no namespace")),
            {"cluster": {"state": "gone"}},
        ),
        (
            Observation(
                cluster=None,
                stage=WorkView(
                    name="w", uid="u", resource_version="1", generation=1, apply_error="forbidden"
                ),
            ),
            {
                "cluster": {"state": "gone"},
                "work": {"version": "1", "generation": 1, "error": "forbidden"},
                "ibu": {},
            },
        ),
    ],
)
def test_evidence_omits_missing_values(seen: Observation, found: dict[str, object]) -> None:
    assert evidence(seen) == found
