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
from tests.core.assurance.certify.logs import certify, log_of, told
from tests.core.engine.decide.fleet import TALM_RUNS, InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.restores import backup, restore_hub
from tests.core.talm.objects import Object, as_cgu, as_work, cgu, ended, work

SEED = ("quay.io/seed:4.18", "4.18.1")
IMPORT_OFF = "import.open-cluster-management.io/disable-auto-import"
IMPORT_BY = "ibgu.dev/auto-import-by"
PREPARED = "lcm.openshift.io/ibgu-prep-completed"
PREP_FAILED = "lcm.openshift.io/ibgu-prep-failed"
UPGRADED = "lcm.openshift.io/ibgu-upgrade-completed"
UPGRADE_FAILED = "lcm.openshift.io/ibgu-upgrade-failed"


class Talm:
    """A TALM that is gone, and what it has left of the IBGU "a"."""

    def __init__(self, twin: InMemoryEngine, *plan: str, concurrency: int = 10) -> None:
        self.twin = twin
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
        self.twin.talm[name] = f"{name}/{self.works[name].name}"
        if applied:
            assert self.twin.spokes[name].ask(action.stage, "", SEED)

    def leave(self, *, annotated: bool = True) -> str:
        """Removes TALM; ibgu sees what it has left."""
        self.show()
        self.twin.apply(self.object)
        if annotated:
            self.twin.annotate(self.uid, adopt="yes")
        return self.uid

    def show(self) -> None:
        spec = self.twin.ibgus.get(self.uid, self.object).spec
        groups = groups_of("a", spec, [as_cgu(obj) for obj in self.cgus.values()])
        self.twin.traces[self.uid] = Traces(
            groups=groups,
            left=len(self.cgus),
            deleting=self.deleting,
            works={name: (found,) for name, found in self.works.items()},
            labelled=frozenset(self.labelled),
        )
        unfinished = any(not group.finished for group in groups)
        (self.twin.adoption.add if unfinished else self.twin.adoption.discard)(self.uid)
        self.twin.touch_everything()

    def deletes(self, *finalizers: str) -> None:
        """The first ClusterGroupUpgrade is being deleted, and has these finalizers."""
        self.deleting = (DeletedGroup("fleet/a-prep-0", finalizers),)
        self.show()

    def removed(self, *names: str) -> None:
        """ibgu has removed the works of these clusters; of all: the rest too."""
        for name in names or list(self.works):
            del self.works[name], self.twin.talm[name]
        if not names:
            self.cgus.clear()
            self.deleting = ()
        self.show()


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def prepared(twin: InMemoryEngine, *names: str) -> None:
    for name in names:
        twin.spokes[name].to(Stage.PREP)
        twin.labels[name] = {PREPARED: ""}


def stages(twin: InMemoryEngine, name: str) -> list[str]:
    return [stage for _, stage in twin.spokes[name].executed]


@pytest.fixture
def twin() -> Iterator[InMemoryEngine]:
    """In the end its history is certified, with what was taken over."""
    twin = InMemoryEngine("s1", "s2", "s3")
    Invariants(twin)
    yield twin
    findings = certify(log_of(twin))
    assert told(findings) == []
    assert findings.unknown == {}


def prepping(twin: InMemoryEngine, **given: Any) -> Talm:
    """TALM prepares s1 and s2; s3 is in its second batch."""
    talm = Talm(twin, "Prep", "Upgrade", concurrency=2)
    talm.group(0, "Prep", batches=[["s1", "s2"], ["s3"]], batch=1, **given)
    return talm


def test_adoption_waits_for_the_annotation(twin: InMemoryEngine) -> None:
    talm = prepping(twin)
    talm.begins("s1", Action.PREP)
    uid = talm.leave(annotated=False)
    twin.wait(hours=1)
    hold = twin.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.ADOPTION
    assert "ibgu.dev/adopt" in hold.message
    assert not twin.works
    assert twin.tracked(uid).steps == []


def test_actions_that_talm_began_go_on_and_run_once(twin: InMemoryEngine) -> None:
    talm = prepping(twin)
    talm.begins("s1", Action.PREP)
    talm.begins("s2", Action.PREP)
    uid = talm.leave()
    twin.wait(seconds=10)
    assert twin.tracked(uid).rollout.hold is not None
    assert [twin.member(uid, 0, name).state for name in ("s1", "s2", "s3")] == [
        MemberState.IN_FLIGHT,
        MemberState.IN_FLIGHT,
        MemberState.WAITING,
    ]
    assert {twin.member(uid, 0, name).slot for name in ("s1", "s2")} == {1, 2}
    assert not any(work.wanted.armed for work in twin.works.values())
    talm.removed()
    twin.wait(hours=3)
    assert twin.tracked(uid).rollout.state is RolloutState.COMPLETE
    assert twin.tracked(uid).rollout.adopting_since is None
    for name in ("s1", "s2", "s3"):
        assert stages(twin, name) == [Stage.PREP, Stage.UPGRADE]
        assert twin.labels[name] == {PREPARED: "", UPGRADED: ""}


def test_a_failure_of_an_adopted_action_is_recorded_and_labelled(twin: InMemoryEngine) -> None:
    twin.spokes["s1"].faults[Stage.PREP] = "fail"
    talm = prepping(twin)
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    twin.settle()
    talm.removed()
    twin.wait(minutes=10)
    member = twin.member(uid, 0, "s1")
    assert (member.outcome, member.message) == (Outcome.FAILED, "Prep broke")
    assert twin.labels["s1"] == {PREP_FAILED: ""}


def test_talms_upgrade_may_be_dark(twin: InMemoryEngine) -> None:
    prepared(twin, "s1")
    talm = Talm(twin, "Prep", "Upgrade")
    talm.group(0, "Prep", batches=[["s1"]], succeeded="True", clusters=[ended("s1", "complete")])
    talm.group(1, "Upgrade", batches=[["s1"]], batch=1)
    talm.begins("s1", Action.UPGRADE)
    twin.wait(minutes=5)
    assert twin.spokes["s1"].dark
    uid = talm.leave()
    twin.settle()
    member = twin.member(uid, 1, "s1")
    assert (member.state, member.reason.kind) == (MemberState.IN_FLIGHT, ReasonKind.REBOOTING)
    talm.removed()
    twin.wait(hours=1)
    assert twin.member(uid, 1, "s1").outcome is Outcome.SUCCEEDED
    assert stages(twin, "s1") == [Stage.UPGRADE]


def test_an_action_that_never_reached_the_cluster_is_started_by_ibgu(twin: InMemoryEngine) -> None:
    talm = prepping(twin)
    talm.begins("s1", Action.PREP, applied=False)
    uid = talm.leave()
    twin.wait(minutes=5)
    member = twin.member(uid, 0, "s1")
    assert (member.state, member.slot) == (MemberState.IN_FLIGHT, 1), "its place is kept"
    talm.removed()
    twin.wait(minutes=10)
    words = twin.told(Kind.RUN_ENDED)
    assert words[0] == "Prep withdrawn: TALM's Prep never reached the cluster"
    assert twin.member(uid, 0, "s1").outcome is Outcome.SUCCEEDED
    assert stages(twin, "s1")[0] is Stage.PREP
    assert len(stages(twin, "s1")) == 2


def test_a_hand_on_what_talm_began(twin: InMemoryEngine) -> None:
    talm = prepping(twin)
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    twin.settle()
    talm.removed()
    twin.wait(seconds=10)
    assert twin.spokes["s1"].ask(Stage.IDLE, "", SEED)
    twin.wait(minutes=10)
    run = twin.member(uid, 0, "s1").run
    assert run is not None
    assert run.result is RunResult.TAKEN_OVER
    assert twin.labels["s1"] == {}


def test_a_deleted_watching_work_is_recreated(twin: InMemoryEngine) -> None:
    talm = prepping(twin)
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    twin.wait(seconds=5)
    twin.works[uid, "s1"].terminating = True
    twin.touch(uid, "s1")
    twin.wait(seconds=5)
    twin.works.pop((uid, "s1"), None)
    twin.touch(uid, "s1")
    talm.removed()
    twin.wait(minutes=10)
    assert twin.member(uid, 0, "s1").outcome is Outcome.SUCCEEDED


def test_a_chain_waits_until_talms_work_is_gone(twin: InMemoryEngine) -> None:
    talm = Talm(twin, "Prep Upgrade")
    talm.group(0, "Prep", "Upgrade", batches=[["s1"]], batch=1)
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    twin.wait(minutes=10)
    member = twin.member(uid, 0, "s1")
    assert [d.action for d in member.completed] == [Action.PREP]
    assert member.reason.kind is ReasonKind.TALM_WORK
    assert stages(twin, "s1") == [Stage.PREP]
    talm.removed()
    twin.wait(hours=1)
    assert stages(twin, "s1") == [Stage.PREP, Stage.UPGRADE]


def test_an_intent_does_not_outlive_talms_work(twin: InMemoryEngine) -> None:
    twin.payload = PayloadState(digest="digest")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_INTENDED)
    twin.talm["s1"] = "s1/fleet.b-prep"
    twin.touch(uid, "s1")
    twin.settle()
    member = twin.member(uid, 0, "s1")
    assert member.run is not None
    assert (member.run.result, member.reason.kind) == (RunResult.WITHDRAWN, ReasonKind.TALM_WORK)


def test_between_two_actions_of_talms(twin: InMemoryEngine) -> None:
    prepared(twin, "s1")
    talm = Talm(twin, "Prep Upgrade")
    progress = {"s1": {"state": "InProgress", "manifestWorkIndex": 1}}
    talm.group(0, "Prep", "Upgrade", batches=[["s1"]], batch=1, progress=progress)
    uid = talm.leave()
    talm.removed()
    twin.wait(hours=1)
    assert twin.member(uid, 0, "s1").outcome is Outcome.SUCCEEDED
    assert stages(twin, "s1") == [Stage.UPGRADE]


def test_more_in_flight_than_places(twin: InMemoryEngine) -> None:
    """TALM takes 0 for all at once; here someone has lowered it in the meantime."""
    talm = Talm(twin, "Prep", concurrency=1)
    talm.group(0, "Prep", batches=[["s1", "s2"]], batch=1)
    talm.begins("s1", Action.PREP)
    talm.begins("s2", Action.PREP)
    uid = talm.leave()
    twin.settle()
    assert [twin.member(uid, 0, name).state for name in ("s1", "s2")] == [
        MemberState.IN_FLIGHT,
        MemberState.WAITING,
    ]
    talm.removed()
    twin.wait(hours=1)
    assert {m.outcome for m in twin.tracked(uid).steps[0].members.values()} == {Outcome.SUCCEEDED}
    assert stages(twin, "s2") == [Stage.PREP]


def test_a_cluster_that_another_rollout_of_ours_has(twin: InMemoryEngine) -> None:
    twin.apply(ibgu("b", "Prep", age=5))
    twin.wait(seconds=10)
    talm = prepping(twin)
    talm.begins("s1", Action.PREP, applied=False)
    uid = talm.leave()
    twin.settle()
    assert twin.member(uid, 0, "s1").state is MemberState.WAITING


# -- what TALM has finished ---------------------------------------------------------------------


def test_actions_that_talm_completed_are_not_repeated(twin: InMemoryEngine) -> None:
    talm = Talm(twin, "Prep", "AbortOnFailure")
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
    twin.wait(hours=1)
    tracked = twin.tracked(uid)
    assert (tracked.rollout.state, tracked.rollout.adopting_since) == (RolloutState.COMPLETE, None)
    assert [step.step.state for step in tracked.steps] == [StepState.FINISHED] * 2
    assert [step.step.total for step in tracked.steps] == [2, 1]
    assert not twin.works
    assert twin.patched == []


def test_a_plan_that_grows_after_talm(twin: InMemoryEngine) -> None:
    prepared(twin, "s1")
    talm = Talm(twin, "Prep")
    talm.group(0, "Prep", batches=[["s1"]], succeeded="True", clusters=[ended("s1", "complete")])
    talm.labelled = {("s1", Action.PREP)}
    uid = talm.leave(annotated=False)
    twin.settle()
    twin.append(uid, "Upgrade")
    talm.show()
    twin.wait(hours=1)
    assert twin.member(uid, 1, "s1").outcome is Outcome.SUCCEEDED
    assert stages(twin, "s1") == [Stage.UPGRADE]


def test_between_two_steps_of_talms_a_person_is_asked_too(twin: InMemoryEngine) -> None:
    prepared(twin, "s1")
    talm = Talm(twin, "Prep", "Upgrade")
    talm.group(0, "Prep", batches=[["s1"]], succeeded="True", clusters=[ended("s1", "complete")])
    uid = talm.leave(annotated=False)
    twin.wait(hours=1)
    hold = twin.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.ADOPTION
    twin.annotate(uid, adopt="now")
    twin.settle()
    (words,) = twin.told(Kind.CONTROL)
    assert words == "ibgu.dev/adopt=now: taken over from TALM: 1 step finished"
    talm.removed()
    twin.wait(hours=1)
    assert stages(twin, "s1") == [Stage.UPGRADE]
    assert twin.tracked(uid).rollout.state is RolloutState.COMPLETE


# -- the annotation -----------------------------------------------------------------------------


def test_nothing_to_take_over(twin: InMemoryEngine) -> None:
    uid = twin.apply(ibgu("a", "Prep"))
    twin.annotate(uid, adopt="yes")
    twin.wait(hours=1)
    (words,) = twin.told(Kind.CONTROL)
    assert words.endswith("TALM has left nothing of this IBGU on the hub")
    assert twin.tracked(uid).rollout.state is RolloutState.COMPLETE


def test_talm_had_not_chosen_its_clusters(twin: InMemoryEngine) -> None:
    """Then the step is opened by us."""
    talm = Talm(twin, "Prep")
    talm.group(0, "Prep")
    uid = talm.leave()
    twin.settle()
    assert twin.tracked(uid).steps == []
    talm.removed()
    twin.wait(hours=1)
    assert [stages(twin, name) for name in ("s1", "s2", "s3")] == [[Stage.PREP]] * 3


def test_adoption_waits_while_talm_is_live(twin: InMemoryEngine) -> None:
    talm = prepping(twin)
    twin.facts = replace(twin.facts, talm_hold=TALM_RUNS)
    uid = talm.leave()
    twin.settle()
    assert twin.told(Kind.CONTROL) == []
    twin.facts = replace(twin.facts, talm_hold="")
    twin.touch_everything()
    twin.settle()
    assert len(twin.told(Kind.CONTROL)) == 1
    assert twin.tracked(uid).rollout.adopting_since is not None


def test_an_invalid_plan_is_not_adopted(twin: InMemoryEngine) -> None:
    talm = Talm(twin, "Upgrade", "Prep")
    talm.group(0, "Upgrade", batches=[["s1"]], batch=1)
    uid = talm.leave()
    twin.settle()
    assert twin.told(Kind.CONTROL) == []
    hold = twin.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.INVALID_PLAN


def test_adoption_waits_until_the_payload_is_read(twin: InMemoryEngine) -> None:
    twin.payload = PayloadState(read=False)
    talm = prepping(twin)
    uid = talm.leave()
    twin.settle()
    assert twin.tracked(uid).steps == []
    twin.payload = PayloadState(digest="digest")
    twin.touch(uid)
    twin.settle()
    assert twin.tracked(uid).steps[0].step.payload_digest == "digest"


def test_adoption_takes_no_clusters_outside_the_namespaces_sets(
    twin: InMemoryEngine,
) -> None:
    """They are objects of the tenant's namespace, and name whom it likes."""
    for name in ("s1", "s3"):
        twin.labels[name]["region"] = "north"
    twin.scope = Scope("fleet", (LabelSelector({"region": "north"}),))
    talm = prepping(twin)
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    twin.settle()
    assert set(twin.tracked(uid).steps[0].members) == {"s1", "s3"}
    words = (
        "step 1 as TALM has left it: 2 clusters; in no cluster set that is bound to namespace "
        "fleet, and left as they are: s2. To take them, bind their set with: clusteradm "
        "clusterset bind SET --namespace fleet, then create another ImageBasedGroupUpgrade for them"
    )
    assert words in twin.warnings()
    assert not [key for key in twin.works if key[1] == "s2"]


def test_nothing_is_taken_over_while_the_namespace_may_take_nobody(twin: InMemoryEngine) -> None:
    """A person hears of TALM's unfinished step, of what is in its way, and of what comes then."""
    twin.scope = Scope("fleet", (), "the hub has not told its ManagedClusterSets for 60 seconds")
    talm = prepping(twin)
    talm.begins("s1", Action.PREP)
    uid = talm.leave(annotated=False)
    twin.settle()
    begun = "TALM has begun this rollout and left it unfinished, and ibgu can't take it over yet: "
    assert _unbound(twin, uid) == (
        f"{begun}{twin.scope.problem}. Once that is done, annotate it with ibgu.dev/adopt and any "
        "value, and ibgu takes it over"
    )
    twin.scope = Scope("fleet", (), "no ManagedClusterSet is bound to namespace fleet")
    twin.annotate(uid, adopt="yes")
    twin.settle()
    assert _unbound(twin, uid) == (
        f"{begun}{twin.scope.problem}. Once that is done, ibgu takes it over"
    )
    assert len(twin.told(Kind.ROLLOUT_HELD)) == 2
    assert twin.tracked(uid).steps == []
    assert list(twin.talm) == ["s1"]
    twin.scope = EVERYWHERE
    twin.touch(uid)
    twin.settle()
    assert set(twin.tracked(uid).steps[0].members) == {"s1", "s2", "s3"}


def _unbound(twin: InMemoryEngine, uid: str) -> str:
    hold = twin.tracked(uid).rollout.hold
    assert hold is not None
    assert (hold.kind, hold.who) == (ReasonKind.UNBOUND, ActingParty.PERSON)
    return hold.message


def test_talm_came_back_to_a_rollout_of_ours_and_left_again(twin: InMemoryEngine) -> None:
    """Then its things are removed, and ours goes on."""
    uid = twin.apply(ibgu("a", "Prep"))
    twin.wait(seconds=10)
    steps = [step.step for step in twin.tracked(uid).steps]
    talm = prepping(twin)
    talm.object = twin.ibgus[uid]
    talm.leave()
    twin.settle()
    assert [step.step for step in twin.tracked(uid).steps] == steps
    (words,) = twin.told(Kind.CONTROL)
    assert "ibgu's own record" in words
    talm.removed()
    twin.wait(hours=1)
    assert twin.tracked(uid).rollout.state is RolloutState.COMPLETE


# -- labels and annotations ---------------------------------------------------------------------


def restored(twin: InMemoryEngine) -> Talm:
    """The hub goes back while ibgu takes over."""
    talm = prepping(twin)
    talm.begins("s1", Action.PREP)
    talm.leave()
    twin.settle()
    assert twin.tracked(talm.uid).rollout.adopting_since is not None
    restore_hub(twin, backup(twin))
    return talm


def test_a_wish_to_take_over_is_no_resume(twin: InMemoryEngine) -> None:
    """The rollout that the restore holds is held until a person resumes, and the wish is kept until
    then."""
    talm = restored(twin)
    twin.annotate(talm.uid, adopt="again")
    twin.wait(hours=1)
    assert twin.tracked(talm.uid).rollout.stands_still
    twin.annotate(talm.uid, resume="1")
    twin.wait(minutes=1)
    rollout = twin.tracked(talm.uid).rollout
    assert rollout.controls["ibgu.dev/adopt"] == "again"
    assert rollout.hold is not None
    assert rollout.hold.kind is ReasonKind.ADOPTING


def test_a_resume_adopts_when_talms_objects_are_gone(twin: InMemoryEngine) -> None:
    """No hold of TALM's is left to release by then."""
    talm = restored(twin)
    talm.removed()
    twin.annotate(talm.uid, resume="1")
    twin.wait(hours=3)
    rollout = twin.tracked(talm.uid).rollout
    assert (rollout.adopting_since, rollout.state) == (None, RolloutState.COMPLETE)
    assert "nothing of TALM's is left" in twin.told(Kind.ROLLOUT_RELEASED)


def test_adoption_waits_for_the_removals_of_a_live_talm(twin: InMemoryEngine) -> None:
    talm = prepping(twin)
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    twin.facts = replace(twin.facts, beside_talm=True)
    twin.settle()

    def hold() -> tuple[str, ActingParty]:
        twin.settle()
        found = twin.tracked(uid).rollout.hold
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
    twin.facts = replace(twin.facts, beside_talm=False)
    twin.touch_everything()
    assert "are being removed" in hold()[0]
    talm.removed()
    twin.settle()
    assert twin.tracked(uid).rollout.adopting_since is None


def test_deleted_while_it_is_taken_over(twin: InMemoryEngine) -> None:
    """The removal of what TALM has left is still ibgu's: no one else would do it."""
    talm = prepping(twin)
    uid = talm.leave()
    twin.settle()
    twin.delete(uid)
    twin.wait(hours=1)
    assert twin.tracked(uid).rollout.state is RolloutState.DELETED
    assert twin.tracked(uid).rollout.adopting_since is not None
    talm.removed()
    twin.settle()
    assert twin.tracked(uid).rollout.adopting_since is None


def ended_step(twin: InMemoryEngine) -> Talm:
    """TALM has ended s1 and s2 and not got any further."""
    talm = prepping(twin, clusters=[ended("s1", "complete"), ended("s2", "timedout", "a-prep")])
    twin.spokes["s1"].to(Stage.PREP)
    return talm


def test_labels_that_talm_did_not_come_to(twin: InMemoryEngine) -> None:
    ended_step(twin).leave()
    twin.settle()
    assert (twin.labels["s1"], twin.labels["s2"]) == ({PREPARED: ""}, {PREP_FAILED: ""})


def test_labels_that_a_person_has_removed_stay_away(twin: InMemoryEngine) -> None:
    talm = ended_step(twin)
    talm.labelled = {("s1", Action.PREP), ("s2", Action.PREP)}
    talm.leave()
    twin.settle()
    assert (twin.labels["s1"], twin.labels["s2"]) == ({}, {})


def test_automatic_import_is_turned_on_again_by_us(twin: InMemoryEngine) -> None:
    prepared(twin, "s1", "s2")
    twin.annotations["s1"] = {IMPORT_OFF: "true"}
    twin.annotations["s2"] = {IMPORT_OFF: "true", IMPORT_BY: "somebody"}
    talm = Talm(twin, "Upgrade")
    talm.group(0, "Upgrade", batches=[["s1", "s2"]], batch=1)
    talm.begins("s1", Action.UPGRADE)
    talm.begins("s2", Action.UPGRADE)
    uid = talm.leave()
    twin.settle()
    assert twin.annotations["s1"] == {IMPORT_OFF: "true", IMPORT_BY: uid}
    talm.removed()
    twin.wait(hours=1)
    assert twin.annotations["s1"] == {}
    assert twin.annotations["s2"] == {IMPORT_OFF: "true", IMPORT_BY: "somebody"}


# -- time and places ----------------------------------------------------------------------------


def test_the_step_has_its_whole_time_again(twin: InMemoryEngine) -> None:
    twin.spokes["s1"].faults[Stage.PREP] = "hang"
    talm = prepping(twin, started="2025-12-31T12:00:00Z")
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    began = twin.now
    twin.settle()
    talm.removed()
    twin.wait(minutes=234)
    member = twin.member(uid, 0, "s1")
    assert (member.state, member.run is not None) == (MemberState.IN_FLIGHT, True)
    assert member.limit is not None
    assert member.limit - began > timedelta(hours=1)
    twin.wait(minutes=12)
    run = twin.member(uid, 0, "s1").run
    assert run is not None
    assert (run.result, run.state) == (RunResult.LIMIT, RunState.ENDED)
    assert twin.labels["s1"] == {PREP_FAILED: ""}


def test_clusters_that_have_left_the_hub(twin: InMemoryEngine) -> None:
    talm = Talm(twin, "Prep")
    talm.group(0, "Prep", batches=[["s1", "away"]], batch=1)
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    twin.settle()
    assert set(twin.tracked(uid).steps[0].members) == {"s1"}
    assert any("no longer on the hub: away" in warning for warning in twin.warnings())


def test_an_older_rollout_is_cancelled_all_the_same(twin: InMemoryEngine) -> None:
    talm = prepping(twin)
    talm.begins("s1", Action.PREP)
    uid = talm.leave()
    twin.settle()
    talm.removed()
    twin.wait(seconds=10)
    twin.apply(ibgu("b", "Abort", age=-5))
    twin.wait(minutes=10)
    run = twin.member(uid, 0, "s1").run
    assert run is not None
    assert run.result is RunResult.PREEMPTED
    assert stages(twin, "s1")[-1] is Stage.IDLE


def test_a_talm_action_that_arrives_after_adoption_counts_as_a_run(twin: InMemoryEngine) -> None:
    """TALM's work was on its way: from then on the run counts like any other."""
    twin.spokes["s1"].faults[Stage.PREP] = "fail"
    talm = prepping(twin)
    talm.begins("s1", Action.PREP, applied=False)
    uid = talm.leave()
    twin.settle()
    assert twin.spokes["s1"].ask(Stage.PREP, "", SEED)
    twin.wait(seconds=10)
    run = twin.member(uid, 0, "s1").run
    assert run is not None
    assert run.armed_at is not None
    assert "the cluster accepted TALM's Prep" in twin.told(Kind.RUN_ACCEPTED)
    talm.removed()
    twin.wait(minutes=10)
    assert twin.member(uid, 0, "s1").outcome is Outcome.FAILED
    assert twin.labels["s1"] == {PREP_FAILED: ""}


def test_a_newer_abort_waits_for_talms_work_to_go(twin: InMemoryEngine) -> None:
    """The newer rollout waits for TALM's work to go, and then takes the cluster over."""
    talm = prepping(twin)
    talm.begins("s1", Action.PREP)
    uid = talm.leave(annotated=False)
    twin.settle()
    twin.apply(ibgu("b", "Abort", age=-5))
    twin.wait(minutes=1)
    assert twin.member("uid-b", 0, "s1").reason.kind is ReasonKind.TALM_WORK
    assert stages(twin, "s1") == [Stage.PREP]
    twin.annotate(uid, adopt="yes")
    twin.settle()
    talm.removed()
    twin.wait(minutes=10)
    assert stages(twin, "s1") == [Stage.PREP, Stage.IDLE]
    assert twin.member("uid-b", 0, "s1").outcome is Outcome.SUCCEEDED
