"""R46.8: a step is evaluated again when something that its findings rest on has changed."""

import asyncio
from datetime import timedelta
from threading import Event

import pytest
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import create_async_engine

from ibgu.controller.lookups import preflights
from ibgu.controller.lookups.step_inspections import StepInspections
from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.preflight.facts import VERSION_CLAIM, PreflightFacts
from ibgu.core.drivers.ibu.preflight.report import PreflightReport
from ibgu.core.drivers.preflight import judge
from ibgu.core.model import Kind, OnStep, Outcome, ReasonKind
from ibgu.core.model.preflight import PreflightRecord
from ibgu.core.model.rollout_policy import PolicyState
from ibgu.db.inspections import Inspections
from tests.controller.lookups.judging import HOUR, UID, Controller
from tests.core.drivers.cluster_version.test_update_in_the_engine import fleet_update
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.drivers.cluster_version.version_samples import UPDATE
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.gates.policies.policy import policy, set_policies

WRONG = "HighlyAvailable"


def erring(controller: Controller) -> frozenset[str]:
    assert controller.record is not None
    return controller.record.erring()


async def test_an_evaluation_that_finds_the_same_is_not_recorded_again() -> None:
    controller = Controller("site-1", "site-2")
    await controller.begin("Prep", mode="warn")
    await controller.until(lambda: len(controller.evaluations) == 1)
    controller.claim("site-2", "SingleReplica")
    await controller.many_checks()
    assert len(controller.evaluations) == 1


async def test_an_evaluation_that_finds_the_same_is_not_repeated_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Among 10,000 clusters one changes every second, and each evaluation took 0.3 s of CPU."""
    counted: list[int] = []

    def counting(kind: str, facts: PreflightFacts) -> PreflightReport:
        counted.append(len(facts.clusters))
        return judge(kind, facts)

    monkeypatch.setattr(preflights, "judge", counting)
    controller = Controller("site-1", "site-2")
    await controller.begin("Prep", mode="warn")
    await controller.until(lambda: len(counted) == 1)
    controller.claim("site-2", "SingleReplica")
    await controller.until(lambda: len(counted) == 2)
    for topology in ("External", "SingleReplica"):
        controller.claim("site-1", topology)
        async with controller.checking(timedelta(seconds=2)):
            await asyncio.sleep(0.2)
    assert counted == [2, 2]
    controller.claim("site-1", "External")
    await controller.until(lambda: len(counted) == 3, later=timedelta(seconds=2))


async def test_a_cluster_that_gets_an_error_before_its_start_does_not_start() -> None:
    """The evaluation before found nothing on it."""
    controller = Controller("site-1")
    controller.engine.spokes["site-1"].dark = True
    await controller.begin("Prep")
    await controller.until(lambda: controller.record is not None)
    assert erring(controller) == frozenset()
    controller.claim("site-1", WRONG)
    await controller.until(lambda: len(controller.evaluations) == 2)
    controller.engine.spokes["site-1"].dark = False
    controller.engine.touch_cluster("site-1")
    controller.engine.wait(minutes=30)
    member = controller.engine.member(UID, 0, "site-1")
    assert (member.outcome, member.reason.kind) == (None, ReasonKind.PREFLIGHT)


async def test_a_cluster_that_upgrades_keeps_the_findings_from_before() -> None:
    """The cluster reports what it has become, not what it began with."""
    controller = Controller("site-1", "site-2")
    controller.engine.spokes["site-2"].dark = True
    await controller.begin_upgrade()
    await controller.until(lambda: controller.record is not None)
    assert Kind.RUN_INTENDED in controller.engine.kinds("site-1")
    controller.claim("site-1", WRONG)
    controller.claim("site-2", WRONG)
    await controller.until(lambda: len(controller.evaluations) == 2)
    assert erring(controller) == {"site-2"}


async def test_a_step_is_evaluated_once_all_of_its_members_are_known() -> None:
    """Findings about members of which the engine does not know yet would be left out."""
    controller = Controller("site-1")
    await controller.begin("Prep")
    step = controller.engine.tracked(UID).steps[0].step
    controller.engine.fleet.apply(OnStep(Kind.STEP_STARTED, replace(step, total=2), "starts"))
    await controller.many_checks()
    assert controller.record is None
    controller.engine.fleet.apply(OnStep(Kind.STEP_STARTED, step, "starts"))
    await controller.until(lambda: controller.record is not None)


@pytest.mark.parametrize("prepared", [1, 2])
async def test_a_timeout_is_judged_by_the_clusters_that_the_step_takes(prepared: int) -> None:
    """Clusters that are not prepared make no further wave of an Upgrade."""
    sites = ("site-1", "site-2")
    controller = Controller(*sites)
    for site in sites:
        controller.engine.spokes[site].dark = True
    for site in sites[:prepared]:
        controller.engine.labels[site] = {Action.PREP.completed_label: ""}
    await controller.put(ibgu("a", "Upgrade", concurrency=1, timeout=60), "warn")
    tracked, views = controller.engine.tracked(UID), map(controller.engine.cluster, sites)
    await controller.preflights.before_start(tracked.rollout, filter(None, views))
    result = controller.preflights.result(tracked)
    assert result is not None
    short = ["P38"] if prepared == 2 else []
    assert [each.rule for each in result.record.findings] == short
    await controller.until(lambda: controller.record is not None)
    assert controller.record is not None
    assert [each.rule for each in controller.record.findings] == short


async def test_two_evaluations_at_one_time_of_the_clock_differ_in_their_times() -> None:
    controller = Controller("site-1")
    controller.engine.spokes["site-1"].dark = True
    await controller.begin("Prep", mode="warn")
    await controller.until(lambda: controller.record is not None)
    first = controller.record
    assert first is not None
    await controller.change("enforce")
    await controller.until(lambda: controller.record is not first, later=0 * HOUR)
    assert controller.record is not None
    assert controller.record.at > first.at


@pytest.mark.parametrize("mode", ["warn", "enforce"])
async def test_an_evaluation_is_left_out_while_the_journal_can_not_be_read(mode: str) -> None:
    """Without the results of inspections an error that they had found would be gone."""
    engine = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    controller = Controller(
        "site-1", inspections=StepInspections(Inspections(engine, "hub"), HOUR, 60)
    )
    await controller.begin("Prep", mode=mode)
    await controller.many_checks()
    assert controller.record is None
    started = Kind.RUN_INTENDED in controller.engine.kinds("site-1")
    assert started is (mode == "warn")
    await engine.dispose()


async def test_an_internal_error_is_recorded_once_and_ends_with_the_next_evaluation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(kind: str, facts: PreflightFacts) -> PreflightReport:
        raise ZeroDivisionError

    controller = Controller("site-1")
    with monkeypatch.context() as patched:
        patched.setattr(preflights, "judge", fails)
        await controller.begin("Prep")
        await controller.until(lambda: controller.record is not None)
        await controller.many_checks()
    [told] = controller.evaluations
    assert told.startswith("preflight: preflight can't be evaluated because of an internal error")
    assert controller.hold is ReasonKind.PREFLIGHT_PLAN
    await controller.until(lambda: len(controller.evaluations) == 2)
    controller.engine.wait(minutes=60)
    assert controller.engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED


async def test_a_fleet_update_is_evaluated_by_its_own_rules_without_an_inspection() -> None:
    """An enforced step would else wait for the inspection of its clusters."""
    unused = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    store = Inspections(unused, "hub")
    engine = InMemoryEngine("site-1", "site-2", driver=CLUSTER_VERSION, node=VersionNode)
    controller = Controller(engine=engine, inspections=StepInspections(store, HOUR, 60))
    controller.claims["site-1"] = {VERSION_CLAIM: "4.99.0"}
    controller.claims["site-2"] = {VERSION_CLAIM: UPDATE.release.version}
    await controller.put(fleet_update("Check Update", name="a"), "enforce")
    assert controller.hold is ReasonKind.PREFLIGHT_PENDING
    await controller.until(lambda: controller.record is not None)
    assert erring(controller) == {"site-1"}
    engine.wait(minutes=30)
    held = engine.member(UID, 0, "site-1")
    assert held.reason.kind is ReasonKind.PREFLIGHT
    assert "and can't go back [U2]" in held.reason.message
    assert Kind.RUN_INTENDED in engine.kinds("site-2")
    await unused.dispose()


class SlowJudge:
    """SlowJudge judges beside the event loop, and holds its result back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.began, self.goes_on = Event(), Event()
        monkeypatch.setattr(preflights, "INLINE", 0)
        monkeypatch.setattr(preflights, "judge", self._judge)

    def _judge(self, kind: str, facts: PreflightFacts) -> PreflightReport:
        self.began.set()
        assert self.goes_on.wait(20)
        return judge(kind, facts)


async def test_an_evaluation_of_a_rollout_that_is_gone_meanwhile_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    controller, slow = Controller("site-1"), SlowJudge(monkeypatch)
    await controller.begin("Prep")
    tracked = controller.engine.tracked(UID)
    async with controller.checking():
        await asyncio.to_thread(slow.began.wait, 20)
        del controller.engine.fleet.rollouts[UID]
        slow.goes_on.set()
        await asyncio.sleep(0.1)
    assert controller.preflights.result(tracked) is None


async def test_an_evaluation_of_a_step_that_ends_before_it_starts_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    controller, slow = Controller("site-1"), SlowJudge(monkeypatch)
    await controller.begin("Prep")
    tracked, view = controller.engine.tracked(UID), controller.engine.cluster("site-1")
    assert view is not None
    evaluation = asyncio.create_task(controller.preflights.before_start(tracked.rollout, [view]))
    await asyncio.to_thread(slow.began.wait, 20)
    first = tracked.current
    controller.engine.annotate(UID, skip="waiting")
    controller.engine.append(UID, "Upgrade")
    controller.engine.settle()
    assert tracked.current is not first
    slow.goes_on.set()
    await evaluation
    assert controller.preflights._results == {}


@pytest.mark.parametrize(
    ("namespace", "named"), [("fleet", "fleet/b"), ("others", "a rollout of another namespace")]
)
async def test_a_rollout_is_named_only_within_its_own_namespace(namespace: str, named: str) -> None:
    controller = Controller("site-1")
    other = ibgu("b", "Prep", age=20)
    controller.engine.apply(replace(other, metadata=replace(other.metadata, namespace=namespace)))
    controller.engine.until(Kind.RUN_INTENDED)
    await controller.begin("Prep", mode="warn")
    await controller.until(lambda: controller.record is not None)
    assert claimed(controller.record) == [f"wait for {named}, which works on them"]


def claimed(record: PreflightRecord | None) -> list[str]:
    assert record is not None
    return [each.message for each in record.findings if each.rule == "P34"]


async def test_a_step_that_is_enforced_again_is_evaluated_though_nothing_differs() -> None:
    controller = Controller("site-1")
    controller.engine.spokes["site-1"].dark = True
    await controller.begin("Prep")
    await controller.until(lambda: len(controller.evaluations) == 1)
    await controller.change("off")
    assert controller.evaluations[1:] == ["preflight is no longer enforced"]
    await controller.many_checks()
    await controller.change("enforce")
    await controller.until(lambda: len(controller.evaluations) == 3)
    assert controller.record is not None
    assert controller.record.enforced


# -- policies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["off", "warn"])
async def test_a_step_is_evaluated_for_a_policy_whatever_the_annotation_says(mode: str) -> None:
    controller = Controller("site-1", "site-2")
    set_policies(controller.engine, policy("careful", preflight="Enforce"))
    controller.claim("site-2", WRONG)
    await controller.begin("Prep", mode=mode)
    await controller.until(lambda: controller.record is not None)
    assert controller.record is not None
    assert controller.record.enforced
    controller.engine.wait(minutes=60)
    assert controller.engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED
    kept = controller.engine.member(UID, 0, "site-2")
    assert (kept.outcome, kept.reason.kind) == (None, ReasonKind.PREFLIGHT)


async def test_a_step_without_clusters_of_the_policy_follows_its_annotation() -> None:
    controller = Controller("site-1")
    careful = policy("careful", preflight="Enforce", clusters={"clusterSets": ["north"]})
    set_policies(controller.engine, careful)
    await controller.begin("Prep", mode="off")
    await controller.many_checks()
    assert controller.record is None


async def test_a_policy_that_comes_later_has_the_step_evaluated_again() -> None:
    controller = Controller("site-1")
    controller.engine.spokes["site-1"].dark = True
    await controller.begin("Prep", mode="warn")
    await controller.until(lambda: controller.record is not None)
    assert controller.record is not None
    assert not controller.record.enforced
    set_policies(controller.engine, policy("careful", preflight="Enforce"))
    controller.engine.settle()
    await controller.until(lambda: controller.record is not None and controller.record.enforced)


async def test_unknown_policies_leave_an_enforced_step_as_it_was_evaluated() -> None:
    controller = Controller("site-1")
    controller.engine.spokes["site-1"].dark = True
    set_policies(controller.engine, policy("careful", preflight="Enforce"))
    await controller.begin("Prep", mode="warn")
    await controller.until(lambda: controller.record is not None and controller.record.enforced)
    controller.engine.rollout_policies = PolicyState(problem="ibgu has not read them yet")
    controller.engine.touch_everything()
    controller.engine.settle()
    await controller.many_checks()
    assert len(controller.evaluations) == 1
    assert controller.record is not None
    assert controller.record.enforced


async def test_a_cluster_between_two_actions_is_evaluated_again() -> None:
    """The cluster's Prep is done and its Upgrade kept: what heals meanwhile has to be seen."""
    controller = Controller("site-1")
    await controller.begin("Prep Upgrade")
    await controller.until(lambda: controller.record is not None)
    controller.engine.wait(seconds=10)
    controller.claim("site-1", WRONG)
    await controller.until(lambda: "site-1" in erring(controller))
    controller.engine.wait(minutes=30)
    assert controller.engine.member(UID, 0, "site-1").reason.kind is ReasonKind.PREFLIGHT
    controller.claim("site-1", "SingleReplica")
    await controller.until(lambda: "site-1" not in erring(controller))
    controller.engine.wait(hours=1)
    assert controller.engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED
