"""Two kinds of change share an engine: each rollout has its driver, each cluster one hand."""

from collections.abc import Sequence
from datetime import datetime

import pytest
from msgspec.structs import replace

from ibgu.core.assurance.certify import Event
from ibgu.core.drivers.ibu.proofs import IBU_PROOFS
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import Decision, Kind, Outcome, ReasonKind, RolloutState
from ibgu.core.model.names import IBGU
from ibgu.core.model.proofs import KindProofs
from tests.core.assurance.certify.logs import certify, log_of, told
from tests.core.engine.decide.firmware import FirmwareDriver, FirmwareNode, FirmwareProofs
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.node import Work
from tests.core.engine.decide.spoke import Spoke

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

    def __init__(self, twin: InMemoryEngine) -> None:
        self.twin = twin
        self.at_once: set[str] = set()
        """The kinds that had clusters in flight in one and the same turn."""
        twin.watchers.append(self)

    def deciding(self) -> None:
        """Checks nothing yet."""

    def decided(self, snapshot: Snapshot, decisions: Sequence[Decision]) -> None:
        """Checks nothing yet."""

    def turned(self) -> None:
        hands = [
            (member.cluster, tracked.rollout.kind)
            for tracked in self.twin.fleet.rollouts.values()
            for step in tracked.steps
            for member in step.members.values()
            if member.run is not None and not member.finished
        ]
        clusters = [cluster for cluster, _ in hands]
        assert len(clusters) == len(set(clusters)), hands
        kinds = {kind for _, kind in hands}
        self.at_once |= kinds if len(kinds) == 2 else set()


@pytest.fixture
def twin() -> InMemoryEngine:
    twin = InMemoryEngine(*NAMES, node=BothNode)
    twin.others[FIRMWARE] = FirmwareDriver()
    return twin


def test_both_are_carried_out_and_no_cluster_has_two_hands(twin: InMemoryEngine) -> None:
    invariants, hands = Invariants(twin), OneHand(twin)
    upgrade = twin.apply(ibgu("upgrade", "Prep Upgrade", "FinalizeUpgrade", concurrency=2))
    twin.apply(replace(ibgu("flash", "Stage Flash Keep", concurrency=2), kind=FIRMWARE))
    twin.drive()

    for uid in (upgrade, "uid-flash"):
        assert twin.tracked(uid).rollout.state is RolloutState.COMPLETE
        for step in twin.tracked(uid).steps:
            outcomes = {name: member.outcome for name, member in step.members.items()}
            assert outcomes == dict.fromkeys(NAMES, Outcome.SUCCEEDED)
    for name in NAMES:
        node = twin.spokes[name]
        assert isinstance(node, BothNode)
        assert [stage for _, stage in node.executed] == UPGRADED
        assert [stage for _, stage in node.device.executed] == FLASHED
        assert twin.labels[name] == {}
    assert hands.at_once == {IBGU, FIRMWARE}
    invariants.at_rest()
    assert told(certify(log_of(twin), proofs=BOTH)) == []


def test_an_abort_cancels_nothing_of_another_kind(twin: InMemoryEngine) -> None:
    """An Abort of the upgrade stops no flash and no cluster that waits for one: it waits."""
    invariants = Invariants(twin)
    flash = replace(ibgu("flash", "Stage", "Flash", concurrency=2, age=2), kind=FIRMWARE)
    twin.apply(flash)
    prepared = twin.apply(ibgu("prep", "Prep", concurrency=1, age=1))
    twin.until(Kind.RUN_ACCEPTED)
    twin.wait(seconds=20)
    abort = twin.apply(ibgu("abort", "Abort", concurrency=4))
    twin.settle()
    waiting = twin.member(abort, 0, "site-1")
    assert waiting.reason.kind is ReasonKind.CLAIM
    assert "fleet/flash" in waiting.reason.message
    twin.drive()

    assert _outcomes(twin, flash.metadata.uid) == _outcomes(twin, abort) == {Outcome.SUCCEEDED}
    assert Outcome.CANCELLED in _outcomes(twin, prepared)
    invariants.at_rest()
    assert told(certify(log_of(twin), proofs=BOTH)) == []


def test_a_flash_is_no_reason_to_leave_an_abort_undone(twin: InMemoryEngine) -> None:
    """A step of another kind that opens later takes the clusters of a step that cancels."""
    abort = twin.apply(ibgu("abort", "Abort", concurrency=4))
    twin.drive()
    late = replace(ibgu("flash", "Stage", concurrency=4, age=5), kind=FIRMWARE)
    twin.apply(late)
    twin.drive()
    assert _outcomes(twin, late.metadata.uid) == _outcomes(twin, abort) == {Outcome.SUCCEEDED}
    assert told(certify(log_of(twin), proofs=BOTH)) == []


def _outcomes(twin: InMemoryEngine, uid: str) -> set[Outcome | None]:
    return {m.outcome for step in twin.tracked(uid).steps for m in step.members.values()}


def test_a_kind_that_the_certifier_does_not_know_is_not_judged(twin: InMemoryEngine) -> None:
    twin.apply(replace(ibgu("flash", "Stage"), kind=FIRMWARE))
    twin.drive()
    log: list[Event] = log_of(twin)
    findings = certify(log, proofs={IBGU: IBU_PROOFS})
    assert sum(findings.unknown.values()) == len(log) - 1  # all but its beginning
    assert told(findings) == []


def test_another_kind_waits_for_an_action_that_may_still_go_on(twin: InMemoryEngine) -> None:
    """The IBGU is deleted in the middle of an upgrade, which the cluster carries on with."""
    invariants = Invariants(twin)
    upgrade = twin.apply(ibgu("upgrade", "Prep", "Upgrade", concurrency=4))
    twin.until(Kind.STEP_FINISHED)
    twin.until(Kind.RUN_ACCEPTED)
    twin.delete(upgrade)
    twin.settle()
    flash = twin.apply(replace(ibgu("flash", "Stage Flash", concurrency=4), kind=FIRMWARE))
    twin.settle()
    waiting = twin.member(flash, 0, "site-1")
    assert waiting.reason.kind is ReasonKind.CLAIM
    assert waiting.reason.message == (
        "fleet/upgrade works on the cluster: its Upgrade may still go on there"
    )
    twin.drive()
    assert _outcomes(twin, flash) == {Outcome.SUCCEEDED}
    for name in NAMES:
        node = twin.spokes[name]
        assert isinstance(node, BothNode)
        assert [stage for _, stage in node.executed] == UPGRADED[:2]
    invariants.at_rest()
    assert told(certify(log_of(twin), proofs=BOTH)) == []
