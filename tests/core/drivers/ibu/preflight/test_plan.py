"""P35, P38 and P40."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.preflight import RuleOutcome
from ibgu.core.drivers.ibu.preflight.facts import StepFacts
from ibgu.core.drivers.ibu.preflight.inspection import InspectedFacts
from tests.core.drivers.ibu.preflight.hub import ITSELF, WELL, cluster, outcome, told
from tests.core.engine.decide.fleet import START

LABEL = "lcm.openshift.io/ibgu"
ANNOTATION = f"{ITSELF.object} metadata.annotations"
THRESHOLD = "image-cleanup.lca.openshift.io/disk-usage-threshold-percent"


def test_a_plan_that_can_not_be_carried_out() -> None:
    facts = replace(WELL, problems=("spec.plan: invalid combinations",), clusters=())
    assert told("P35", facts) == [f"error {ITSELF.object}: spec.plan: invalid combinations"]
    nobody = replace(WELL, clusters=(), nobody="no ManagedCluster matches")
    assert told("P35", nobody) == [f"warning {ITSELF.object}: no ManagedCluster matches"]
    assert outcome("P35", WELL) is RuleOutcome.PASSED


def test_clusters_whose_labels_say_that_an_action_has_failed_are_named() -> None:
    failed = cluster("site-2", **{f"{LABEL}-prep-failed": ""})
    facts = replace(WELL, clusters=(cluster("site-1"), failed), first=Action.PREP)
    assert told("P35", facts) == [
        f"warning site-2 ManagedCluster metadata.labels: carry the label {LABEL}-prep-failed: Prep "
        "fails unless they were cleaned up since"
    ]
    assert told("P35", replace(facts, first=Action.ABORT_ON_FAILURE)) == []
    assert told("P35", replace(facts, in_flight=frozenset({"site-2"}))) == []
    inspected = replace(failed, inspected=InspectedFacts(START))
    assert told("P35", replace(facts, clusters=(inspected,))) == []
    older = replace(inspected, acted_since=True)
    assert len(told("P35", replace(facts, clusters=(older,)))) == 1


def test_a_timeout_that_ends_before_the_rollback_is_seen() -> None:
    short = StepFacts(2, 4, 2, timedelta(minutes=30), timedelta(minutes=45))
    assert told("P38", replace(WELL, steps=(short,))) == [
        f"warning {ITSELF.object} spec.plan[1].rolloutStrategy: step 2: a failed Upgrade rolls "
        "back automatically after up to 45 min, but the step allows 30 min per site. It may time "
        "out before the cluster reports the failure: timeout 90 is safe"
    ]
    assert outcome("P38", WELL) is RuleOutcome.PASSED
    assert outcome("P38", replace(WELL, steps=(replace(short, clusters=0),))) is RuleOutcome.PASSED
    assert outcome("P38", replace(WELL, steps=WELL.steps[:1])) is RuleOutcome.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (
            "auto-rollback-on-failure.lca.openshift.io/init-monitor",
            "disabled",
            "has no effect: the only value that counts is Disabled",
        ),
        (
            "image-cleanup.lca.openshift.io/on-prep",
            "false",
            "has no effect: the only value that counts is Disabled",
        ),
        (THRESHOLD, "0", "'0' is not a whole number from 1 to 100"),
        (THRESHOLD, "50%", "'50%' is not a whole number from 1 to 100"),
    ],
)
def test_annotations_without_an_effect(key: str, value: str, words: str) -> None:
    facts = replace(WELL, annotations={key: value})
    assert told("P40", facts) == [f"warning {ANNOTATION}[{key}]: {words}"]


def test_annotations_that_count() -> None:
    given = {
        "auto-rollback-on-failure.lca.openshift.io/init-monitor": "Disabled",
        THRESHOLD: "100",
        "example.com/x": "y",
    }
    assert outcome("P40", replace(WELL, annotations=given)) is RuleOutcome.PASSED
