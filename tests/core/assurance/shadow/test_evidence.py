"""TALM's feedback as evidence, action by action."""

from typing import Any

import pytest

from ibgu.core.assurance.shadow import ShadowVerdict, SymptomKind, due
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Cause
from tests.core.assurance.shadow.scenes import Watch, at

STUCK = "failed to remove 1 stateroots. Perform cleanup manually"
REFUSED = 'admission: "upgrade" is invalid: the stage transition is not permitted'
SPEC = "can not change spec.seedImageRef while ibu is in progress"
NO_CRD = 'the server doesn\'t have a resource type "ImageBasedUpgrade"'


@pytest.mark.parametrize("action", list(Action))
def test_each_action_succeeds_by_its_completed_condition(action: Action) -> None:
    run = Watch(action).probe(5, value="True")
    assert run.ibgu is not None
    assert (run.ibgu.verdict, run.ibgu.at, run.ibgu.cause) == (ShadowVerdict.SUCCEEDED, at(5), None)


@pytest.mark.parametrize(
    ("action", "cause"),
    [
        (Action.PREP, Cause.PREP_FAILED),
        (Action.UPGRADE, Cause.UPGRADE_FAILED),
        (Action.ROLLBACK, Cause.ROLLBACK_FAILED),
    ],
)
def test_a_stage_that_did_not_complete(action: Action, cause: Cause) -> None:
    watch = Watch(action)
    assert watch.probe(5).ibgu is None
    run = watch.probe(6, value="False", words=f"{action} failed")
    assert run.ibgu is not None
    assert (run.ibgu.verdict, run.ibgu.at, run.ibgu.cause) == (ShadowVerdict.FAILED, at(6), cause)
    assert run.ibgu.message == run.words == f"{action} failed"


@pytest.mark.parametrize(
    ("action", "cause"),
    [
        (Action.ABORT, Cause.ABORT_FAILED),
        (Action.ABORT_ON_FAILURE, Cause.ABORT_FAILED),
        (Action.FINALIZE_UPGRADE, Cause.FINALIZE_FAILED),
        (Action.FINALIZE_ROLLBACK, Cause.FINALIZE_FAILED),
    ],
)
def test_idle_fails_only_by_known_words(action: Action, cause: Cause) -> None:
    watch = Watch(action)
    assert watch.probe(5, value="False", words="Aborting").ibgu is None
    assert watch.probe(6, words="Waiting for system to stabilize: clusteroperators").ibgu is None
    run = watch.probe(7, words=STUCK)
    assert run.ibgu is not None
    assert (run.ibgu.cause, run.ibgu.at) == (cause, at(7))


def test_a_requested_rollback_is_no_failed_upgrade() -> None:
    run = Watch(Action.UPGRADE).probe(5, value="False", words="Rollback requested")
    assert run.ibgu is None


def test_frozen_values_prove_nothing() -> None:
    watch = Watch()
    assert watch.probe(1, value="False", available=False).ibgu is None
    assert watch.probe(2, available=True, reachable=False).ibgu is None
    run = watch.probe(9, reachable=True)
    assert run.ibgu is not None
    assert run.ibgu.at == at(9)


@pytest.mark.parametrize(
    ("given", "kind", "cause", "message"),
    [
        ({"error": REFUSED}, SymptomKind.TRANSITION, Cause.TRANSITION_REFUSED, REFUSED),
        (
            {"error": SPEC},
            SymptomKind.SPEC,
            Cause.SPEC_REFUSED,
            f"the cluster refused spec.seedImageRef: {SPEC}",
        ),
        ({"error": NO_CRD}, SymptomKind.ABSENT, Cause.AGENT_ABSENT, NO_CRD),
        (
            {"payload_error": "no such namespace"},
            SymptomKind.PAYLOAD,
            Cause.PAYLOAD_REFUSED,
            "payload refused: no such namespace",
        ),
    ],
)
def test_a_refusal_must_stand_for_two_minutes(
    given: dict[str, Any], kind: SymptomKind, cause: Cause, message: str
) -> None:
    watch = Watch()
    run = watch.probe(1, **given)
    assert run.symptom is not None
    assert (run.symptom.kind, run.symptom.since) == (kind, at(1))
    assert due(run) == at(3)
    assert watch.probe(2.9).ibgu is None
    run = watch.probe(3)
    assert run.ibgu is not None
    assert (run.ibgu.cause, run.ibgu.message, run.ibgu.at) == (cause, message, at(3))
    assert due(run) is None


def test_an_error_that_heals_is_no_symptom() -> None:
    watch = Watch()
    assert watch.probe(1, error="imagebasedupgrades is forbidden: no right").symptom is None
    watch.probe(2, error=REFUSED)
    run = watch.probe(3, error="")
    assert (run.symptom, run.ibgu) == (None, None)


def test_another_symptom_restarts_the_settle_time() -> None:
    watch = Watch()
    watch.probe(1, error=NO_CRD)
    run = watch.probe(2, error=REFUSED)
    assert run.symptom is not None
    assert run.symptom.since == at(2)
    assert watch.probe(3.5).ibgu is None


def test_dark_time_does_not_count() -> None:
    watch = Watch()
    watch.probe(1, error=REFUSED)
    assert due(watch.probe(2, reachable=False)) is None
    assert watch.probe(9).ibgu is None
    watch.probe(10, reachable=True)
    assert watch.probe(11).ibgu is None
    assert watch.probe(12).ibgu is not None


def test_due_is_over_when_the_work_is_gone() -> None:
    watch = Watch()
    assert due(watch.run) is None
    watch.probe(1, error=REFUSED)
    assert due(watch.probe(2, gone=True)) is None


def test_the_first_conclusion_stands() -> None:
    watch = Watch()
    watch.probe(1, value="False", words="Prep failed")
    run = watch.probe(2, value="True", words="Prep completed")
    assert run.ibgu is not None
    assert (run.ibgu.verdict, run.words) == (ShadowVerdict.FAILED, "Prep completed")
