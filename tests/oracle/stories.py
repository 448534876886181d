"""Correct histories, one for each kind of event."""

from datetime import timedelta
from functools import cache

from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import PayloadState, SeedBreaker, SeedState
from ibgu.core.model import Kind
from ibgu.core.model.preflight import (
    FindingSeverity,
    PreflightRecord,
    PreflightResult,
    RecordedFinding,
)
from ibgu.core.model.rollout_policy import PolicyState
from ibgu.core.model.seed_image import SeedCircuitBreaker
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.drivers.cluster_version.version_samples import NEW
from tests.core.engine.decide.arming import arming, return_, taken_but_unheard
from tests.core.engine.decide.builders import seeded
from tests.core.engine.decide.fleet import START, TALM_RUNS, InMemoryEngine, ibgu
from tests.core.engine.decide.rate_limited import KEYS, annotated, rate_limited
from tests.core.engine.decide.restores import lose_journal, write_status
from tests.core.engine.decide.test_r09_taken_over import (
    restored_after_an_abort,
    restored_while_withdrawn,
)
from tests.core.engine.decide.test_r47_jobs import UID, saved
from tests.core.engine.gates.policies.policy import policy, set_policies
from tests.oracle import Event
from tests.oracle.logs import log_of


@cache
def plain() -> list[Event]:
    """Two steps, three clusters, two at a time; the Upgrade of site-2 fails."""
    engine = InMemoryEngine("site-1", "site-2", "site-3")
    engine.spokes["site-2"].faults[Stage.UPGRADE] = "fail"
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=2))
    engine.wait(hours=3)
    return log_of(engine)


@cache
def backed_up() -> list[Event]:
    """Two clusters are backed up, and updated in the next step."""
    engine = InMemoryEngine("site-1", "site-2", driver=CLUSTER_VERSION, node=VersionNode)
    engine.apply(saved("Backup", "Update", timeout=600))
    engine.drive()
    return log_of(engine)


@cache
def backed_up_twice() -> list[Event]:
    """A freeze lasts longer than the backup before it may be old."""
    engine = InMemoryEngine("site-1", "site-2", driver=CLUSTER_VERSION, node=VersionNode)
    begin, end = START + timedelta(minutes=2), START + timedelta(hours=9)
    freeze = {"from": begin.isoformat(), "until": end.isoformat()}
    set_policies(engine, policy("night", actions=["Update"], freezes=[freeze]))
    engine.apply(saved("Backup Update"))
    engine.drive()
    return log_of(engine)


@cache
def backed_up_and_lost() -> list[Event]:
    """The journal is lost between the backup and the update, and imported from the hub."""
    engine = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    engine.apply(saved("Backup"))
    engine.wait(minutes=10)
    write_status(engine, UID)
    lose_journal(engine)
    engine.settle()
    engine.append(UID, "Update")
    engine.annotate(UID, resume="1")
    engine.drive()
    return log_of(engine)


@cache
def undone() -> list[Event]:
    """The Lifecycle Agent undoes an Abort after an automatic rollback, and it is tried again."""
    engine, _ = restored_after_an_abort()
    engine.wait(hours=1)
    return log_of(engine)


@cache
def restored_by_hand() -> list[Event]:
    """A person restores a cluster while its update is withdrawn."""
    return log_of(restored_while_withdrawn())


@cache
def updated_by_hand() -> list[Event]:
    """The update has begun by hand before the rollout, which then needs no backup any more."""
    engine = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    found: object = engine.spokes["site-1"]
    assert isinstance(found, VersionNode)
    found.image, found.wanted, found.partial = NEW, NEW, True
    engine.apply(saved("Update"))
    engine.drive()
    return log_of(engine)


@cache
def warned() -> list[Event]:
    """A cluster that has warned waits for a person, who resumes it."""
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].prep_warning = "Thing[1] - CRD not deployed on cluster"
    uid = engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.annotate(uid, hold_on_warning="yes")
    engine.wait(hours=1)
    engine.annotate(uid, resume="1")
    engine.wait(hours=2)
    return log_of(engine)


@cache
def warned_in_a_chain() -> list[Event]:
    """A cluster that has warned keeps its slot until a person resumes it, with a new limit."""
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].prep_warning = "Thing[1] - CRD not deployed on cluster"
    uid = engine.apply(ibgu("a", "Prep Upgrade"))
    engine.annotate(uid, hold_on_warning="yes")
    engine.wait(hours=1)
    engine.annotate(uid, resume="1")
    engine.wait(hours=2)
    return log_of(engine)


@cache
def refused_by_preflight() -> list[Event]:
    """The plan has an error first, then one cluster has one, and starts once it has healed."""
    engine = InMemoryEngine("site-1", "site-2")
    unnamed = RecordedFinding("P11", FindingSeverity.ERROR, "lacks image or version")
    too_old = RecordedFinding("P3", FindingSeverity.ERROR, "are too old", ("site-2",))
    slow = RecordedFinding("P33", FindingSeverity.WARNING, "are not reachable", ("site-1",))
    uid = engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=2))
    engine.annotate(uid, preflight="enforce")
    for findings in ((unnamed,), (too_old, slow), ()):
        record = PreflightRecord(engine.now, findings, enforced=True)
        engine.preflight = PreflightResult(record, frozenset({"site-1", "site-2"}))
        engine.touch(uid)
        engine.wait(hours=1)
    return log_of(engine)


@cache
def enforced_again() -> list[Event]:
    """Preflight is enforced, is not for an hour, and is again; one cluster waits all the time."""
    engine = InMemoryEngine("site-1", "site-2")
    too_old = RecordedFinding("P3", FindingSeverity.ERROR, "are too old", ("site-2",))
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.spokes["site-2"].dark = True
    for mode, findings in (("enforce", (too_old,)), ("off", ()), ("enforce", ())):
        engine.annotate(uid, preflight=mode)
        if mode == "enforce":
            record = PreflightRecord(engine.now, findings, enforced=True)
            engine.preflight = PreflightResult(record, frozenset({"site-1", "site-2"}))
            engine.touch(uid)
        engine.wait(minutes=30)
    engine.spokes["site-2"].dark = False
    engine.touch_cluster("site-2")
    engine.wait(hours=1)
    return log_of(engine)


@cache
def rolled_back() -> list[Event]:
    """An upgraded cluster, rolled back in time by a second IBGU."""
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].certificates = timedelta(days=30)
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.wait(hours=3)
    engine.apply(ibgu("b", "Rollback", age=-1))
    engine.wait(hours=3)
    return log_of(engine)


@cache
def chain() -> list[Event]:
    """One step of three actions, finished with a clean-up."""
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep Upgrade FinalizeUpgrade"))
    engine.wait(hours=3)
    return log_of(engine)


@cache
def withdrawn() -> list[Event]:
    """Armed, the cluster goes dark; it starts again when it is back."""
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_ARMING)
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(minutes=5)
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")
    engine.wait(hours=1)
    return log_of(engine)


@cache
def left_its_slot() -> list[Event]:
    """Kept between two actions past its limit, the cluster waits without a slot."""
    engine = InMemoryEngine("site-1", "site-2")
    engine.spokes["site-1"].prep_warning = "CRD not deployed on cluster"
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=1, timeout=240))
    engine.annotate("uid-a", hold_on_warning="yes")
    engine.wait(hours=3)
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=1)
    return log_of(engine)


@cache
def reopened() -> list[Event]:
    """Withdrawn, and taken by the cluster after all."""
    engine, _ = arming()
    taken_but_unheard(engine)
    return_(engine)
    engine.wait(hours=1)
    return log_of(engine)


@cache
def kept_by_the_hub() -> list[Event]:
    """The hub lets ibgu write nothing for hours, once the Upgrade has begun."""
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.until(Kind.STEP_FINISHED)
    engine.forbidden = True
    engine.wait(hours=1)
    engine.allow()
    engine.wait(hours=2)
    return log_of(engine)


@cache
def cancelled() -> list[Event]:
    """A second rollout aborts what the first one does, and what it would have done."""
    engine = InMemoryEngine("site-1", "site-2")
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(minutes=2)
    engine.apply(ibgu("b", "Abort", age=-1))
    engine.wait(hours=1)
    return log_of(engine)


@cache
def abort_failed() -> list[Event]:
    """The clean-up after a Prep fails."""
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].faults[Stage.IDLE] = "fail"
    engine.apply(ibgu("a", "Prep", "Abort"))
    engine.wait(hours=1)
    return log_of(engine)


@cache
def refused() -> list[Event]:
    """Somebody takes the cluster back to Idle, just before it is armed."""
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].to("Prep")
    engine.labels["site-1"]["lcm.openshift.io/ibgu-prep-completed"] = ""
    engine.apply(ibgu("a", "Upgrade"))
    engine.until(Kind.RUN_ARMING)
    engine.spokes["site-1"].to("Idle")
    engine.wait(hours=1)
    return log_of(engine)


@cache
def timed_out() -> list[Event]:
    """The first one hangs, the second never starts."""
    engine = InMemoryEngine("site-1", "site-2")
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    engine.spokes["site-2"].dark = True
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    engine.wait(hours=2)
    return log_of(engine)


@cache
def held() -> list[Event]:
    """A changed payload holds the step until a person resumes it."""
    engine = InMemoryEngine("site-1", "site-2")
    engine.payload = PayloadState(digest="one")
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.payload = PayloadState(digest="two")
    engine.wait(hours=1)
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=1)
    return log_of(engine)


@cache
def stopped() -> list[Event]:
    """Six Upgrades fail, one cluster is prepared meanwhile; a person resumes it a day later."""
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, 8)))
    for spoke in engine.spokes.values():
        spoke.faults[Stage.UPGRADE] = "fail"
    engine.spokes["site-7"].faults = {Stage.PREP: "slow"}
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=7))
    engine.wait(days=1)
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=1)
    return log_of(engine)


@cache
def stopped_by_its_seed() -> list[Event]:
    """Two Upgrades to the image fail, one cluster is prepared meanwhile; a person resumes it."""
    engine = InMemoryEngine("site-1", "site-2", "site-3")
    engine.seeds = SeedState((SeedBreaker("du-416", SeedCircuitBreaker(same_cause=2)),))
    for spoke in engine.spokes.values():
        spoke.faults[Stage.UPGRADE] = "fail"
    engine.spokes["site-3"].faults = {Stage.PREP: "slow"}
    engine.apply(seeded(ibgu("a", "Prep Upgrade", concurrency=3)))
    engine.wait(days=1)
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=1)
    return log_of(engine)


@cache
def late() -> list[Event]:
    """Past its limit, and done an hour later."""
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    engine.apply(ibgu("a", "Prep", timeout=30))
    engine.wait(days=1)
    return log_of(engine)


@cache
def late_in_a_chain() -> list[Event]:
    """Prep is done an hour after its limit, and Upgrade was to come."""
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    engine.apply(ibgu("a", "Prep Upgrade", timeout=30))
    engine.wait(days=1)
    return log_of(engine)


@cache
def done_before() -> list[Event]:
    """The cluster was prepared by hand already, and the whole rollout is run again."""
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    engine.apply(ibgu("b", "Prep", age=-1))
    engine.wait(hours=1)
    return log_of(engine)


@cache
def deleted() -> list[Event]:
    """The IBGU is deleted in the middle of a Prep."""
    engine = InMemoryEngine("site-1", "site-2")
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.delete("uid-a")
    engine.wait(hours=1)
    return log_of(engine)


@cache
def grown() -> list[Event]:
    """A step is appended to a complete rollout."""
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    engine.append(uid, "Upgrade")
    engine.wait(hours=1)
    return log_of(engine)


@cache
def talm() -> list[Event]:
    """A live TALM holds the rollout for a while."""
    engine = InMemoryEngine("site-1")
    engine.facts = replace(engine.facts, talm_hold=TALM_RUNS)
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=5)
    engine.facts = replace(engine.facts, talm_hold="")
    engine.touch_everything()
    engine.wait(hours=1)
    return log_of(engine)


@cache
def skipped() -> list[Event]:
    engine = InMemoryEngine("site-1", "site-2")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.annotate(uid, skip="waiting")
    engine.wait(hours=1)
    return log_of(engine)


@cache
def gone() -> list[Event]:
    """The cluster is re-created in the middle of its Prep."""
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_ACCEPTED)
    engine.spokes["site-1"].uid = "another"
    engine.touch_cluster("site-1")
    engine.wait(hours=1)
    return log_of(engine)


@cache
def ramped() -> list[Event]:
    """A ramp-up over two steps, and then an Abort, which has no rate limit."""
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, 12)))
    engine.spokes["site-2"].faults[Stage.PREP] = "hang"
    engine.apply(rate_limited("a", "Prep", "Upgrade", concurrency=3, ramp="true", timeout=600))
    engine.wait(hours=30)
    engine.apply(annotated(ibgu("b", "Abort", concurrency=3, age=-1), ramp="true"))
    engine.wait(hours=1)
    return log_of(engine)


@cache
def ramped_in_a_chain() -> list[Event]:
    """A policy keeps a cluster between two actions. In a ramp-up that is switched on meanwhile it
    has less time than before once the policy is gone."""
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, 17)))
    for n in range(2, 17):
        engine.spokes[f"site-{n}"].dark = True
    engine.apply(rate_limited("a", "Prep Upgrade", concurrency=4))
    engine.wait(seconds=5)
    window = {"cron": "0 20 * * *", "durationMinutes": 60, "timeZone": "UTC"}
    set_policies(engine, policy("night", actions=["Upgrade"], windows=[window]))
    engine.wait(minutes=4)
    former = engine.member("uid-a", 0, "site-1").limit
    engine.annotate("uid-a", **{"ramp-up": "true"})
    set_policies(engine)
    engine.wait(minutes=1)
    limit = engine.member("uid-a", 0, "site-1").limit
    assert former is not None
    assert limit is not None
    assert limit < former
    engine.wait(hours=30)
    return log_of(engine)


@cache
def rate_limited_and_paused() -> list[Event]:
    """A story in which what keeps the next starts is on the step's record, and no hold for the
    history."""
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, 8)))
    uid = engine.apply(rate_limited("a", "Prep", rate="2", jitter="20"))
    engine.wait(seconds=50)
    engine.annotate(uid, pause="tonight")
    engine.wait(hours=1)
    meta = replace(engine.ibgus[uid].metadata, annotations={KEYS["rate"]: "2"})
    engine.apply(replace(engine.ibgus[uid], metadata=meta))
    engine.wait(hours=1)
    return log_of(engine)


@cache
def in_a_wrong_state() -> list[Event]:
    """The cluster has another seed image, and its step is held until the seed images are known."""
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].to(Stage.PREP, ("quay.io/other", "4.16"))
    engine.seeds = SeedState(problem="ibgu may not list SeedImages")
    engine.apply(seeded(ibgu("a", "Prep")))
    engine.wait(minutes=5)
    engine.seeds = SeedState()
    engine.touch_everything()
    engine.wait(minutes=5)
    return log_of(engine)


@cache
def stopped_after_its_deadline() -> list[Event]:
    """The deadline passes while ibgu is away. The policies are not known when it is back, so the
    clock stands until they are; then the settle time is left."""
    engine = InMemoryEngine("site-1", "site-2", "site-3")
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    engine.wait(minutes=1)
    engine.now += timedelta(hours=2)
    engine.rollout_policies = PolicyState(problem="ibgu has not read them yet")
    engine.restart()
    engine.wait(seconds=5)
    engine.rollout_policies = PolicyState()
    engine.touch_everything()
    engine.wait(minutes=10)
    return log_of(engine)


ALL = (
    backed_up,
    backed_up_and_lost,
    undone,
    restored_by_hand,
    updated_by_hand,
    kept_by_the_hub,
    warned,
    warned_in_a_chain,
    ramped_in_a_chain,
    refused_by_preflight,
    enforced_again,
    rolled_back,
    stopped_by_its_seed,
    in_a_wrong_state,
    stopped_after_its_deadline,
    ramped,
    rate_limited_and_paused,
    plain,
    chain,
    withdrawn,
    left_its_slot,
    reopened,
    cancelled,
    abort_failed,
    refused,
    timed_out,
    held,
    stopped,
    late,
    late_in_a_chain,
    done_before,
    deleted,
    grown,
    talm,
    skipped,
    gone,
)
