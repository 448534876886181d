"""The part of a preview that preflight judges."""

from datetime import timedelta
from typing import Any

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.preflight import ClusterFacts
from ibgu.core.drivers.ibu.preflight.facts import PreflightFacts
from ibgu.core.model.kinds import RolloutSpec
from ibgu.core.views.preview import (
    PreflightInputs,
    Proposal,
    RunningStep,
    expires,
    preflight_facts,
    preview,
)
from tests.core.views.preview.test_preview import NOW, PREPPED, sites, spec

UPGRADED = {Action.UPGRADE.completed_label: ""}


def facts(found: RolloutSpec, labels: dict[str, str] | None = None, **more: Any) -> PreflightFacts:
    proposal = Proposal(IBU, found, **more)
    fleet = sites(3, labels=labels or {})
    reported = {each.name: ClusterFacts(name=each.name) for each in fleet}
    shown = preview(proposal, fleet, {}, NOW)
    return preflight_facts("ran/ran-417", proposal, shown, reported, PreflightInputs())


def test_a_plan_that_prepares() -> None:
    found = facts(spec("Prep", "Upgrade", monitor=600), annotations={"x": "y"})
    assert [each.name for each in found.clusters] == ["s1", "s2", "s3"]
    assert found.itself.object == "ImageBasedGroupUpgrade ran/ran-417"
    assert found.target == "4.17.2"
    assert found.seed is not None
    assert found.annotations == {"x": "y"}
    assert [(s.number, s.clusters, s.waves, s.rollback) for s in found.steps] == [
        (1, 3, 2, timedelta()),
        (2, 3, 2, timedelta(minutes=25)),
    ]
    assert (found.planned, found.problems, found.nobody) == (True, (), "")


def test_a_plan_that_goes_on_or_back_prepares_nothing() -> None:
    begun = (((Action.PREP,), 2, 60),)
    running = RunningStep(3, NOW + timedelta(hours=1), in_flight=frozenset({"s1"}))
    found = facts(spec("Prep", "Upgrade"), PREPPED, begun=begun, running=running)
    assert (found.seed, found.target, sorted(found.in_flight)) == (None, "", ["s1"])
    assert facts(spec("Rollback"), UPGRADED).seed is None


def test_a_plan_without_steps_that_are_to_begin() -> None:
    begun = (((Action.PREP,), 2, 60),)
    found = facts(spec("Prep"), begun=begun)
    assert (found.planned, found.clusters) == (False, ())
    assert facts(spec("Upgrade", "Prep")).planned
    assert facts(spec("Upgrade")).nobody.startswith("3 clusters match")


def test_only_a_rollback_comes_too_late() -> None:
    fleet = sites(1, labels=UPGRADED)
    for action, late in (("Rollback", True), ("FinalizeUpgrade", False)):
        assert expires(preview(Proposal(IBU, spec(action)), fleet, {}, NOW)) is late
