"""Correct histories, one for each kind of event."""

from datetime import timedelta
from functools import cache

from msgspec.structs import replace

from ibgu.core.assurance.certify import Event
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
from ibgu.core.model.seed_image import SeedCircuitBreaker
from tests.core.assurance.certify.logs import log_of
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.drivers.cluster_version.version_samples import NEW
from tests.core.engine.decide.arming import arming, return_, taken_but_unheard
from tests.core.engine.decide.builders import seeded
from tests.core.engine.decide.fleet import TALM_RUNS, InMemoryEngine, ibgu
from tests.core.engine.decide.rate_limited import KEYS, annotated, rate_limited
from tests.core.engine.decide.restores import lose_journal, write_status
from tests.core.engine.decide.test_r47_jobs import UID, saved


@cache
def plain() -> list[Event]:
    """Two steps, three clusters, two at a time; the Upgrade of site-2 fails."""
    twin = InMemoryEngine("site-1", "site-2", "site-3")
    twin.spokes["site-2"].faults[Stage.UPGRADE] = "fail"
    twin.apply(ibgu("a", "Prep", "Upgrade", concurrency=2))
    twin.wait(hours=3)
    return log_of(twin)


@cache
def backed_up() -> list[Event]:
    """Two clusters are backed up, and updated in the next step."""
    twin = InMemoryEngine("site-1", "site-2", driver=CLUSTER_VERSION, node=VersionNode)
    twin.apply(saved("Backup", "Update", timeout=600))
    twin.drive()
    return log_of(twin)


@cache
def backed_up_and_lost() -> list[Event]:
    """The journal is lost between the backup and the update, and imported from the hub."""
    twin = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    twin.apply(saved("Backup"))
    twin.wait(minutes=10)
    write_status(twin, UID)
    lose_journal(twin)
    twin.settle()
    twin.append(UID, "Update")
    twin.annotate(UID, resume="1")
    twin.drive()
    return log_of(twin)


@cache
def updated_by_hand() -> list[Event]:
    """The update has begun by hand before the rollout, which then needs no backup any more."""
    twin = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    found: object = twin.spokes["site-1"]
    assert isinstance(found, VersionNode)
    found.image, found.wanted, found.partial = NEW, NEW, True
    twin.apply(saved("Update"))
    twin.drive()
    return log_of(twin)


@cache
def warned() -> list[Event]:
    """A cluster that has warned waits for a person, who resumes it."""
    twin = InMemoryEngine("site-1")
    twin.spokes["site-1"].prep_warning = "Thing[1] - CRD not deployed on cluster"
    uid = twin.apply(ibgu("a", "Prep", "Upgrade"))
    twin.annotate(uid, hold_on_warning="yes")
    twin.wait(hours=1)
    twin.annotate(uid, resume="1")
    twin.wait(hours=2)
    return log_of(twin)


@cache
def warned_in_a_chain() -> list[Event]:
    """A cluster that has warned keeps its slot until a person resumes it, with a new limit."""
    twin = InMemoryEngine("site-1")
    twin.spokes["site-1"].prep_warning = "Thing[1] - CRD not deployed on cluster"
    uid = twin.apply(ibgu("a", "Prep Upgrade"))
    twin.annotate(uid, hold_on_warning="yes")
    twin.wait(hours=1)
    twin.annotate(uid, resume="1")
    twin.wait(hours=2)
    return log_of(twin)


@cache
def refused_by_preflight() -> list[Event]:
    """The plan has an error first, then one cluster has one, and starts once it has healed."""
    twin = InMemoryEngine("site-1", "site-2")
    unnamed = RecordedFinding("P11", FindingSeverity.ERROR, "lacks image or version")
    too_old = RecordedFinding("P3", FindingSeverity.ERROR, "are too old", ("site-2",))
    slow = RecordedFinding("P33", FindingSeverity.WARNING, "are not reachable", ("site-1",))
    uid = twin.apply(ibgu("a", "Prep", "Upgrade", concurrency=2))
    twin.annotate(uid, preflight="enforce")
    for findings in ((unnamed,), (too_old, slow), ()):
        record = PreflightRecord(twin.now, findings, enforced=True)
        twin.preflight = PreflightResult(record, frozenset({"site-1", "site-2"}))
        twin.touch(uid)
        twin.wait(hours=1)
    return log_of(twin)


@cache
def enforced_again() -> list[Event]:
    """Preflight is enforced, is not for an hour, and is again; one cluster waits all the time."""
    twin = InMemoryEngine("site-1", "site-2")
    too_old = RecordedFinding("P3", FindingSeverity.ERROR, "are too old", ("site-2",))
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.spokes["site-2"].dark = True
    for mode, findings in (("enforce", (too_old,)), ("off", ()), ("enforce", ())):
        twin.annotate(uid, preflight=mode)
        if mode == "enforce":
            record = PreflightRecord(twin.now, findings, enforced=True)
            twin.preflight = PreflightResult(record, frozenset({"site-1", "site-2"}))
            twin.touch(uid)
        twin.wait(minutes=30)
    twin.spokes["site-2"].dark = False
    twin.touch_cluster("site-2")
    twin.wait(hours=1)
    return log_of(twin)


@cache
def rolled_back() -> list[Event]:
    """An upgraded cluster, rolled back in time by a second IBGU."""
    twin = InMemoryEngine("site-1")
    twin.spokes["site-1"].certificates = timedelta(days=30)
    twin.apply(ibgu("a", "Prep", "Upgrade"))
    twin.wait(hours=3)
    twin.apply(ibgu("b", "Rollback", age=-1))
    twin.wait(hours=3)
    return log_of(twin)


@cache
def chain() -> list[Event]:
    """One step of three actions, finished with a clean-up."""
    twin = InMemoryEngine("site-1")
    twin.apply(ibgu("a", "Prep Upgrade FinalizeUpgrade"))
    twin.wait(hours=3)
    return log_of(twin)


@cache
def withdrawn() -> list[Event]:
    """Armed, the cluster goes dark; it starts again when it is back."""
    twin = InMemoryEngine("site-1")
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_ARMING)
    twin.spokes["site-1"].dark = True
    twin.touch_cluster("site-1")
    twin.wait(minutes=5)
    twin.spokes["site-1"].dark = False
    twin.touch_cluster("site-1")
    twin.wait(hours=1)
    return log_of(twin)


@cache
def reopened() -> list[Event]:
    """Withdrawn, and taken by the cluster after all."""
    twin, _ = arming()
    taken_but_unheard(twin)
    return_(twin)
    twin.wait(hours=1)
    return log_of(twin)


@cache
def cancelled() -> list[Event]:
    """A second rollout aborts what the first one does, and what it would have done."""
    twin = InMemoryEngine("site-1", "site-2")
    twin.spokes["site-1"].faults[Stage.PREP] = "hang"
    twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(minutes=2)
    twin.apply(ibgu("b", "Abort", age=-1))
    twin.wait(hours=1)
    return log_of(twin)


@cache
def abort_failed() -> list[Event]:
    """The clean-up after a Prep fails."""
    twin = InMemoryEngine("site-1")
    twin.spokes["site-1"].faults[Stage.IDLE] = "fail"
    twin.apply(ibgu("a", "Prep", "Abort"))
    twin.wait(hours=1)
    return log_of(twin)


@cache
def refused() -> list[Event]:
    """Somebody takes the cluster back to Idle, just before it is armed."""
    twin = InMemoryEngine("site-1")
    twin.spokes["site-1"].to("Prep")
    twin.labels["site-1"]["lcm.openshift.io/ibgu-prep-completed"] = ""
    twin.apply(ibgu("a", "Upgrade"))
    twin.until(Kind.RUN_ARMING)
    twin.spokes["site-1"].to("Idle")
    twin.wait(hours=1)
    return log_of(twin)


@cache
def timed_out() -> list[Event]:
    """The first one hangs, the second never starts."""
    twin = InMemoryEngine("site-1", "site-2")
    twin.spokes["site-1"].faults[Stage.PREP] = "hang"
    twin.spokes["site-2"].dark = True
    twin.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    twin.wait(hours=2)
    return log_of(twin)


@cache
def held() -> list[Event]:
    """A changed payload holds the step until a person resumes it."""
    twin = InMemoryEngine("site-1", "site-2")
    twin.payload = PayloadState(digest="one")
    twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.until(Kind.RUN_ACCEPTED)
    twin.payload = PayloadState(digest="two")
    twin.wait(hours=1)
    twin.annotate("uid-a", resume="1")
    twin.wait(hours=1)
    return log_of(twin)


@cache
def stopped() -> list[Event]:
    """Six Upgrades fail, one cluster is prepared meanwhile; a person resumes it a day later."""
    twin = InMemoryEngine(*(f"site-{n}" for n in range(1, 8)))
    for spoke in twin.spokes.values():
        spoke.faults[Stage.UPGRADE] = "fail"
    twin.spokes["site-7"].faults = {Stage.PREP: "slow"}
    twin.apply(ibgu("a", "Prep Upgrade", concurrency=7))
    twin.wait(days=1)
    twin.annotate("uid-a", resume="1")
    twin.wait(hours=1)
    return log_of(twin)


@cache
def stopped_by_its_seed() -> list[Event]:
    """Two Upgrades to the image fail, one cluster is prepared meanwhile; a person resumes it."""
    twin = InMemoryEngine("site-1", "site-2", "site-3")
    twin.seeds = SeedState((SeedBreaker("du-416", SeedCircuitBreaker(same_cause=2)),))
    for spoke in twin.spokes.values():
        spoke.faults[Stage.UPGRADE] = "fail"
    twin.spokes["site-3"].faults = {Stage.PREP: "slow"}
    twin.apply(seeded(ibgu("a", "Prep Upgrade", concurrency=3)))
    twin.wait(days=1)
    twin.annotate("uid-a", resume="1")
    twin.wait(hours=1)
    return log_of(twin)


@cache
def late() -> list[Event]:
    """Past its limit, and done an hour later."""
    twin = InMemoryEngine("site-1")
    twin.spokes["site-1"].faults[Stage.PREP] = "slow"
    twin.apply(ibgu("a", "Prep", timeout=30))
    twin.wait(days=1)
    return log_of(twin)


@cache
def done_before() -> list[Event]:
    """The cluster was prepared by hand already, and the whole rollout is run again."""
    twin = InMemoryEngine("site-1")
    twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=1)
    twin.apply(ibgu("b", "Prep", age=-1))
    twin.wait(hours=1)
    return log_of(twin)


@cache
def deleted() -> list[Event]:
    """The IBGU is deleted in the middle of a Prep."""
    twin = InMemoryEngine("site-1", "site-2")
    twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.until(Kind.RUN_ACCEPTED)
    twin.delete("uid-a")
    twin.wait(hours=1)
    return log_of(twin)


@cache
def grown() -> list[Event]:
    """A step is appended to a complete rollout."""
    twin = InMemoryEngine("site-1")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=1)
    twin.append(uid, "Upgrade")
    twin.wait(hours=1)
    return log_of(twin)


@cache
def talm() -> list[Event]:
    """A live TALM holds the rollout for a while."""
    twin = InMemoryEngine("site-1")
    twin.facts = replace(twin.facts, talm_hold=TALM_RUNS)
    twin.apply(ibgu("a", "Prep"))
    twin.wait(minutes=5)
    twin.facts = replace(twin.facts, talm_hold="")
    twin.touch_everything()
    twin.wait(hours=1)
    return log_of(twin)


@cache
def skipped() -> list[Event]:
    twin = InMemoryEngine("site-1", "site-2")
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.until(Kind.RUN_ACCEPTED)
    twin.annotate(uid, skip="waiting")
    twin.wait(hours=1)
    return log_of(twin)


@cache
def gone() -> list[Event]:
    """The cluster is re-created in the middle of its Prep."""
    twin = InMemoryEngine("site-1")
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_ACCEPTED)
    twin.spokes["site-1"].uid = "another"
    twin.touch_cluster("site-1")
    twin.wait(hours=1)
    return log_of(twin)


@cache
def ramped() -> list[Event]:
    """A ramp-up over two steps, and then an Abort, which has no rate limit."""
    twin = InMemoryEngine(*(f"site-{n}" for n in range(1, 12)))
    twin.spokes["site-2"].faults[Stage.PREP] = "hang"
    twin.apply(rate_limited("a", "Prep", "Upgrade", concurrency=3, ramp="true", timeout=600))
    twin.wait(hours=30)
    twin.apply(annotated(ibgu("b", "Abort", concurrency=3, age=-1), ramp="true"))
    twin.wait(hours=1)
    return log_of(twin)


@cache
def rate_limited_and_paused() -> list[Event]:
    """A story in which what keeps the next starts is on the step's record, and no hold for the
    history."""
    twin = InMemoryEngine(*(f"site-{n}" for n in range(1, 8)))
    uid = twin.apply(rate_limited("a", "Prep", rate="2", jitter="20"))
    twin.wait(seconds=50)
    twin.annotate(uid, pause="tonight")
    twin.wait(hours=1)
    meta = replace(twin.ibgus[uid].metadata, annotations={KEYS["rate"]: "2"})
    twin.apply(replace(twin.ibgus[uid], metadata=meta))
    twin.wait(hours=1)
    return log_of(twin)


ALL = (
    backed_up,
    backed_up_and_lost,
    updated_by_hand,
    warned,
    warned_in_a_chain,
    refused_by_preflight,
    enforced_again,
    rolled_back,
    stopped_by_its_seed,
    ramped,
    rate_limited_and_paused,
    plain,
    chain,
    withdrawn,
    reopened,
    cancelled,
    abort_failed,
    refused,
    timed_out,
    held,
    stopped,
    late,
    done_before,
    deleted,
    grown,
    talm,
    skipped,
    gone,
)
