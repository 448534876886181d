"""A plan, played through before it is applied."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.gate import every_action
from ibgu.core.engine.gates.policies.backups import backup_gate
from ibgu.core.engine.timing.durations import DurationsByAction, DurationStats
from ibgu.core.engine.timing.rate_limits import rate_limits_of
from ibgu.core.model import ClusterView
from ibgu.core.model.kinds import (
    AutoRollback,
    IbuSpec,
    LabelRequirement,
    LabelSelector,
    PlanItem,
    RolloutSpec,
    RolloutStrategy,
    SeedImageRef,
)
from ibgu.core.plan import Scope
from ibgu.core.views.preview import Preview, Proposal, RunningStep, preview

NOW = datetime(2026, 1, 1, 3, tzinfo=UTC)
DIGEST = "quay.example/seed@sha256:12"
PREPPED = {Action.PREP.completed_label: ""}


def cluster(name: str, *, reachable: bool = True, **more: Any) -> ClusterView:
    labels = more.pop("labels", {}) | {"fleet": "ran"}
    given = {"accepted": True, "deleting": False, "local": False} | more
    return ClusterView(name=name, uid=name, reachable=reachable, labels=labels, **given)


def sites(count: int, **more: Any) -> list[ClusterView]:
    return [cluster(f"s{n}", **more) for n in range(1, count + 1)]


def spec(
    *steps: str,
    slots: int = 2,
    timeout: int = 60,
    image: str = DIGEST,
    version: str = "4.17.2",
    monitor: int = 0,
    selector: LabelSelector | None = None,
) -> RolloutSpec:
    seed = SeedImageRef(image=image, version=version)
    rollback = AutoRollback(monitor) if monitor else None
    plan = [PlanItem(step.split(), RolloutStrategy(slots, timeout)) for step in steps]
    chosen = selector or LabelSelector(match_labels={"fleet": "ran"})
    return RolloutSpec(
        IbuSpec(seed_image_ref=seed, auto_rollback_on_failure=rollback), [chosen], plan
    )


def duration_stats(**minutes: tuple[float, float]) -> DurationsByAction:
    return {
        Action(name): DurationStats(count, p50 * 60, p95 * 60, (p50 * 60,))
        for count, (name, (p50, p95)) in enumerate(minutes.items(), 10)
    }


def told(
    found: RolloutSpec,
    clusters: list[ClusterView],
    known: DurationsByAction | None = None,
    **more: Any,
) -> Preview:
    return preview(Proposal(IBU, found, **more), clusters, known or {}, NOW)


def test_a_namespace_takes_only_what_is_bound_to_it() -> None:
    scope = Scope("north", (LabelSelector({"region": "north"}),))
    fleet = [*sites(2, labels={"region": "north"}), cluster("s9")]
    found = told(spec("Prep", "Upgrade"), fleet, scope=scope)
    assert [step.clusters for step in found.steps] == [("s1", "s2")] * 2
    assert [(e.why, e.clusters) for e in found.excluded] == [(scope.outside, ("s9",))]
    assert found.warnings[0].startswith("1 more cluster that matches is in no cluster set")
    nobody = told(spec("Prep"), fleet[2:], scope=scope)
    assert nobody.selected == ()
    assert "none can start Prep: 1 in no cluster set that is bound" in nobody.nobody


def test_a_namespace_without_any_can_carry_nothing_out() -> None:
    found = told(spec("Prep"), sites(1), scope=Scope("north", (), "none is bound to north"))
    assert (found.problems, found.steps) == (("none is bound to north",), ())


def test_a_preview_lists_members_in_order_and_excluded_clusters() -> None:
    fleet = [*sites(11), cluster("local-cluster", local=True), cluster("s0", accepted=False)]
    found = told(spec("Prep"), fleet)
    assert found.selected[:2] == ("s1", "s2")
    assert found.selected[-1] == "s11"
    assert [(each.why, each.clusters) for each in found.excluded] == [
        ("not accepted by the hub (spec.hubAcceptsClient)", ("s0",)),
        ("the hub itself (local-cluster)", ("local-cluster",)),
    ]
    (step,) = found.steps
    assert (step.waves, step.allowed) == (6, timedelta(minutes=10))


def test_clusters_taken_over_by_a_newer_rollout_are_excluded() -> None:
    fleet = sites(3, labels={Action.PREP.failed_label: ""})
    barred = frozenset({"s1", "s3"})
    found = told(spec("AbortOnFailure"), fleet, barred=barred)
    assert found.selected == ("s2",)
    assert [(each.why, each.clusters) for each in found.excluded] == [
        ("taken over by a newer ImageBasedGroupUpgrade that cancels or rolls back", ("s1", "s3"))
    ]
    nobody = told(spec("AbortOnFailure"), fleet[:1], barred=barred)
    assert "1 taken over by a newer ImageBasedGroupUpgrade" in nobody.nobody


def test_a_timeout_that_is_too_short_by_what_was_measured() -> None:
    found = told(spec("Prep", slots=1), sites(18), duration_stats(Prep=(7, 12)))
    (step,) = found.steps
    assert step.enough is False
    assert step.advice == (
        "timeout 60 is too short: it allows 3.3 min a site in 18 waves, and Prep takes "
        "7 min (p50) to 12 min (p95) here; at least 216 for p95"
    )
    assert found.forecast.likely == NOW + timedelta(minutes=60)
    assert found.latest == NOW + timedelta(minutes=60)


def test_a_sufficient_timeout_gives_no_warning() -> None:
    known = duration_stats(Prep=(7, 12), Upgrade=(20, 30))
    found = told(spec("Prep Upgrade", slots=10, timeout=240), sites(4), known)
    (step,) = found.steps
    assert step.measured is not None
    assert (step.enough, step.advice, step.measured.count) == (True, "", 10)
    assert step.measured.p95 == timedelta(minutes=42)
    assert found.forecast.likely == NOW + timedelta(minutes=27)
    assert found.latest == NOW + timedelta(minutes=240)
    assert found.warnings == ()


def test_nothing_was_measured_yet() -> None:
    found = told(spec("Prep", "Upgrade"), sites(4), duration_stats(Prep=(7, 12)))
    prep, upgrade = found.steps
    assert (prep.enough, upgrade.enough, upgrade.measured) == (True, None, None)
    assert upgrade.advice == ""
    assert (found.forecast.likely, found.latest) == (None, NOW + timedelta(minutes=120))
    assert told(spec("Prep"), sites(4)).steps[0].advice == ""


def test_later_steps_take_those_that_succeed_before() -> None:
    plan = ("Prep", "AbortOnFailure", "Upgrade", "AbortOnFailure", "FinalizeUpgrade")
    fleet = [*sites(2), cluster("s3", labels={Action.PREP.failed_label: ""})]
    found = told(spec(*plan), fleet)
    assert [step.clusters for step in found.steps] == [
        ("s1", "s2", "s3"),
        (),
        ("s1", "s2", "s3"),
        (),
        ("s1", "s2", "s3"),
    ]
    assert found.steps[1].advice == ""
    assert found.latest == NOW + timedelta(minutes=180)


def test_a_finalized_cluster_has_no_labels_left() -> None:
    begun = ((Action.PREP,), 2, 60), ((Action.UPGRADE, Action.FINALIZE_UPGRADE), 2, 60)
    labels = PREPPED | {Action.UPGRADE.completed_label: ""}
    running = RunningStep(2, NOW + timedelta(hours=1))
    found = told(
        spec("Prep", "Upgrade FinalizeUpgrade"),
        sites(2, labels=labels),
        begun=begun,
        running=running,
    )
    assert (found.steps, found.problems) == ((), ())


def test_steps_appended_to_one_that_runs() -> None:
    begun = (((Action.PREP,), 2, 60),)
    known = duration_stats(Prep=(10, 12), Upgrade=(20, 30))
    running = RunningStep(left=3, deadline=NOW + timedelta(minutes=50))
    found = told(spec("Prep", "Upgrade"), sites(4), known, begun=begun, running=running)
    (step,) = found.steps
    assert (step.index, step.clusters) == (1, ("s1", "s2", "s3", "s4"))
    assert found.forecast.likely == NOW + timedelta(minutes=20 + 40)
    assert found.latest == NOW + timedelta(minutes=50 + 60)
    unknown = duration_stats(Upgrade=(20, 30))
    other = told(spec("Prep", "Upgrade"), sites(4), unknown, begun=begun, running=running)
    assert other.forecast.likely is None


def test_a_running_step_is_not_likely_to_end_after_its_deadline() -> None:
    begun = (((Action.PREP,), 2, 60),)
    known = duration_stats(Prep=(30, 40), Upgrade=(20, 30))
    running = RunningStep(left=40, deadline=NOW + timedelta(minutes=20))
    found = told(spec("Prep", "Upgrade"), sites(4), known, begun=begun, running=running)
    assert found.forecast.likely == NOW + timedelta(minutes=20 + 40)
    assert found.latest == NOW + timedelta(minutes=20 + 60)


def test_clusters_that_failed_in_the_running_step_count_as_failed() -> None:
    """The label is the hub's; a cluster that was skipped has none, and goes nowhere."""
    begun = (((Action.PREP,), 2, 60),)
    failed = [cluster(name, labels={Action.PREP.failed_label: ""}) for name in ("s5", "s6")]
    lost = frozenset({"s4", "s5", "s6"})
    running = RunningStep(left=3, deadline=NOW + timedelta(minutes=50), lost=lost)
    found = told(
        spec("Prep", "AbortOnFailure", "Upgrade"),
        [*sites(4), *failed],
        begun=begun,
        running=running,
    )
    abort, upgrade = found.steps
    assert abort.clusters == found.selected == ("s5", "s6")
    assert upgrade.clusters == ("s1", "s2", "s3")
    assert [each.clusters for each in found.excluded] == [("s1", "s2", "s3", "s4")]


def test_steps_appended_to_one_that_is_over() -> None:
    begun = (((Action.PREP,), 2, 60),)
    fleet = [cluster("s1"), cluster("s2", labels=PREPPED)]
    found = told(spec("Prep", "Upgrade"), fleet, begun=begun)
    assert found.selected == ("s2",)
    (out,) = found.excluded
    assert out.why == "without the label lcm.openshift.io/ibgu-prep-completed"
    nobody = told(spec("Prep", "Upgrade"), sites(1), begun=begun)
    assert nobody.nobody.startswith("1 cluster matches spec.clusterLabelSelectors, but none")
    assert (nobody.latest, nobody.forecast.likely) == (NOW, NOW)


def test_timeouts_beyond_the_calendar_end_with_it() -> None:
    """ibgu's CRD allows four thousand years a step."""
    found = told(spec("Prep", "Upgrade", "FinalizeUpgrade", timeout=2**31 - 1), sites(1))
    assert found.latest == datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (spec("Upgrade", "Prep"), "invalid combinations"),
        (spec("Upgrade", "Prep"), "what may follow [Upgrade]: [FinalizeUpgrade]"),
        (spec("Nope"), "what may follow an empty plan: [Prep] or"),
        (spec("Prep", slots=0), "should be greater than or equal to 1"),
        (
            spec("Prep", selector=LabelSelector({}, [LabelRequirement("x", "Near", [])])),
            '"Near" is not an operator',
        ),
    ],
)
def test_invalid_plans_are_problems(found: RolloutSpec, words: str) -> None:
    answer = told(found, sites(1))
    assert words in answer.problems[0]
    assert answer.steps == ()


def test_annotations_that_say_nothing() -> None:
    """A wrong rate limit is reported once, with its effect."""
    marks = {
        "ibgu.dev/circuit-breaker": "sometimes",
        "ibgu.dev/rampup": "true",
        "ibgu.dev/start-jitter": "x",
    }
    found = told(
        spec("Prep"), sites(1), annotations=marks, rate_limits=rate_limits_of(marks)
    ).warnings
    assert [words.count("ibgu.dev/") for words in found] == [2, 1, 1]
    assert found[0] == (
        "the annotation ibgu.dev/rampup does nothing; do you mean ibgu.dev/ramp-up?"
    )
    assert "ibgu.dev/circuit-breaker" in found[1]
    assert found[2].endswith("no step with Prep or Upgrade starts any cluster")


def test_a_backup_that_a_policy_requires_and_nobody_asks_for_is_named() -> None:
    gate = backup_gate("net", every_action, lambda cluster: True)
    found = told(spec("Prep Upgrade"), sites(2), policies=(gate,))
    warning, end = found.warnings
    assert (end[:20], found.latest) == ("the end is not known", None)
    assert warning.startswith(
        "2 of 2 clusters can't start Prep now: policy net: the policy requires a backup before "
        "Upgrade: "
    )


def test_the_end_is_known_while_another_step_runs() -> None:
    """The policy may let the clusters start by then."""
    gate = backup_gate("net", every_action, lambda cluster: True)
    running = RunningStep(1, NOW + timedelta(minutes=20))
    begun = [(("Prep",), 2, 60)]
    prepared = sites(2, labels=dict(PREPPED))
    plan = spec("Prep", "Upgrade")
    found = told(plan, prepared, begun=begun, running=running, policies=(gate,))
    assert found.latest is not None
