"""Two kinds of change share an engine: each rollout has its driver, each cluster one hand."""

from collections.abc import Sequence
from datetime import datetime

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import (
    Cause,
    Decision,
    Kind,
    Outcome,
    ReasonKind,
    RolloutState,
    RunResult,
)
from ibgu.core.model.names import IBGU
from tests.core.engine.decide.firmware import FirmwareDriver, FirmwareNode, FirmwareProofs
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.node import Work
from tests.core.engine.decide.spoke import Spoke
from tests.oracle import Event
from tests.oracle.ibu_proofs import IBU_PROOFS
from tests.oracle.logs import certify, log_of, told
from tests.oracle.proofs import KindProofs

FIRMWARE = FirmwareDriver.kind
BOTH: KindProofs = {IBGU: IBU_PROOFS, FIRMWARE: FirmwareProofs()}
NAMES = [f"site-{number}" for number in range(1, 5)]
UPGRADED = ["Prep", "Upgrade", "Idle"]
FLASHED = ["Stage", "Flash", "Idle"]


class BothNode(Spoke):
    """BothNode has an IBU and a device; a work of a device's rollout is the device's."""

    def __init__(self, name: str, now: datetime) -> None:
        super().__init__(name, now)
        self.device = FirmwareNode(name, now)

    @property
    def due(self) -> datetime | None:
        return min(filter(None, [super().due, self.device.due]), default=None)

    def tick(self, now: datetime) -> bool:
        before = self.device.dark
        moved = [super().tick(now), self.device.tick(now)]
        if self.device.dark != before:
            self.dark = self.device.dark
        return any(moved)

    def sync(self, work: Work) -> bool:
        return self.device.sync(work) if _is_firmware(work.uid) else super().sync(work)


def _is_firmware(uid: str) -> bool:
    return uid.startswith("uid-flash")


class OneHand:
    """OneHand checks after each turn that no cluster has runs of two rollouts."""

    def __init__(self, engine: InMemoryEngine) -> None:
        self.engine = engine
        self.at_once: set[str] = set()
        """The kinds that had clusters in flight in one and the same turn."""
        engine.watchers.append(self)

    def deciding(self) -> None:
        """Checks nothing yet."""

    def decided(self, snapshot: Snapshot, decisions: Sequence[Decision]) -> None:
        """Checks nothing yet."""

    def turned(self) -> None:
        hands = [
            (member.cluster, tracked.rollout.kind)
            for tracked in self.engine.fleet.rollouts.values()
            for step in tracked.steps
            for member in step.members.values()
            if member.run is not None and not member.finished
        ]
        clusters = [cluster for cluster, _ in hands]
        assert len(clusters) == len(set(clusters)), hands
        kinds = {kind for _, kind in hands}
        self.at_once |= kinds if len(kinds) == 2 else set()


@pytest.fixture
def engine() -> InMemoryEngine:
    engine = InMemoryEngine(*NAMES, node=BothNode)
    engine.others[FIRMWARE] = FirmwareDriver()
    return engine


def test_both_are_carried_out_and_no_cluster_has_two_hands(engine: InMemoryEngine) -> None:
    invariants, hands = Invariants(engine), OneHand(engine)
    upgrade = engine.apply(ibgu("upgrade", "Prep Upgrade", "FinalizeUpgrade", concurrency=2))
    engine.apply(replace(ibgu("flash", "Stage Flash Keep", concurrency=2), kind=FIRMWARE))
    engine.drive()

    for uid in (upgrade, "uid-flash"):
        assert engine.tracked(uid).rollout.state is RolloutState.COMPLETE
        for step in engine.tracked(uid).steps:
            outcomes = {name: member.outcome for name, member in step.members.items()}
            assert outcomes == dict.fromkeys(NAMES, Outcome.SUCCEEDED)
    for name in NAMES:
        node = engine.spokes[name]
        assert isinstance(node, BothNode)
        assert [stage for _, stage in node.executed] == UPGRADED
        assert [stage for _, stage in node.device.executed] == FLASHED
        assert engine.labels[name] == {}
    assert hands.at_once == {IBGU, FIRMWARE}
    invariants.at_rest()
    assert told(certify(log_of(engine), proofs=BOTH)) == []


def test_an_abort_cancels_nothing_of_another_kind(engine: InMemoryEngine) -> None:
    """An Abort of the upgrade stops no flash and no cluster that waits for one: it waits."""
    invariants = Invariants(engine)
    flash = replace(ibgu("flash", "Stage", "Flash", concurrency=2, age=2), kind=FIRMWARE)
    engine.apply(flash)
    prepared = engine.apply(ibgu("prep", "Prep", concurrency=1, age=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.wait(seconds=20)
    abort = engine.apply(ibgu("abort", "Abort", concurrency=4))
    engine.settle()
    waiting = engine.member(abort, 0, "site-1")
    assert waiting.reason.kind is ReasonKind.CLAIM
    assert "fleet/flash" in waiting.reason.message
    engine.drive()

    assert _outcomes(engine, flash.metadata.uid) == _outcomes(engine, abort) == {Outcome.SUCCEEDED}
    assert Outcome.CANCELLED in _outcomes(engine, prepared)
    invariants.at_rest()
    assert told(certify(log_of(engine), proofs=BOTH)) == []


def test_a_flash_is_no_reason_to_leave_an_abort_undone(engine: InMemoryEngine) -> None:
    """A step of another kind that opens later takes the clusters of a step that cancels."""
    abort = engine.apply(ibgu("abort", "Abort", concurrency=4))
    engine.drive()
    late = replace(ibgu("flash", "Stage", concurrency=4, age=5), kind=FIRMWARE)
    engine.apply(late)
    engine.drive()
    assert _outcomes(engine, late.metadata.uid) == _outcomes(engine, abort) == {Outcome.SUCCEEDED}
    assert told(certify(log_of(engine), proofs=BOTH)) == []


def _outcomes(engine: InMemoryEngine, uid: str) -> set[Outcome | None]:
    return {m.outcome for step in engine.tracked(uid).steps for m in step.members.values()}


def test_a_kind_that_the_certifier_does_not_know_is_not_judged(engine: InMemoryEngine) -> None:
    engine.apply(replace(ibgu("flash", "Stage"), kind=FIRMWARE))
    engine.drive()
    log: list[Event] = log_of(engine)
    findings = certify(log, proofs={IBGU: IBU_PROOFS})
    assert sum(findings.unknown.values()) == len(log) - 1  # all but its beginning
    assert told(findings) == []


def test_another_kind_waits_for_an_action_that_may_still_go_on(engine: InMemoryEngine) -> None:
    """The IBGU is deleted in the middle of an upgrade, which the cluster carries on with."""
    invariants = Invariants(engine)
    upgrade = engine.apply(ibgu("upgrade", "Prep", "Upgrade", concurrency=4))
    engine.until(Kind.STEP_FINISHED)
    engine.until(Kind.RUN_ACCEPTED)
    engine.delete(upgrade)
    engine.settle()
    flash = engine.apply(replace(ibgu("flash", "Stage Flash", concurrency=4), kind=FIRMWARE))
    engine.settle()
    waiting = engine.member(flash, 0, "site-1")
    assert waiting.reason.kind is ReasonKind.CLAIM
    assert waiting.reason.message == (
        "fleet/upgrade works on the cluster: its Upgrade may still go on there"
    )
    engine.drive()
    assert _outcomes(engine, flash) == {Outcome.SUCCEEDED}
    for name in NAMES:
        node = engine.spokes[name]
        assert isinstance(node, BothNode)
        assert [stage for _, stage in node.executed] == UPGRADED[:2]
    invariants.at_rest()
    assert told(certify(log_of(engine), proofs=BOTH)) == []


def test_a_later_step_hides_no_action_that_may_still_go_on(engine: InMemoryEngine) -> None:
    """The Upgrade has run into its limit while its cluster reboots; the clean-up waits for it."""
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "slow"
    plan = ("Prep Upgrade", "AbortOnFailure")
    upgrade = engine.apply(ibgu("upgrade", *plan, concurrency=4, timeout=60))
    engine.wait(minutes=5)
    flash = engine.apply(replace(ibgu("flash", "Stage Flash", concurrency=4), kind=FIRMWARE))
    engine.wait(minutes=70)
    assert engine.member(upgrade, 0, "site-1").cause is Cause.TIMED_OUT
    assert engine.member(upgrade, 1, "site-1").outcome is None
    waiting = engine.member(flash, 0, "site-1").reason
    assert waiting.message == (
        "fleet/upgrade works on the cluster: its Upgrade may still go on there"
    )


def withdrawn(engine: InMemoryEngine) -> str:
    """Returns a rollout whose Upgrade of site-1 was withdrawn, since nobody heard that the cluster
    has taken it; the next one has the only slot."""
    for name, node in engine.spokes.items():
        node.to(Stage.PREP)
        node.faults[Stage.UPGRADE] = "slow"
        engine.labels[name]["lcm.openshift.io/ibgu-prep-completed"] = ""
    upgrade = engine.apply(ibgu("upgrade", "Upgrade", concurrency=1, timeout=3000))
    engine.until(Kind.RUN_ARMING)
    engine.muted.add("site-1")
    return upgrade


def dark_for_minutes(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(minutes=2)
    flash = ibgu("flash", "Stage Flash", concurrency=4, timeout=2000)
    engine.apply(replace(flash, kind=FIRMWARE))
    engine.wait(minutes=1)
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")


def test_another_kind_waits_for_a_withdrawn_action_that_may_be_taken(
    engine: InMemoryEngine,
) -> None:
    upgrade = withdrawn(engine)
    engine.deliver()
    dark_for_minutes(engine)
    engine.wait(minutes=1)
    run = engine.member(upgrade, 0, "site-1").run
    assert run is not None
    assert run.result is RunResult.WITHDRAWN
    found = engine.member("uid-flash", 0, "site-1").reason
    assert found.message == "fleet/upgrade works on the cluster: its Upgrade may still go on there"
    engine.muted.clear()
    engine.agents()
    engine.wait(minutes=3)
    assert engine.member(upgrade, 0, "site-1").reason.kind is ReasonKind.REOPENING
    assert engine.member("uid-flash", 0, "site-1").run is None


def test_another_kind_waits_for_no_action_that_was_not_taken(engine: InMemoryEngine) -> None:
    withdrawn(engine)
    engine.writes.clear()
    dark_for_minutes(engine)
    engine.muted.clear()
    engine.agents()
    engine.wait(minutes=3)
    assert engine.member("uid-flash", 0, "site-1").run is not None


def test_another_kind_waits_a_day_at_most_for_what_may_be_taken(engine: InMemoryEngine) -> None:
    upgrade = withdrawn(engine)
    engine.deliver()
    dark_for_minutes(engine)
    engine.wait(hours=23)
    assert engine.member("uid-flash", 0, "site-1").probe is None
    assert engine.member(upgrade, 0, "site-1").outcome is None
    engine.wait(hours=2)
    assert engine.member("uid-flash", 0, "site-1").probe is not None


def test_a_withdrawn_clean_up_ends_no_watch_of_the_upgrade_before_it(
    engine: InMemoryEngine,
) -> None:
    """The cluster goes dark in the middle of its Upgrade, right when it is to be cleaned up."""
    node = engine.spokes["site-1"]
    node.faults[Stage.UPGRADE] = "hang"
    plan = ("Prep Upgrade", "AbortOnFailure")
    upgrade = engine.apply(ibgu("upgrade", *plan, concurrency=4, timeout=60))
    engine.wait(minutes=59)
    while engine.member(upgrade, 0, "site-1").outcome is None or not _sent(engine, upgrade):
        engine.step()
    engine.frozen.add("site-1")
    node.dark = True
    engine.touch_cluster("site-1")
    engine.wait(minutes=3)
    run = engine.member(upgrade, 1, "site-1").run
    assert run is not None
    assert run.result is RunResult.WITHDRAWN
    assert engine.member(upgrade, 0, "site-1").watched
    engine.apply(replace(ibgu("flash", "Stage Flash", concurrency=4), kind=FIRMWARE))
    engine.frozen.discard("site-1")
    node.pivoted, node.dark = True, False
    engine.touch_cluster("site-1")
    engine.wait(minutes=5)
    assert engine.member("uid-flash", 0, "site-1").run is None


def _sent(engine: InMemoryEngine, uid: str) -> bool:
    steps = engine.tracked(uid).steps
    run = steps[1].members["site-1"].run if len(steps) > 1 and steps[1].members else None
    return run is not None


def test_a_skip_of_a_cluster_that_took_nothing_keeps_no_other_kind_away(
    engine: InMemoryEngine,
) -> None:
    upgrade = withdrawn(engine)
    engine.writes.clear()
    dark_for_minutes(engine)
    engine.annotate(upgrade, skip="site-1")
    engine.wait(minutes=1)
    assert engine.member(upgrade, 0, "site-1").outcome is Outcome.SKIPPED
    engine.muted.clear()
    engine.agents()
    engine.wait(minutes=5)
    assert engine.member("uid-flash", 0, "site-1").run is not None
