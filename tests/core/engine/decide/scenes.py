"""Scenes: for every reason that a member can have, how it gets there (R17)."""

from collections.abc import Callable
from datetime import timedelta

from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.driver import IbuDriver
from ibgu.core.engine.driver import Verdict
from ibgu.core.engine.state import ActionEnd
from ibgu.core.engine.state.snapshot import PayloadState, SeedBreaker, SeedState
from ibgu.core.model import ActingParty, Cause, FeedbackView, Kind, ReasonKind, Rollout
from ibgu.core.model.preflight import (
    FindingSeverity,
    PreflightRecord,
    PreflightResult,
    RecordedFinding,
)
from ibgu.core.model.seed_image import SeedCircuitBreaker
from ibgu.core.plan import Scope
from ibgu.core.talm.adopt import Traces
from tests.core.engine.decide.builders import DIGEST, seeded
from tests.core.engine.decide.fleet import START, TALM_RUNS, InMemoryEngine, ibgu
from tests.core.engine.decide.rate_limited import rate_limited
from tests.core.engine.decide.restores import backup, restore_hub
from tests.core.engine.decide.spoke import told
from tests.core.engine.gates.policies.policy import policy, set_policies
from tests.core.engine.gates.toy import CLOSED, RING

Scene = Callable[[InMemoryEngine], None]
Row = tuple[ReasonKind, str, ActingParty]


def begin(engine: InMemoryEngine, plan: str = "Prep") -> None:
    engine.apply(ibgu("a", plan, concurrency=1, age=10))


def _slot(engine: InMemoryEngine) -> None:
    """The window of looks ends before it."""
    for n in range(11):
        engine.join(f"a-{n}").faults[Stage.PREP] = "hang"
    begin(engine)


def _claim(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    engine.apply(ibgu("b", "Prep"))
    engine.wait(seconds=10)
    begin(engine)


def _preempting(engine: InMemoryEngine) -> None:
    engine.apply(ibgu("b", "Prep", age=20))
    engine.until(Kind.RUN_ARMING)
    engine.frozen.add("site-1")
    engine.deliver()
    engine.stalled = engine.now + timedelta(hours=1)
    begin(engine, "Abort")


def _unreachable(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].dark = True
    begin(engine)


def _may_reboot(engine: InMemoryEngine) -> None:
    """Dark since an Upgrade was sent to it, which was withdrawn from the hub meanwhile."""
    engine.spokes["site-1"].to(Stage.PREP)
    engine.labels["site-1"] = {"lcm.openshift.io/ibgu-prep-completed": ""}
    begin(engine, "Upgrade")
    engine.until(Kind.RUN_ARMING)
    engine.muted.add("site-1")
    engine.deliver()
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(seconds=90)


def _leaving(engine: InMemoryEngine) -> None:
    begin(engine)
    engine.until(Kind.STEP_STARTED)
    engine.deleting.add("site-1")


def _probing(engine: InMemoryEngine) -> None:
    engine.frozen.add("site-1")
    begin(engine)


def _ready(engine: InMemoryEngine) -> None:
    engine.join("site-0").faults[Stage.PREP] = "hang"
    begin(engine)
    engine.wait(seconds=5)


def _put_off(engine: InMemoryEngine) -> None:
    engine.apply(rate_limited("a", "Prep", jitter="1h"))
    engine.wait(seconds=5)


def _no_answer(engine: InMemoryEngine) -> None:
    engine.frozen.add("site-1")
    begin(engine)
    engine.wait(seconds=61)


def _busy(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].conditions["Idle"] = told("False", "Blocked", "IPC is not idle")
    begin(engine)


def _absent(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].absent = True
    begin(engine)


def _wrong_state(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].to(Stage.PREP, ("quay.io/other:4.16", "4.16.0"))
    begin(engine)
    engine.annotate("uid-a", preflight="enforce")


def _terminating(engine: InMemoryEngine) -> None:
    _ready(engine)
    engine.frozen.add("site-1")
    engine.works["uid-a", "site-1"].terminating = True
    engine.touch("uid-a", "site-1")


def _reopening(engine: InMemoryEngine) -> None:
    """A withdrawn run that the cluster took after all, while the only slot is another's."""
    engine.join("site-2").faults[Stage.PREP] = "hang"
    begin(engine)
    engine.until(Kind.RUN_ARMING)
    engine.muted.add("site-1")
    engine.deliver()
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(seconds=90)
    engine.spokes["site-1"].dark = False
    engine.muted.clear()
    engine.touch_cluster("site-1")


def _invalid(engine: InMemoryEngine) -> None:
    _ready(engine)
    engine.append("uid-a", "Prep")


def _paused(engine: InMemoryEngine) -> None:
    _ready(engine)
    engine.annotate("uid-a", pause="alice")


def _talm(engine: InMemoryEngine) -> None:
    _ready(engine)
    engine.facts = type(engine.facts)(in_sync_since=START, talm_hold=TALM_RUNS)
    engine.touch_everything()


def _restored(engine: InMemoryEngine) -> None:
    _ready(engine)
    restore_hub(engine, backup(engine))


def _adoption(engine: InMemoryEngine) -> None:
    _ready(engine)
    engine.adoption.add("uid-a")
    engine.touch("uid-a")


def _may_not_look(engine: InMemoryEngine) -> None:
    engine.forbidden = True
    begin(engine)


def _talm_work(engine: InMemoryEngine) -> None:
    _ready(engine)
    engine.talm["site-1"] = "fleet/b-prep-0"
    engine.touch_cluster("site-1")


def _unbound(engine: InMemoryEngine) -> None:
    _ready(engine)
    engine.scope = Scope("fleet", ())
    engine.touch_everything()


def _policy(engine: InMemoryEngine) -> None:
    _ready(engine)
    engine.policies = (RING,)
    engine.labels["site-1"] = dict(CLOSED)
    engine.touch_everything()


def _warned(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].prep_warning = "Thing[1] - CRD not deployed on cluster"
    engine.spokes["site-1"].to(Stage.PREP)
    engine.labels["site-1"] = {"lcm.openshift.io/ibgu-prep-completed": ""}
    begin(engine, "Upgrade")
    engine.annotate("uid-a", hold_on_warning="yes")
    engine.wait(seconds=5)


TOO_OLD = RecordedFinding("P3", FindingSeverity.ERROR, "are too old", ("site-1",))
UNNAMED = RecordedFinding("P11", FindingSeverity.ERROR, "lacks image or version")


def _enforce(engine: InMemoryEngine, error: RecordedFinding) -> None:
    record = PreflightRecord(engine.now, (error,), enforced=True)
    engine.preflight = PreflightResult(record, frozenset({"site-1"}))
    engine.annotate("uid-a", preflight="enforce")


def _refused_by_preflight(engine: InMemoryEngine) -> None:
    begin(engine)
    _enforce(engine, TOO_OLD)
    engine.wait(seconds=5)


def _adopting(engine: InMemoryEngine) -> None:
    _adoption(engine)
    engine.traces["uid-a"] = Traces(left=1)
    engine.annotate("uid-a", adopt="1")


def _malformed(engine: InMemoryEngine) -> None:
    engine.join("site-0").faults[Stage.PREP] = "hang"
    begin(engine)
    engine.wait(seconds=10)
    engine.unread.add("site-1")
    engine.touch_cluster("site-1")


WAITS: dict[Scene, Row] = {
    _slot: (ReasonKind.SLOT, "waits for a slot", ActingParty.IBGU),
    _claim: (ReasonKind.CLAIM, "fleet/b works on the cluster", ActingParty.IBGU),
    _preempting: (ReasonKind.PREEMPTING, "takes it over from fleet/b", ActingParty.IBGU),
    _unreachable: (ReasonKind.UNREACHABLE, "the cluster is not reachable", ActingParty.CLUSTER),
    _may_reboot: (ReasonKind.REBOOTING, "since Upgrade was sent to it", ActingParty.CLUSTER),
    _leaving: (ReasonKind.UNREACHABLE, "the ManagedCluster is being deleted", ActingParty.CLUSTER),
    _probing: (ReasonKind.PROBING, "asks the cluster for its state", ActingParty.IBGU),
    _ready: (ReasonKind.READY, "ready, waits for a slot", ActingParty.IBGU),
    _put_off: (ReasonKind.START_JITTER, "put off by a part of 1 h", ActingParty.IBGU),
    _no_answer: (ReasonKind.NO_ANSWER, "reachable but does not answer", ActingParty.CLUSTER),
    _busy: (ReasonKind.BUSY, "IPC is not idle", ActingParty.CLUSTER),
    _absent: (ReasonKind.ABSENT, "Lifecycle Agent is not installed", ActingParty.PERSON),
    _wrong_state: (ReasonKind.WRONG_STATE, "quay.io/other:4.16", ActingParty.PERSON),
    _terminating: (ReasonKind.TERMINATING, "waits until the old ManifestWork", ActingParty.CLUSTER),
    _reopening: (ReasonKind.REOPENING, "accepted the withdrawn run after all", ActingParty.IBGU),
    _may_not_look: (ReasonKind.FORBIDDEN, "may not write manifestworks", ActingParty.PERSON),
    _unbound: (
        ReasonKind.UNBOUND,
        "in no cluster set that is bound to namespace",
        ActingParty.PERSON,
    ),
    _policy: (ReasonKind.GATE, "its ring is closed", ActingParty.PERSON),
    _warned: (ReasonKind.WARNING, "CRD not deployed on cluster", ActingParty.PERSON),
    _refused_by_preflight: (ReasonKind.PREFLIGHT, "are too old [P3]", ActingParty.PERSON),
    _invalid: (ReasonKind.INVALID_PLAN, "invalid combinations of actions", ActingParty.PERSON),
    _paused: (ReasonKind.PAUSED, "paused by a person (alice)", ActingParty.PERSON),
    _talm: (ReasonKind.TALM, "TALM is running on this hub", ActingParty.PERSON),
    _adoption: (ReasonKind.ADOPTION, "unfinished ClusterGroupUpgrades", ActingParty.PERSON),
    _adopting: (ReasonKind.ADOPTING, "takes over from TALM", ActingParty.IBGU),
    _malformed: (ReasonKind.MALFORMED, "can't read objects of the cluster", ActingParty.PERSON),
    _talm_work: (ReasonKind.TALM_WORK, "TALM's ManifestWork fleet/b-prep-0", ActingParty.PERSON),
    _restored: (ReasonKind.RESTORED, "restored from an older backup", ActingParty.PERSON),
}


def _upgrade_is_prepared(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].to(Stage.PREP)
    engine.labels["site-1"] = {"lcm.openshift.io/ibgu-prep-completed": ""}
    begin(engine, "Upgrade")
    engine.until(Kind.RUN_INTENDED)
    engine.stalled = engine.now + timedelta(hours=1)


def _payload_is_sent(engine: InMemoryEngine) -> None:
    engine.payload = PayloadState(digest="digest")
    begin(engine)
    engine.until(Kind.RUN_INTENDED)
    engine.stalled = engine.now + timedelta(hours=1)


def _payload_is_refused(engine: InMemoryEngine) -> None:
    engine.payload = PayloadState(digest="digest")
    engine.bad_payload = "namespaces oadp not found"
    begin(engine)


def _arming(engine: InMemoryEngine) -> None:
    begin(engine)
    engine.until(Kind.RUN_ARMING)
    engine.frozen.add("site-1")


def _dark_before_it_took(engine: InMemoryEngine) -> None:
    _arming(engine)
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")


def _apply_error(engine: InMemoryEngine) -> None:
    _arming(engine)
    engine.deliver()
    work = engine.works["uid-a", "site-1"]
    work.applied, work.error = work.generation, "imagebasedupgrades is forbidden"
    engine.touch("uid-a", "site-1")


def _refused(engine: InMemoryEngine) -> None:
    begin(engine)
    engine.until(Kind.RUN_ARMING)
    engine.spokes["site-1"].to(Stage.PREP)
    engine.spokes["site-1"].to(Stage.UPGRADE)


def running(engine: InMemoryEngine) -> None:
    begin(engine)
    engine.wait(seconds=10)


def _rebooting(engine: InMemoryEngine) -> None:
    _upgrade_is_prepared(engine)
    engine.stalled = engine.now
    engine.wait(minutes=5)


def _dark_inside_prep(engine: InMemoryEngine) -> None:
    running(engine)
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")


def _by_hand(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].faults[Stage.IDLE] = "hang"
    running(engine)
    engine.spokes["site-1"].ask(Stage.IDLE, "", ("", ""))
    engine.wait(seconds=10)


def _disarming(engine: InMemoryEngine) -> None:
    _arming(engine)
    engine.deliver()
    engine.stalled = engine.now + timedelta(hours=1)
    engine.delete("uid-a")


def _between_actions(engine: InMemoryEngine) -> None:
    begin(engine, "Prep Upgrade")
    engine.until(Kind.RUN_ACCEPTED)
    engine.wait(seconds=10)
    spoke = engine.spokes["site-1"]
    spoke.conditions["UpgradeInProgress"] = told("False", "Blocked", "IPC is not idle")
    engine.wait(minutes=2)


def _may_not_arm(engine: InMemoryEngine) -> None:
    begin(engine)
    engine.until(Kind.RUN_ARMING)
    engine.forbidden = True


def _may_not_carry(engine: InMemoryEngine) -> None:
    engine.payload = PayloadState(digest="digest")
    begin(engine)
    engine.until(Kind.RUN_INTENDED)
    engine.forbidden = True


def _may_not_turn_import_off(engine: InMemoryEngine) -> None:
    _upgrade_is_prepared(engine)
    engine.stalled = engine.now
    engine.forbidden = True


def _may_not_disarm(engine: InMemoryEngine) -> None:
    _arming(engine)
    engine.deliver()
    engine.forbidden = True
    engine.delete("uid-a")


def _talm_work_between_actions(engine: InMemoryEngine) -> None:
    begin(engine, "Prep Upgrade")
    engine.until(Kind.RUN_ACCEPTED)
    engine.talm["site-1"] = "fleet/b-prep-0"
    engine.wait(minutes=2)


def _braked_between_actions(engine: InMemoryEngine) -> None:
    for n in range(2, 7):
        engine.join(f"site-{n}").faults[Stage.UPGRADE] = "fail"
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=6))
    engine.wait(minutes=90)


def _braked_by_its_seed_between_actions(engine: InMemoryEngine) -> None:
    engine.apply(seeded(ibgu("a", "Prep Upgrade")))
    engine.until(Kind.RUN_ACCEPTED)
    engine.seeds = SeedState((SeedBreaker("du-416", SeedCircuitBreaker(same_cause=1)),))
    engine.fleet.seed_ends.load([(DIGEST, ActionEnd(engine.now, "site-9", Cause.UPGRADE_FAILED))])
    engine.wait(minutes=20)


def _budget_is_spent_between_actions(engine: InMemoryEngine) -> None:
    engine.join("site-0").faults[Stage.PREP] = "fail"
    set_policies(engine, policy(failureBudget={"maximum": 0}))
    engine.apply(ibgu("a", "Prep Upgrade"))
    engine.wait(minutes=20)


def _seeds_are_unknown_between_actions(engine: InMemoryEngine) -> None:
    engine.apply(seeded(ibgu("a", "Prep Upgrade")))
    engine.until(Kind.RUN_ACCEPTED)
    engine.seeds = SeedState(problem="ibgu may not list SeedImages")
    engine.wait(minutes=20)


def _policy_between_actions(engine: InMemoryEngine) -> None:
    begin(engine, "Prep Upgrade")
    engine.until(Kind.RUN_ACCEPTED)
    engine.policies = (RING,)
    engine.labels["site-1"] = dict(CLOSED)
    engine.wait(minutes=20)


def _backup_not_allowed_between_actions(engine: InMemoryEngine) -> None:
    uid = engine.apply(ibgu("a", "Prep Upgrade"))
    engine.until(Kind.RUN_ACCEPTED)
    image = f"registry.example/tools@sha256:{'a' * 64}"
    engine.annotate(uid, backup="Etcd", backup_image=image)
    engine.wait(minutes=2)


def _warned_between_actions(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].prep_warning = "Thing[1] - CRD not deployed on cluster"
    begin(engine, "Prep Upgrade")
    engine.annotate("uid-a", hold_on_warning="yes")
    engine.wait(minutes=20)


def _refused_by_preflight_between_actions(engine: InMemoryEngine) -> None:
    begin(engine, "Prep Upgrade")
    engine.until(Kind.RUN_ACCEPTED)
    _enforce(engine, TOO_OLD)
    engine.wait(minutes=20)


def _preflight_is_pending_between_actions(engine: InMemoryEngine) -> None:
    begin(engine, "Prep Upgrade")
    engine.until(Kind.RUN_ACCEPTED)
    engine.annotate("uid-a", preflight="enforce")
    engine.wait(minutes=20)


def _plan_is_refused_by_preflight_between_actions(engine: InMemoryEngine) -> None:
    begin(engine, "Prep Upgrade")
    engine.until(Kind.RUN_ACCEPTED)
    _enforce(engine, UNNAMED)
    engine.wait(minutes=20)


class _SoakingDriver(IbuDriver):
    """A success has to last for an hour."""

    def verdict(self, feedback: FeedbackView, action: str, rollout: Rollout) -> Verdict:
        found = super().verdict(feedback, action, rollout)
        return replace(found, message="prepared", soak=timedelta(hours=1))


def _soaking(engine: InMemoryEngine) -> None:
    engine.driver = _SoakingDriver()
    begin(engine, "Prep")
    engine.until(Kind.RUN_ACCEPTED)
    engine.wait(minutes=40)


def _restored_without_it(engine: InMemoryEngine) -> None:
    running(engine)
    saved = backup(engine)
    del engine.spokes["site-1"]
    restore_hub(engine, saved)


def _malformed_in_flight(engine: InMemoryEngine) -> None:
    running(engine)
    engine.unread.add("site-1")
    engine.touch_cluster("site-1")


HOLDS: dict[Scene, Row] = {
    _malformed_in_flight: (
        ReasonKind.MALFORMED,
        "can't read objects of the cluster",
        ActingParty.PERSON,
    ),
    _upgrade_is_prepared: (ReasonKind.PREPARING, "turns automatic import off", ActingParty.IBGU),
    _payload_is_sent: (ReasonKind.PREPARING, "waits until the payload is", ActingParty.IBGU),
    _payload_is_refused: (
        ReasonKind.PAYLOAD_ERROR,
        "namespaces oadp not found",
        ActingParty.PERSON,
    ),
    _arming: (ReasonKind.ARMING, "waits until the cluster accepts Prep", ActingParty.IBGU),
    _dark_before_it_took: (
        ReasonKind.UNREACHABLE,
        "the cluster is not reachable",
        ActingParty.CLUSTER,
    ),
    _apply_error: (ReasonKind.APPLY_ERROR, "is forbidden", ActingParty.CLUSTER),
    _refused: (ReasonKind.REFUSED, "stage transition is not permitted", ActingParty.PERSON),
    running: (ReasonKind.RUNNING, "In progress", ActingParty.CLUSTER),
    _rebooting: (
        ReasonKind.REBOOTING,
        "the cluster is not reachable while it reboots",
        ActingParty.IBGU,
    ),
    _dark_inside_prep: (
        ReasonKind.UNREACHABLE,
        "the cluster is not reachable",
        ActingParty.CLUSTER,
    ),
    _by_hand: (ReasonKind.DIVERGED, "spec.stage is Idle, ibgu asked for Prep", ActingParty.PERSON),
    _disarming: (ReasonKind.DISARMING, "disarms the stage work", ActingParty.IBGU),
    _may_not_arm: (ReasonKind.FORBIDDEN, "may not write manifestworks", ActingParty.PERSON),
    _may_not_carry: (ReasonKind.FORBIDDEN, "may not write manifestworks", ActingParty.PERSON),
    _may_not_turn_import_off: (ReasonKind.FORBIDDEN, "patch managedclusters", ActingParty.PERSON),
    _may_not_disarm: (ReasonKind.FORBIDDEN, "may not write manifestworks", ActingParty.PERSON),
    _between_actions: (ReasonKind.BUSY, "IPC is not idle", ActingParty.CLUSTER),
    _talm_work_between_actions: (ReasonKind.TALM_WORK, "fleet/b-prep-0", ActingParty.PERSON),
    _braked_between_actions: (ReasonKind.CIRCUIT_BREAKER, "first 5 clusters", ActingParty.PERSON),
    _braked_by_its_seed_between_actions: (
        ReasonKind.SEED_BREAKER,
        "1 upgrade failed with UpgradeFailed",
        ActingParty.PERSON,
    ),
    _budget_is_spent_between_actions: (
        ReasonKind.FAILURE_BUDGET,
        "1 cluster of this rollout has failed",
        ActingParty.PERSON,
    ),
    _seeds_are_unknown_between_actions: (
        ReasonKind.SEEDS_UNKNOWN,
        "may not list SeedImages",
        ActingParty.IBGU,
    ),
    _policy_between_actions: (ReasonKind.GATE, "its ring is closed", ActingParty.PERSON),
    _backup_not_allowed_between_actions: (
        ReasonKind.BACKUP_NOT_POSSIBLE,
        "which this hub does not allow (IBGU_UPGRADE_BACKUPS)",
        ActingParty.PERSON,
    ),
    _warned_between_actions: (
        ReasonKind.WARNING,
        "CRD not deployed on cluster",
        ActingParty.PERSON,
    ),
    _refused_by_preflight_between_actions: (
        ReasonKind.PREFLIGHT,
        "are too old [P3]",
        ActingParty.PERSON,
    ),
    _preflight_is_pending_between_actions: (
        ReasonKind.PREFLIGHT_PENDING,
        "still checking the clusters",
        ActingParty.IBGU,
    ),
    _plan_is_refused_by_preflight_between_actions: (
        ReasonKind.PREFLIGHT_PLAN,
        "lacks image or version [P11]",
        ActingParty.PERSON,
    ),
    _soaking: (ReasonKind.SOAKING, "prepared", ActingParty.IBGU),
    _restored_without_it: (
        ReasonKind.RESTORED,
        "does not show the ManagedCluster",
        ActingParty.PERSON,
    ),
}
