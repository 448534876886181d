"""R20: adopting what TALM has begun, without repeating or losing an action."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import (
    ActingParty,
    Kind,
    MemberState,
    Outcome,
    ReasonKind,
    RolloutState,
    RunResult,
    RunState,
    StepState,
)
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.plan import EVERYWHERE, Scope
from ibgu.core.talm import TalmWork, groups_of, view_talm_work
from ibgu.core.talm import names as talm_names
from ibgu.core.talm.adopt import DeletedGroup, Traces
from tests.core.engine.decide.builders import unreadable_rollout
from tests.core.engine.decide.fleet import TALM_RUNS, InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.restores import backup, lose_journal, restore_hub, write_status
from tests.core.talm.objects import Object, as_cgu, as_work, cgu, ended, work
from tests.oracle.logs import certify, log_of, told

SEED = ("quay.io/seed:4.18", "4.18.1")
IMPORT_OFF = "import.open-cluster-management.io/disable-auto-import"
IMPORT_BY = "ibgu.dev/auto-import-by"
PREPARED = "lcm.openshift.io/ibgu-prep-completed"
PREP_FAILED = "lcm.openshift.io/ibgu-prep-failed"
UPGRADED = "lcm.openshift.io/ibgu-upgrade-completed"
UPGRADE_FAILED = "lcm.openshift.io/ibgu-upgrade-failed"


class Talm:
    """A TALM that is gone, and what it has left of the IBGU "a"."""

    def __init__(self, engine: InMemoryEngine, *plan: str, concurrency: int = 10) -> None:
        self.engine = engine
        self.object = ibgu("a", *plan, concurrency=concurrency)
        self.uid = self.object.metadata.uid
        self.cgus: dict[int, Object] = {}
        self.works: dict[str, TalmWork] = {}
        self.labelled: set[tuple[str, Action]] = set()
        self.deleting: tuple[DeletedGroup, ...] = ()

    def group(self, index: int, *actions: str, **given: Any) -> None:
        self.cgus[index] = cgu("a", index, *actions, **given)

    def begins(self, name: str, action: Action, *, applied: bool = True) -> None:
        """Puts TALM's work on the cluster, and the stage with it where it was applied."""
        index = next(n for n, obj in self.cgus.items() if str(action).lower() in _name(obj))
        group = _name(self.cgus[index])
        self.works[name] = view_talm_work(as_work(work(name, action, group=group, applied=applied)))
        self.engine.talm[name] = f"{name}/{self.works[name].name}"
        if applied:
            assert self.engine.spokes[name].ask(action.stage, "", SEED)

    def leave(self, *, annotated: bool = True) -> str:
        """Removes TALM; ibgu sees what it has left."""
        self.show()
        self.engine.apply(self.object)
        if annotated:
            self.engine.annotate(self.uid, adopt="yes")
        return self.uid

    def show(self) -> None:
        spec = self.engine.ibgus.get(self.uid, self.object).spec
        groups = groups_of("a", spec, [as_cgu(obj) for obj in self.cgus.values()])
        self.engine.traces[self.uid] = Traces(
            groups=groups,
            left=len(self.cgus),
            deleting=self.deleting,
            works={name: (found,) for name, found in self.works.items()},
            labelled=frozenset(self.labelled),
        )
        unfinished = any(not group.finished for group in groups)
        (self.engine.adoption.add if unfinished else self.engine.adoption.discard)(self.uid)
        self.engine.touch_everything()

    def deletes(self, *finalizers: str) -> None:
        """The first ClusterGroupUpgrade is being deleted, and has these finalizers."""
        self.deleting = (DeletedGroup("fleet/a-prep-0", finalizers),)
        self.show()

    def removed(self, *names: str) -> None:
        """ibgu has removed the works of these clusters; of all: the rest too."""
        for name in names or list(self.works):
            del self.works[name], self.engine.talm[name]
        if not names:
            self.cgus.clear()
            self.deleting = ()
        self.show()


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def prepared(engine: InMemoryEngine, *names: str) -> None:
    for name in names:
        engine.spokes[name].to(Stage.PREP)
        engine.labels[name] = {PREPARED: ""}


def stages(engine: InMemoryEngine, name: str) -> list[str]:
    return [stage for _, stage in engine.spokes[name].executed]


@pytest.fixture
def engine() -> Iterator[InMemoryEngine]:
    """In the end its history is certified, with what was taken over."""
    engine = InMemoryEngine("s1", "s2", "s3")
    Invariants(engine)
    yield engine
    findings = certify(log_of(engine))
    assert told(findings) == []
    assert findings.unknown == {}


def prepping(engine: InMemoryEngine, **given: Any) -> Talm:
    """TALM prepares s1 and s2; s3 is in its second batch."""
    talm = Talm(engine, "Prep", "Upgrade", concurrency=2)
    talm.group(0, "Prep", batches=[["s1", "s2"], ["s3"]], batch=1, **given)
    return talm


def test_adoption_waits_for_the_annotation(engine: InMemoryEngine) -> None:
    talm = prepping(engine)
    talm.begins("s1", Action.PREP)
    uid = talm.leave(annotated=False)
    engine.wait(hours=1)
    hold = engine.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.ADOPTION
    assert "ibgu.dev/adopt" in hold.message
    assert not engine.works
    assert engine.tracked(uid).steps == []


def test_actions_that_talm_began_go_on_and_run_once(engine: InMemoryEngine) -> None:
    talm = prepping(engine)
    talm.begins("s1", Action.PREP)
    talm.begins("s2", Action.PREP)
    uid = talm.leave()
    engine.wait(seconds=10)
    assert engine.tracked(uid).rollout.hold is not None
    assert [engine.member(uid, 0, name).state for name in ("s1", "s2", "s3")] == [
        MemberState.IN_FLIGHT,
        MemberState.IN_FLIGHT,
        MemberState.WAITING,
    ]
    assert {engine.member(uid, 0, name).slot for name in ("s1", "s2")} == {1, 2}
    assert not any(work.wanted.armed for work in engine.works.values())
    talm.removed()
    engine.wait(hours=3)
    assert engine.tracked(uid).rollout.state is RolloutState.COMPLETE
    assert engine.tracked(uid).rollout.adopting_since is None
    for name in ("s1", "s2", "s3"):
        assert stages(engine, name) == [Stage.PREP, Stage.UPGRADE]
        assert engine.labels[name] == {PREPARED: "", UPGRADED: ""}


def test_a_failure_of_an_adopted_action_is_recorded_and_labelled(engine: InMemoryEngine) -> None:
    engine.spokes["s1"].faults[Stage.PREP] = "fail"
    talm = prepping(engine)
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    engine.settle()
    talm.removed()
    engine.wait(minutes=10)
    member = engine.member(uid, 0, "s1")
    assert (member.outcome, member.message) == (Outcome.FAILED, "Prep broke")
    assert engine.labels["s1"] == {PREP_FAILED: ""}


def test_talms_upgrade_may_be_dark(engine: InMemoryEngine) -> None:
    prepared(engine, "s1")
    talm = Talm(engine, "Prep", "Upgrade")
    talm.group(0, "Prep", batches=[["s1"]], succeeded="True", clusters=[ended("s1", "complete")])
    talm.group(1, "Upgrade", batches=[["s1"]], batch=1)
    talm.begins("s1", Action.UPGRADE)
    engine.wait(minutes=5)
    assert engine.spokes["s1"].dark
    uid = talm.leave()
    engine.settle()
    member = engine.member(uid, 1, "s1")
    assert (member.state, member.reason.kind) == (MemberState.IN_FLIGHT, ReasonKind.REBOOTING)
    talm.removed()
    engine.wait(hours=1)
    assert engine.member(uid, 1, "s1").outcome is Outcome.SUCCEEDED
    assert stages(engine, "s1") == [Stage.UPGRADE]


def test_an_action_that_never_reached_the_cluster_is_started_by_ibgu(
    engine: InMemoryEngine,
) -> None:
    talm = prepping(engine)
    talm.begins("s1", Action.PREP, applied=False)
    uid = talm.leave()
    engine.wait(minutes=5)
    member = engine.member(uid, 0, "s1")
    assert (member.state, member.slot) == (MemberState.IN_FLIGHT, 1), "its place is kept"
    talm.removed()
    engine.wait(minutes=10)
    words = engine.told(Kind.RUN_ENDED)
    assert words[0] == "Prep withdrawn: TALM's Prep never reached the cluster"
    assert engine.member(uid, 0, "s1").outcome is Outcome.SUCCEEDED
    assert stages(engine, "s1")[0] is Stage.PREP
    assert len(stages(engine, "s1")) == 2


def test_a_hand_on_what_talm_began(engine: InMemoryEngine) -> None:
    talm = prepping(engine)
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    engine.settle()
    talm.removed()
    engine.wait(seconds=10)
    assert engine.spokes["s1"].ask(Stage.IDLE, "", SEED)
    engine.wait(minutes=10)
    run = engine.member(uid, 0, "s1").run
    assert run is not None
    assert run.result is RunResult.TAKEN_OVER
    assert engine.labels["s1"] == {}


def test_a_deleted_watching_work_is_recreated(engine: InMemoryEngine) -> None:
    talm = prepping(engine)
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    engine.wait(seconds=5)
    engine.works[uid, "s1"].terminating = True
    engine.touch(uid, "s1")
    engine.wait(seconds=5)
    engine.works.pop((uid, "s1"), None)
    engine.touch(uid, "s1")
    talm.removed()
    engine.wait(minutes=10)
    assert engine.member(uid, 0, "s1").outcome is Outcome.SUCCEEDED


def test_a_chain_waits_until_talms_work_is_gone(engine: InMemoryEngine) -> None:
    talm = Talm(engine, "Prep Upgrade")
    talm.group(0, "Prep", "Upgrade", batches=[["s1"]], batch=1)
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    engine.wait(minutes=10)
    member = engine.member(uid, 0, "s1")
    assert [d.action for d in member.completed] == [Action.PREP]
    assert member.reason.kind is ReasonKind.TALM_WORK
    assert stages(engine, "s1") == [Stage.PREP]
    talm.removed()
    engine.wait(hours=1)
    assert stages(engine, "s1") == [Stage.PREP, Stage.UPGRADE]


def test_an_intent_does_not_outlive_talms_work(engine: InMemoryEngine) -> None:
    engine.payload = PayloadState(digest="digest")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_INTENDED)
    engine.talm["s1"] = "s1/fleet.b-prep"
    engine.touch(uid, "s1")
    engine.settle()
    member = engine.member(uid, 0, "s1")
    assert member.run is not None
    assert (member.run.result, member.reason.kind) == (RunResult.WITHDRAWN, ReasonKind.TALM_WORK)


def test_between_two_actions_of_talms(engine: InMemoryEngine) -> None:
    prepared(engine, "s1")
    talm = Talm(engine, "Prep Upgrade")
    progress = {"s1": {"state": "InProgress", "manifestWorkIndex": 1}}
    talm.group(0, "Prep", "Upgrade", batches=[["s1"]], batch=1, progress=progress)
    uid = talm.leave()
    talm.removed()
    engine.wait(hours=1)
    assert engine.member(uid, 0, "s1").outcome is Outcome.SUCCEEDED
    assert stages(engine, "s1") == [Stage.UPGRADE]


def test_more_in_flight_than_places(engine: InMemoryEngine) -> None:
    """TALM takes 0 for all at once; here someone has lowered it in the meantime."""
    talm = Talm(engine, "Prep", concurrency=1)
    talm.group(0, "Prep", batches=[["s1", "s2"]], batch=1)
    talm.begins("s1", Action.PREP)
    talm.begins("s2", Action.PREP)
    uid = talm.leave()
    engine.settle()
    assert [engine.member(uid, 0, name).state for name in ("s1", "s2")] == [
        MemberState.IN_FLIGHT,
        MemberState.WAITING,
    ]
    talm.removed()
    engine.wait(hours=1)
    assert {m.outcome for m in engine.tracked(uid).steps[0].members.values()} == {Outcome.SUCCEEDED}
    assert stages(engine, "s2") == [Stage.PREP]


def test_a_cluster_that_another_rollout_of_ours_has(engine: InMemoryEngine) -> None:
    engine.apply(ibgu("b", "Prep", age=5))
    engine.wait(seconds=10)
    talm = prepping(engine)
    talm.begins("s1", Action.PREP, applied=False)
    uid = talm.leave()
    engine.settle()
    assert engine.member(uid, 0, "s1").state is MemberState.WAITING


# -- what TALM has finished ---------------------------------------------------------------------


def test_actions_that_talm_completed_are_not_repeated(engine: InMemoryEngine) -> None:
    talm = Talm(engine, "Prep", "AbortOnFailure")
    failed = ended("s2", "timedout", "a-prep", prepCompletedConditionMessages="Prep failed")
    talm.group(
        *(0, "Prep"),
        batches=[["s1", "s2"]],
        succeeded="False",
        clusters=[ended("s1", "complete"), failed],
    )
    talm.group(
        1, "AbortOnFailure", batches=[["s2"]], succeeded="True", clusters=[ended("s2", "complete")]
    )
    talm.labelled = {("s2", Action.ABORT_ON_FAILURE)}
    uid = talm.leave(annotated=False)
    engine.wait(hours=1)
    tracked = engine.tracked(uid)
    assert (tracked.rollout.state, tracked.rollout.adopting_since) == (RolloutState.COMPLETE, None)
    assert [step.step.state for step in tracked.steps] == [StepState.FINISHED] * 2
    assert [step.step.total for step in tracked.steps] == [2, 1]
    assert not engine.works
    assert engine.patched == []


def test_a_plan_that_grows_after_talm(engine: InMemoryEngine) -> None:
    prepared(engine, "s1")
    talm = Talm(engine, "Prep")
    talm.group(0, "Prep", batches=[["s1"]], succeeded="True", clusters=[ended("s1", "complete")])
    talm.labelled = {("s1", Action.PREP)}
    uid = talm.leave(annotated=False)
    engine.settle()
    engine.append(uid, "Upgrade")
    talm.show()
    engine.wait(hours=1)
    assert engine.member(uid, 1, "s1").outcome is Outcome.SUCCEEDED
    assert stages(engine, "s1") == [Stage.UPGRADE]


def test_between_two_steps_of_talms_a_person_is_asked_too(engine: InMemoryEngine) -> None:
    prepared(engine, "s1")
    talm = Talm(engine, "Prep", "Upgrade")
    talm.group(0, "Prep", batches=[["s1"]], succeeded="True", clusters=[ended("s1", "complete")])
    uid = talm.leave(annotated=False)
    engine.wait(hours=1)
    hold = engine.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.ADOPTION
    engine.annotate(uid, adopt="now")
    engine.settle()
    (words,) = engine.told(Kind.CONTROL)
    assert words == "ibgu.dev/adopt=now: taken over from TALM: 1 step finished"
    talm.removed()
    engine.wait(hours=1)
    assert stages(engine, "s1") == [Stage.UPGRADE]
    assert engine.tracked(uid).rollout.state is RolloutState.COMPLETE


# -- the annotation -----------------------------------------------------------------------------


def test_nothing_to_take_over(engine: InMemoryEngine) -> None:
    uid = engine.apply(ibgu("a", "Prep"))
    engine.annotate(uid, adopt="yes")
    engine.wait(hours=1)
    (words,) = engine.told(Kind.CONTROL)
    assert words.endswith("TALM has left nothing of this IBGU on the hub")
    assert engine.tracked(uid).rollout.state is RolloutState.COMPLETE


def test_talm_had_not_chosen_its_clusters(engine: InMemoryEngine) -> None:
    """Then the step is opened by us."""
    talm = Talm(engine, "Prep")
    talm.group(0, "Prep")
    uid = talm.leave()
    engine.settle()
    assert engine.tracked(uid).steps == []
    talm.removed()
    engine.wait(hours=1)
    assert [stages(engine, name) for name in ("s1", "s2", "s3")] == [[Stage.PREP]] * 3


def test_adoption_waits_while_talm_is_live(engine: InMemoryEngine) -> None:
    talm = prepping(engine)
    engine.facts = replace(engine.facts, talm_hold=TALM_RUNS)
    uid = talm.leave()
    engine.settle()
    assert engine.told(Kind.CONTROL) == []
    engine.facts = replace(engine.facts, talm_hold="")
    engine.touch_everything()
    engine.settle()
    assert len(engine.told(Kind.CONTROL)) == 1
    assert engine.tracked(uid).rollout.adopting_since is not None


def test_an_invalid_plan_is_not_adopted(engine: InMemoryEngine) -> None:
    talm = Talm(engine, "Upgrade", "Prep")
    talm.group(0, "Upgrade", batches=[["s1"]], batch=1)
    uid = talm.leave()
    engine.settle()
    assert engine.told(Kind.CONTROL) == []
    hold = engine.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.INVALID_PLAN


def test_adoption_waits_until_the_payload_is_read(engine: InMemoryEngine) -> None:
    engine.payload = PayloadState(read=False)
    talm = prepping(engine)
    uid = talm.leave()
    engine.settle()
    assert engine.tracked(uid).steps == []
    engine.payload = PayloadState(digest="digest")
    engine.touch(uid)
    engine.settle()
    assert engine.tracked(uid).steps[0].step.payload_digest == "digest"


def test_adoption_takes_no_clusters_outside_the_namespaces_sets(
    engine: InMemoryEngine,
) -> None:
    """They are objects of the tenant's namespace, and name whom it likes."""
    for name in ("s1", "s3"):
        engine.labels[name]["region"] = "north"
    engine.scope = Scope("fleet", (LabelSelector({"region": "north"}),))
    talm = prepping(engine)
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    engine.settle()
    assert set(engine.tracked(uid).steps[0].members) == {"s1", "s3"}
    words = (
        "step 1 as TALM has left it: 2 clusters; in no cluster set that is bound to namespace "
        "fleet, and left as they are: s2. To take them, bind their set with: clusteradm "
        "clusterset bind SET --namespace fleet, then create another ImageBasedGroupUpgrade for them"
    )
    assert words in engine.warnings()
    assert not [key for key in engine.works if key[1] == "s2"]


def test_nothing_is_taken_over_while_the_namespace_may_take_nobody(engine: InMemoryEngine) -> None:
    """A person hears of TALM's unfinished step, of what is in its way, and of what comes then."""
    engine.scope = Scope("fleet", (), "the hub has not told its ManagedClusterSets for 60 seconds")
    talm = prepping(engine)
    talm.begins("s1", Action.PREP)
    uid = talm.leave(annotated=False)
    engine.settle()
    begun = "TALM has begun this rollout and left it unfinished, and ibgu can't take it over yet: "
    assert _unbound(engine, uid) == (
        f"{begun}{engine.scope.problem}. Once that is done, annotate it with ibgu.dev/adopt="
        "<a new value>, and ibgu takes it over"
    )
    engine.scope = Scope("fleet", (), "no ManagedClusterSet is bound to namespace fleet")
    engine.annotate(uid, adopt="yes")
    engine.settle()
    assert _unbound(engine, uid) == (
        f"{begun}{engine.scope.problem}. Once that is done, ibgu takes it over"
    )
    assert len(engine.told(Kind.ROLLOUT_HELD)) == 2
    assert engine.tracked(uid).steps == []
    assert list(engine.talm) == ["s1"]
    engine.scope = EVERYWHERE
    engine.touch(uid)
    engine.settle()
    assert set(engine.tracked(uid).steps[0].members) == {"s1", "s2", "s3"}


def _unbound(engine: InMemoryEngine, uid: str) -> str:
    hold = engine.tracked(uid).rollout.hold
    assert hold is not None
    assert (hold.kind, hold.who) == (ReasonKind.UNBOUND, ActingParty.PERSON)
    return hold.message


def test_talm_came_back_to_a_rollout_of_ours_and_left_again(engine: InMemoryEngine) -> None:
    """Then its things are removed, and ours goes on."""
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(seconds=10)
    steps = [step.step for step in engine.tracked(uid).steps]
    talm = prepping(engine)
    talm.object = engine.ibgus[uid]
    talm.leave()
    engine.settle()
    assert [step.step for step in engine.tracked(uid).steps] == steps
    (words,) = engine.told(Kind.CONTROL)
    assert "ibgu's own record" in words
    talm.removed()
    engine.wait(hours=1)
    assert engine.tracked(uid).rollout.state is RolloutState.COMPLETE


# -- labels and annotations ---------------------------------------------------------------------


def restored(engine: InMemoryEngine) -> Talm:
    """The hub goes back while ibgu takes over."""
    talm = prepping(engine)
    talm.begins("s1", Action.PREP)
    talm.leave()
    engine.settle()
    assert engine.tracked(talm.uid).rollout.adopting_since is not None
    restore_hub(engine, backup(engine))
    return talm


def test_a_wish_to_take_over_is_no_resume(engine: InMemoryEngine) -> None:
    """The rollout that the restore holds is held until a person resumes, and the wish is kept until
    then."""
    talm = restored(engine)
    engine.annotate(talm.uid, adopt="again")
    engine.wait(hours=1)
    assert engine.tracked(talm.uid).rollout.stands_still
    engine.annotate(talm.uid, resume="1")
    engine.wait(minutes=1)
    rollout = engine.tracked(talm.uid).rollout
    assert rollout.controls["ibgu.dev/adopt"] == "again"
    assert rollout.hold is not None
    assert rollout.hold.kind is ReasonKind.ADOPTING


def test_a_resume_adopts_when_talms_objects_are_gone(engine: InMemoryEngine) -> None:
    """No hold of TALM's is left to release by then."""
    talm = restored(engine)
    talm.removed()
    engine.annotate(talm.uid, resume="1")
    engine.wait(hours=3)
    rollout = engine.tracked(talm.uid).rollout
    assert (rollout.adopting_since, rollout.state) == (None, RolloutState.COMPLETE)
    assert "nothing of TALM's is left" in engine.told(Kind.ROLLOUT_RELEASED)


def test_a_journal_lost_during_the_takeover_needs_a_new_value(engine: InMemoryEngine) -> None:
    """The value that is there counts as acted on, and the reason has to say so."""
    talm = prepping(engine)
    talm.begins("s1", Action.PREP)
    talm.begins("s2", Action.PREP)
    uid = talm.leave()
    engine.settle()
    write_status(engine, uid)
    lose_journal(engine)
    engine.annotate(uid, resume="1")
    engine.wait(minutes=5)
    hold = engine.tracked(uid).rollout.hold
    assert hold is not None
    assert "annotate it with ibgu.dev/adopt=<a new value>" in hold.message
    engine.annotate(uid, adopt="again")
    engine.settle()
    talm.removed()
    engine.wait(hours=3)
    assert engine.tracked(uid).rollout.state is RolloutState.COMPLETE


def test_adoption_waits_for_the_removals_of_a_live_talm(engine: InMemoryEngine) -> None:
    talm = prepping(engine)
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    engine.facts = replace(engine.facts, beside_talm=True)
    engine.settle()

    def hold() -> tuple[str, ActingParty]:
        engine.settle()
        found = engine.tracked(uid).rollout.hold
        assert found is not None
        assert found.kind is ReasonKind.ADOPTING
        return found.message, found.who

    assert "are being removed" in hold()[0]
    talm.deletes(talm_names.FINALIZER, "example.com/keeps")
    words, who = hold()
    assert who is ActingParty.IBGU
    assert "waits until TALM has deleted its ManifestWorks" in words
    assert "its finalizer off the ClusterGroupUpgrade fleet/a-prep-0" in words
    talm.deletes("example.com/keeps")
    words, who = hold()
    assert who is ActingParty.PERSON
    assert (
        "fleet/a-prep-0 is deleted, and stays as long as it has the finalizer example.com" in words
    )
    engine.facts = replace(engine.facts, beside_talm=False)
    engine.touch_everything()
    assert "are being removed" in hold()[0]
    talm.removed()
    engine.settle()
    assert engine.tracked(uid).rollout.adopting_since is None


def test_deleted_while_it_is_taken_over(engine: InMemoryEngine) -> None:
    """The removal of what TALM has left is still ibgu's: no one else would do it."""
    talm = prepping(engine)
    uid = talm.leave()
    engine.settle()
    engine.delete(uid)
    engine.wait(hours=1)
    assert engine.tracked(uid).rollout.state is RolloutState.DELETED
    assert engine.tracked(uid).rollout.adopting_since is not None
    talm.removed()
    engine.settle()
    assert engine.tracked(uid).rollout.adopting_since is None


def ended_step(engine: InMemoryEngine) -> Talm:
    """TALM has ended s1 and s2 and not got any further."""
    talm = prepping(engine, clusters=[ended("s1", "complete"), ended("s2", "timedout", "a-prep")])
    engine.spokes["s1"].to(Stage.PREP)
    return talm


def test_labels_that_talm_did_not_come_to(engine: InMemoryEngine) -> None:
    ended_step(engine).leave()
    engine.settle()
    assert (engine.labels["s1"], engine.labels["s2"]) == ({PREPARED: ""}, {PREP_FAILED: ""})


def test_labels_that_a_person_has_removed_stay_away(engine: InMemoryEngine) -> None:
    talm = ended_step(engine)
    talm.labelled = {("s1", Action.PREP), ("s2", Action.PREP)}
    talm.leave()
    engine.settle()
    assert (engine.labels["s1"], engine.labels["s2"]) == ({}, {})


def test_automatic_import_is_turned_on_again_by_us(engine: InMemoryEngine) -> None:
    prepared(engine, "s1", "s2")
    engine.annotations["s1"] = {IMPORT_OFF: "true"}
    engine.annotations["s2"] = {IMPORT_OFF: "true", IMPORT_BY: "somebody"}
    talm = Talm(engine, "Upgrade")
    talm.group(0, "Upgrade", batches=[["s1", "s2"]], batch=1)
    talm.begins("s1", Action.UPGRADE)
    talm.begins("s2", Action.UPGRADE)
    uid = talm.leave()
    engine.settle()
    assert engine.annotations["s1"] == {IMPORT_OFF: "true", IMPORT_BY: uid}
    talm.removed()
    engine.wait(hours=1)
    assert engine.annotations["s1"] == {}
    assert engine.annotations["s2"] == {IMPORT_OFF: "true", IMPORT_BY: "somebody"}


# -- time and places ----------------------------------------------------------------------------


def test_the_step_has_its_whole_time_again(engine: InMemoryEngine) -> None:
    engine.spokes["s1"].faults[Stage.PREP] = "hang"
    talm = prepping(engine, started="2025-12-31T12:00:00Z")
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    began = engine.now
    engine.settle()
    talm.removed()
    engine.wait(minutes=234)
    member = engine.member(uid, 0, "s1")
    assert (member.state, member.run is not None) == (MemberState.IN_FLIGHT, True)
    assert member.limit is not None
    assert member.limit - began > timedelta(hours=1)
    engine.wait(minutes=12)
    run = engine.member(uid, 0, "s1").run
    assert run is not None
    assert (run.result, run.state) == (RunResult.LIMIT, RunState.ENDED)
    assert engine.labels["s1"] == {PREP_FAILED: ""}


def test_clusters_that_have_left_the_hub(engine: InMemoryEngine) -> None:
    talm = Talm(engine, "Prep")
    talm.group(0, "Prep", batches=[["s1", "away"]], batch=1)
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    engine.settle()
    assert set(engine.tracked(uid).steps[0].members) == {"s1"}
    assert any("no longer on the hub: away" in warning for warning in engine.warnings())


def test_an_older_rollout_is_cancelled_all_the_same(engine: InMemoryEngine) -> None:
    talm = prepping(engine)
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    engine.settle()
    talm.removed()
    engine.wait(seconds=10)
    engine.apply(ibgu("b", "Abort", age=-5))
    engine.wait(minutes=10)
    run = engine.member(uid, 0, "s1").run
    assert run is not None
    assert run.result is RunResult.PREEMPTED
    assert stages(engine, "s1")[-1] is Stage.IDLE


def test_a_talm_action_that_arrives_after_adoption_counts_as_a_run(engine: InMemoryEngine) -> None:
    """TALM's work was on its way: from then on the run counts like any other."""
    engine.spokes["s1"].faults[Stage.PREP] = "fail"
    talm = prepping(engine)
    talm.begins("s1", Action.PREP, applied=False)
    uid = talm.leave()
    engine.settle()
    assert engine.spokes["s1"].ask(Stage.PREP, "", SEED)
    engine.wait(seconds=10)
    run = engine.member(uid, 0, "s1").run
    assert run is not None
    assert run.armed_at is not None
    assert "the cluster accepted TALM's Prep" in engine.told(Kind.RUN_ACCEPTED)
    talm.removed()
    engine.wait(minutes=10)
    assert engine.member(uid, 0, "s1").outcome is Outcome.FAILED
    assert engine.labels["s1"] == {PREP_FAILED: ""}


def test_a_newer_abort_waits_for_talms_work_to_go(engine: InMemoryEngine) -> None:
    """The newer rollout waits for TALM's work to go, and then takes the cluster over."""
    talm = prepping(engine)
    talm.begins("s1", Action.PREP)
    uid = talm.leave(annotated=False)
    engine.settle()
    engine.apply(ibgu("b", "Abort", age=-5))
    engine.wait(minutes=1)
    assert engine.member("uid-b", 0, "s1").reason.kind is ReasonKind.TALM_WORK
    assert stages(engine, "s1") == [Stage.PREP]
    engine.annotate(uid, adopt="yes")
    engine.settle()
    talm.removed()
    engine.wait(minutes=10)
    assert stages(engine, "s1") == [Stage.PREP, Stage.IDLE]
    assert engine.member("uid-b", 0, "s1").outcome is Outcome.SUCCEEDED


def test_an_adopted_action_completes_late_by_no_other_rollouts_action(
    engine: InMemoryEngine,
) -> None:
    talm = Talm(engine, "Prep", concurrency=2)
    talm.group(0, "Prep", batches=[["s1"]], batch=1)
    engine.spokes["s1"].faults[Stage.PREP] = "hang"
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    engine.wait(minutes=5)
    talm.removed()
    engine.wait(hours=6)
    assert engine.member(uid, 0, "s1").outcome is Outcome.FAILED
    del engine.spokes["s1"].faults[Stage.PREP]
    for name, action in (("b", "Abort"), ("c", "Prep")):
        engine.apply(ibgu(name, action))
        engine.wait(hours=1)
    assert engine.member("uid-c", 0, "s1").outcome is Outcome.SUCCEEDED
    assert engine.member(uid, 0, "s1").late == ""


@pytest.mark.parametrize("unreadable", [False, True])
def test_an_adopted_action_completes_late_on_a_cluster_that_ibgu_knows(
    engine: InMemoryEngine, *, unreadable: bool
) -> None:
    """TALM leaves the id of ibgu's last run on the cluster. A rollout whose records can't be read
    may have acted there since."""
    for action in ("Prep", "Abort"):
        engine.apply(ibgu(f"before-{action.lower()}", action))
        engine.wait(hours=1)
    talm = Talm(engine, "Prep", concurrency=2)
    talm.group(0, "Prep", batches=[["s1"]], batch=1)
    spoke = engine.spokes["s1"]
    spoke.faults[Stage.PREP] = "hang"
    former = spoke.run
    talm.begins("s1", Action.PREP)
    spoke.run = former
    uid = talm.leave()
    engine.wait(minutes=5)
    talm.removed()
    engine.wait(hours=6)
    assert engine.member(uid, 0, "s1").outcome is Outcome.FAILED
    if unreadable:
        engine.fleet.unreadable["uid-x"] = unreadable_rollout("s1")
    spoke.complete(Stage.PREP)
    engine.wait(hours=2)
    assert bool(engine.member(uid, 0, "s1").late) is not unreadable
