"""Sentences for a person about a cluster that TALM upgrades."""

from datetime import timedelta
from typing import Any

import pytest

from ibgu.core.assurance.shadow import (
    ShadowOutcome,
    ShadowVerdict,
    Symptom,
    SymptomKind,
    explanation,
)
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Cause
from tests.core.assurance.shadow.scenes import START, at
from tests.core.assurance.shadow.test_report import failed, ok, run, timed_out

REFUSED = Symptom(SymptomKind.ABSENT, START, "no such CRD")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Prep under way for 60 min: no words yet"),
        ({"words": "Prep completed"}, "Prep under way for 60 min: Prep completed"),
        ({"symptom": REFUSED}, "the cluster does not take it: no such CRD"),
        ({"reachable": False}, "the cluster is not reachable: nothing can be known now"),
        (
            {"reachable": False, "action": Action.UPGRADE},
            "the cluster is not reachable (it reboots in this action): nothing can be known now",
        ),
        ({"gone_at": at(5)}, "TALM has let go of Prep without a word; how it ended was not seen"),
        ({"ibgu": ok(5)}, "Prep has succeeded; TALM has not noted it yet"),
        (
            {"ibgu": ok(5), "talm": ok(6), "batch": 2},
            "Prep has succeeded; its place waits for the rest of batch 2",
        ),
        ({"ibgu": ok(5), "talm": ok(6), "freed_at": at(9)}, "Prep has succeeded"),
        (
            {"talm": timed_out(60)},
            "Prep timed out under TALM; the cluster had not reported a failure",
        ),
        ({"ibgu": failed(48)}, "Prep has failed 12 min ago; TALM waits for its time-out"),
        (
            {"ibgu": failed(10), "talm": timed_out(40)},
            "Prep has failed; TALM said so 30 min later",
        ),
        (
            {"ibgu": failed(10), "talm": ok(40)},
            "Prep had failed, and TALM saw it complete later",
        ),
    ],
)
def test_a_run_is_explained_by_its_verdicts(given: dict[str, Any], words: str) -> None:
    given = {"ibgu": None, "talm": None, **given}
    assert explanation(run("s1", **given), at(60)) == words


def test_clocks_that_differ_a_little() -> None:
    told = ShadowOutcome(ShadowVerdict.FAILED, at(61), Cause.PREP_FAILED, "Prep failed")
    assert explanation(run("s1", told, None), START + timedelta(hours=1)).startswith(
        "Prep has failed 0 min ago"
    )
