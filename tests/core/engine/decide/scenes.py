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


def begin(twin: InMemoryEngine, plan: str = "Prep") -> None:
    twin.apply(ibgu("a", plan, concurrency=1, age=10))


def _slot(twin: InMemoryEngine) -> None:
    """The window of looks ends before it."""
    for n in range(11):
        twin.join(f"a-{n}").faults[Stage.PREP] = "hang"
    begin(twin)


def _claim(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].faults[Stage.PREP] = "hang"
    twin.apply(ibgu("b", "Prep"))
    twin.wait(seconds=10)
    begin(twin)


def _preempting(twin: InMemoryEngine) -> None:
    twin.apply(ibgu("b", "Prep", age=20))
    twin.until(Kind.RUN_ARMING)
    twin.frozen.add("site-1")
    twin.deliver()
    twin.stalled = twin.now + timedelta(hours=1)
    begin(twin, "Abort")


def _unreachable(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].dark = True
    begin(twin)


def _may_reboot(twin: InMemoryEngine) -> None:
    """Dark since an Upgrade was sent to it, which was withdrawn from the hub meanwhile."""
    twin.spokes["site-1"].to(Stage.PREP)
    twin.labels["site-1"] = {"lcm.openshift.io/ibgu-prep-completed": ""}
    begin(twin, "Upgrade")
    twin.until(Kind.RUN_ARMING)
    twin.muted.add("site-1")
    twin.deliver()
    twin.spokes["site-1"].dark = True
    twin.touch_cluster("site-1")
    twin.wait(seconds=90)


def _leaving(twin: InMemoryEngine) -> None:
    begin(twin)
    twin.until(Kind.STEP_STARTED)
    twin.deleting.add("site-1")


def _probing(twin: InMemoryEngine) -> None:
    twin.frozen.add("site-1")
    begin(twin)


def _ready(twin: InMemoryEngine) -> None:
    twin.join("site-0").faults[Stage.PREP] = "hang"
    begin(twin)
    twin.wait(seconds=5)


def _put_off(twin: InMemoryEngine) -> None:
    twin.apply(rate_limited("a", "Prep", jitter="1h"))
    twin.wait(seconds=5)


def _no_answer(twin: InMemoryEngine) -> None:
    twin.frozen.add("site-1")
    begin(twin)
    twin.wait(seconds=61)


def _busy(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].conditions["Idle"] = told("False", "Blocked", "IPC is not idle")
    begin(twin)


def _absent(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].absent = True
    begin(twin)


def _terminating(twin: InMemoryEngine) -> None:
    _ready(twin)
    twin.frozen.add("site-1")
    twin.works["uid-a", "site-1"].terminating = True
    twin.touch("uid-a", "site-1")


def _reopening(twin: InMemoryEngine) -> None:
    """A withdrawn run that the cluster took after all, while the only slot is another's."""
    twin.join("site-2").faults[Stage.PREP] = "hang"
    begin(twin)
    twin.until(Kind.RUN_ARMING)
    twin.muted.add("site-1")
    twin.deliver()
    twin.spokes["site-1"].dark = True
    twin.touch_cluster("site-1")
    twin.wait(seconds=90)
    twin.spokes["site-1"].dark = False
    twin.muted.clear()
    twin.touch_cluster("site-1")


def _invalid(twin: InMemoryEngine) -> None:
    _ready(twin)
    twin.append("uid-a", "Prep")


def _paused(twin: InMemoryEngine) -> None:
    _ready(twin)
    twin.annotate("uid-a", pause="alice")


def _talm(twin: InMemoryEngine) -> None:
    _ready(twin)
    twin.facts = type(twin.facts)(in_sync_since=START, talm_hold=TALM_RUNS)
    twin.touch_everything()


def _restored(twin: InMemoryEngine) -> None:
    _ready(twin)
    restore_hub(twin, backup(twin))


def _adoption(twin: InMemoryEngine) -> None:
    _ready(twin)
    twin.adoption.add("uid-a")
    twin.touch("uid-a")


def _may_not_look(twin: InMemoryEngine) -> None:
    twin.forbidden = True
    begin(twin)


def _talm_work(twin: InMemoryEngine) -> None:
    _ready(twin)
    twin.talm["site-1"] = "fleet/b-prep-0"
    twin.touch_cluster("site-1")


def _unbound(twin: InMemoryEngine) -> None:
    _ready(twin)
    twin.scope = Scope("fleet", ())
    twin.touch_everything()


def _policy(twin: InMemoryEngine) -> None:
    _ready(twin)
    twin.policies = (RING,)
    twin.labels["site-1"] = dict(CLOSED)
    twin.touch_everything()


def _warned(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].prep_warning = "Thing[1] - CRD not deployed on cluster"
    twin.spokes["site-1"].to(Stage.PREP)
    twin.labels["site-1"] = {"lcm.openshift.io/ibgu-prep-completed": ""}
    begin(twin, "Upgrade")
    twin.annotate("uid-a", hold_on_warning="yes")
    twin.wait(seconds=5)


TOO_OLD = RecordedFinding("P3", FindingSeverity.ERROR, "are too old", ("site-1",))
UNNAMED = RecordedFinding("P11", FindingSeverity.ERROR, "lacks image or version")


def _enforce(twin: InMemoryEngine, error: RecordedFinding) -> None:
    record = PreflightRecord(twin.now, (error,), enforced=True)
    twin.preflight = PreflightResult(record, frozenset({"site-1"}))
    twin.annotate("uid-a", preflight="enforce")


def _refused_by_preflight(twin: InMemoryEngine) -> None:
    begin(twin)
    _enforce(twin, TOO_OLD)
    twin.wait(seconds=5)


def _adopting(twin: InMemoryEngine) -> None:
    _adoption(twin)
    twin.traces["uid-a"] = Traces(left=1)
    twin.annotate("uid-a", adopt="1")


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
    _talm_work: (ReasonKind.TALM_WORK, "TALM's ManifestWork fleet/b-prep-0", ActingParty.PERSON),
    _restored: (ReasonKind.RESTORED, "restored from an older backup", ActingParty.PERSON),
}


def _upgrade_is_prepared(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].to(Stage.PREP)
    twin.labels["site-1"] = {"lcm.openshift.io/ibgu-prep-completed": ""}
    begin(twin, "Upgrade")
    twin.until(Kind.RUN_INTENDED)
    twin.stalled = twin.now + timedelta(hours=1)


def _payload_is_sent(twin: InMemoryEngine) -> None:
    twin.payload = PayloadState(digest="digest")
    begin(twin)
    twin.until(Kind.RUN_INTENDED)
    twin.stalled = twin.now + timedelta(hours=1)


def _payload_is_refused(twin: InMemoryEngine) -> None:
    twin.payload = PayloadState(digest="digest")
    twin.bad_payload = "namespaces oadp not found"
    begin(twin)


def _arming(twin: InMemoryEngine) -> None:
    begin(twin)
    twin.until(Kind.RUN_ARMING)
    twin.frozen.add("site-1")


def _dark_before_it_took(twin: InMemoryEngine) -> None:
    _arming(twin)
    twin.spokes["site-1"].dark = True
    twin.touch_cluster("site-1")


def _apply_error(twin: InMemoryEngine) -> None:
    _arming(twin)
    twin.deliver()
    work = twin.works["uid-a", "site-1"]
    work.applied, work.error = work.generation, "imagebasedupgrades is forbidden"
    twin.touch("uid-a", "site-1")


def _refused(twin: InMemoryEngine) -> None:
    begin(twin)
    twin.until(Kind.RUN_ARMING)
    twin.spokes["site-1"].to(Stage.PREP)
    twin.spokes["site-1"].to(Stage.UPGRADE)


def running(twin: InMemoryEngine) -> None:
    begin(twin)
    twin.wait(seconds=10)


def _rebooting(twin: InMemoryEngine) -> None:
    _upgrade_is_prepared(twin)
    twin.stalled = twin.now
    twin.wait(minutes=5)


def _dark_inside_prep(twin: InMemoryEngine) -> None:
    running(twin)
    twin.spokes["site-1"].dark = True
    twin.touch_cluster("site-1")


def _by_hand(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].faults[Stage.IDLE] = "hang"
    running(twin)
    twin.spokes["site-1"].ask(Stage.IDLE, "", ("", ""))
    twin.wait(seconds=10)


def _disarming(twin: InMemoryEngine) -> None:
    _arming(twin)
    twin.deliver()
    twin.stalled = twin.now + timedelta(hours=1)
    twin.delete("uid-a")


def _between_actions(twin: InMemoryEngine) -> None:
    begin(twin, "Prep Upgrade")
    twin.until(Kind.RUN_ACCEPTED)
    twin.wait(seconds=10)
    spoke = twin.spokes["site-1"]
    spoke.conditions["UpgradeInProgress"] = told("False", "Blocked", "IPC is not idle")
    twin.wait(minutes=2)


def _may_not_arm(twin: InMemoryEngine) -> None:
    begin(twin)
    twin.until(Kind.RUN_ARMING)
    twin.forbidden = True


def _may_not_carry(twin: InMemoryEngine) -> None:
    twin.payload = PayloadState(digest="digest")
    begin(twin)
    twin.until(Kind.RUN_INTENDED)
    twin.forbidden = True


def _may_not_turn_import_off(twin: InMemoryEngine) -> None:
    _upgrade_is_prepared(twin)
    twin.stalled = twin.now
    twin.forbidden = True


def _may_not_disarm(twin: InMemoryEngine) -> None:
    _arming(twin)
    twin.deliver()
    twin.forbidden = True
    twin.delete("uid-a")


def _talm_work_between_actions(twin: InMemoryEngine) -> None:
    begin(twin, "Prep Upgrade")
    twin.until(Kind.RUN_ACCEPTED)
    twin.talm["site-1"] = "fleet/b-prep-0"
    twin.wait(minutes=2)


def _braked_between_actions(twin: InMemoryEngine) -> None:
    for n in range(2, 7):
        twin.join(f"site-{n}").faults[Stage.UPGRADE] = "fail"
    twin.spokes["site-1"].faults[Stage.PREP] = "slow"
    twin.apply(ibgu("a", "Prep Upgrade", concurrency=6))
    twin.wait(minutes=90)


def _braked_by_its_seed_between_actions(twin: InMemoryEngine) -> None:
    twin.apply(seeded(ibgu("a", "Prep Upgrade")))
    twin.until(Kind.RUN_ACCEPTED)
    twin.seeds = SeedState((SeedBreaker("du-416", SeedCircuitBreaker(same_cause=1)),))
    twin.fleet.seed_ends.load([(DIGEST, ActionEnd(twin.now, "site-9", Cause.UPGRADE_FAILED))])
    twin.wait(minutes=20)


def _budget_is_spent_between_actions(twin: InMemoryEngine) -> None:
    twin.join("site-0").faults[Stage.PREP] = "fail"
    set_policies(twin, policy(failureBudget={"maximum": 0}))
    twin.apply(ibgu("a", "Prep Upgrade"))
    twin.wait(minutes=20)


def _seeds_are_unknown_between_actions(twin: InMemoryEngine) -> None:
    twin.apply(seeded(ibgu("a", "Prep Upgrade")))
    twin.until(Kind.RUN_ACCEPTED)
    twin.seeds = SeedState(problem="ibgu may not list SeedImages")
    twin.wait(minutes=20)


def _policy_between_actions(twin: InMemoryEngine) -> None:
    begin(twin, "Prep Upgrade")
    twin.until(Kind.RUN_ACCEPTED)
    twin.policies = (RING,)
    twin.labels["site-1"] = dict(CLOSED)
    twin.wait(minutes=20)


def _backup_not_allowed_between_actions(twin: InMemoryEngine) -> None:
    uid = twin.apply(ibgu("a", "Prep Upgrade"))
    twin.until(Kind.RUN_ACCEPTED)
    image = f"registry.example/tools@sha256:{'a' * 64}"
    twin.annotate(uid, backup="Etcd", backup_image=image)
    twin.wait(minutes=2)


def _warned_between_actions(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].prep_warning = "Thing[1] - CRD not deployed on cluster"
    begin(twin, "Prep Upgrade")
    twin.annotate("uid-a", hold_on_warning="yes")
    twin.wait(minutes=20)


def _refused_by_preflight_between_actions(twin: InMemoryEngine) -> None:
    begin(twin, "Prep Upgrade")
    twin.until(Kind.RUN_ACCEPTED)
    _enforce(twin, TOO_OLD)
    twin.wait(minutes=20)


def _preflight_is_pending_between_actions(twin: InMemoryEngine) -> None:
    begin(twin, "Prep Upgrade")
    twin.until(Kind.RUN_ACCEPTED)
    twin.annotate("uid-a", preflight="enforce")
    twin.wait(minutes=20)


def _plan_is_refused_by_preflight_between_actions(twin: InMemoryEngine) -> None:
    begin(twin, "Prep Upgrade")
    twin.until(Kind.RUN_ACCEPTED)
    _enforce(twin, UNNAMED)
    twin.wait(minutes=20)


class _SoakingDriver(IbuDriver):
    """A success has to last for an hour."""

    def verdict(self, feedback: FeedbackView, action: str, rollout: Rollout) -> Verdict:
        found = super().verdict(feedback, action, rollout)
        return replace(found, message="prepared", soak=timedelta(hours=1))


def _soaking(twin: InMemoryEngine) -> None:
    twin.driver = _SoakingDriver()
    begin(twin, "Prep")
    twin.until(Kind.RUN_ACCEPTED)
    twin.wait(minutes=40)


def _restored_without_it(twin: InMemoryEngine) -> None:
    running(twin)
    saved = backup(twin)
    del twin.spokes["site-1"]
    restore_hub(twin, saved)


HOLDS: dict[Scene, Row] = {
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
    _rebooting: (ReasonKind.REBOOTING, "rebooting: the cluster is not reachable", ActingParty.IBGU),
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
