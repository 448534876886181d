"""Plays rollouts of a second kind of change: the engine learns all about it from its driver."""

from collections.abc import Iterator

import pytest
from msgspec import json
from msgspec.structs import replace

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.preflight import ClusterFacts
from ibgu.core.drivers.ibu.preflight.plan import rollback_fits
from ibgu.core.engine.works import DesiredWork, stage_body, view_work
from ibgu.core.model import Cause, Kind, OnMember, Outcome, ReasonKind, RolloutState
from ibgu.core.model.kinds import (
    FeedbackValue,
    FieldValue,
    IbuSpec,
    ManifestCondition,
    ManifestWork,
    ObjectMeta,
    ResourceMeta,
    ResourceStatus,
    StatusFeedback,
    WorkStatus,
)
from ibgu.core.model.topics import Topic
from ibgu.core.notify import NotificationState, advance
from ibgu.core.notify.message import Message
from ibgu.core.views.explain import ExplainCase, Explained, PastStep, explain
from ibgu.core.views.preview import PreflightInputs, Proposal, preflight_facts, preview
from tests.core.engine.decide.firmware import PATHS, FirmwareDriver, FirmwareNode, FirmwareView
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants, executed
from tests.core.notify.messages import facts_of

PREPARED = "devices.example.com/firmware-stage-completed"


@pytest.fixture
def engine() -> Iterator[InMemoryEngine]:
    engine = InMemoryEngine(
        "site-1", "site-2", "site-3", driver=FirmwareDriver(), node=FirmwareNode
    )
    invariants = Invariants(engine)
    yield engine
    invariants.at_rest()
    told = [said.decision.why for said in engine.said if isinstance(said.decision, OnMember)]
    assert not [words for words in told if "ImageBased" in words or "Lifecycle" in words]


def node(engine: InMemoryEngine, name: str) -> FirmwareNode:
    found: object = engine.spokes[name]
    assert isinstance(found, FirmwareNode)
    return found


def test_a_whole_rollout(engine: InMemoryEngine) -> None:
    """Download and flash, two at a time; one fails and is aborted, the others are finalized."""
    node(engine, "site-2").breaks = "checksum mismatch"
    uid = engine.apply(ibgu("a", "Stage Flash", "RevertFailed", "Keep", concurrency=2))
    engine.until(Kind.STEP_FINISHED)
    assert engine.labels["site-1"] == {
        PREPARED: "",
        "devices.example.com/firmware-flash-completed": "",
    }
    assert engine.labels["site-2"] == {
        PREPARED: "",
        "devices.example.com/firmware-flash-failed": "",
    }
    engine.drive()
    failed = engine.member(uid, 0, "site-2")
    assert (failed.outcome, failed.cause, failed.message) == (
        Outcome.FAILED,
        Cause.UPGRADE_FAILED,
        "checksum mismatch",
    )
    assert executed(engine, "site-2") == ["Stage", "Flash", "Idle"]
    assert executed(engine, "site-3") == ["Stage", "Flash", "Idle"]
    assert set(map(tuple, engine.labels.values())) == {()}
    assert engine.tracked(uid).rollout.state is RolloutState.COMPLETE


def explained(engine: InMemoryEngine, uid: str, name: str, action: str | None = None) -> Explained:
    """Returns the explanation of the cluster; `action`: what it is at, None: it has finished."""
    member = engine.member(uid, 0, name)
    case = ExplainCase(
        rollout="fleet/a",
        member=member,
        action=action,
        hold=None,
        past=[PastStep(member)],
        now=engine.now,
        duration_stats={},
    )
    return explain(engine.driver, case)


def test_a_failure_has_the_drivers_text(engine: InMemoryEngine) -> None:
    node(engine, "site-2").breaks = "checksum mismatch"
    uid = engine.apply(ibgu("a", "Stage Flash"))
    engine.drive()
    found = explained(engine, uid, "site-2")
    assert (found.kind, found.means, found.do) == (
        "ChecksumMismatch",
        "The image is damaged.",
        "Upload the image again.",
    )


def test_a_cause_means_what_the_driver_says_or_the_same_for_every_kind(
    engine: InMemoryEngine,
) -> None:
    node(engine, "site-1").breaks = "no power"
    node(engine, "site-2").locked = True
    node(engine, "site-3").absent = True
    uid = engine.apply(ibgu("a", "Stage Flash"))
    engine.drive()
    own, refused, absent = (explained(engine, uid, name) for name in engine.spokes)
    assert (own.means, own.do) == ("the device has no new firmware", "flash it again")
    assert refused.kind == Cause.TRANSITION_REFUSED
    assert refused.means == "the cluster reports that the action failed"
    assert absent.kind == Cause.AGENT_ABSENT
    assert absent.do == "install the agent there, then take the cluster into a new rollout"


def test_a_notification_has_the_drivers_text(engine: InMemoryEngine) -> None:
    node(engine, "site-2").breaks = "checksum mismatch"
    engine.apply(ibgu("a", "Stage Flash"))
    engine.drive()
    memory, sent = NotificationState(), list[Message]()
    for fact in facts_of(engine):
        memory, more = advance(engine.driver, memory, fact)
        sent += more
    [failed] = [message for message in sent if message.topic is Topic.CLUSTERS_FAILED]
    [group] = failed.groups
    assert (group.failure, group.remedy) == ("ChecksumMismatch", "Upload the image again.")


def test_an_action_already_done_is_skipped(engine: InMemoryEngine) -> None:
    node(engine, "site-1").phase = "Downloaded"
    uid = engine.apply(ibgu("a", "Stage Flash"))
    engine.drive()
    first = engine.member(uid, 0, "site-1")
    assert [done.note for done in first.completed] == ["was already Downloaded", ""]
    assert executed(engine, "site-1") == ["Flash"]


def test_an_action_started_by_hand_is_waited_for(engine: InMemoryEngine) -> None:
    node(engine, "site-1").ask("Stage")
    uid = engine.apply(ibgu("a", "Stage"))
    engine.wait(seconds=5)
    reason = engine.member(uid, 0, "site-1").reason
    assert (reason.kind, reason.message) == (ReasonKind.BUSY, "Stage goes on")
    told = explained(engine, uid, "site-1", "Stage")
    assert (told.means, told.ends) == (
        "the firmware agent is at something else",
        "the agent is done",
    )
    engine.drive()
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_wrong_state(engine: InMemoryEngine) -> None:
    node(engine, "site-1").phase = "Flashed"
    uid = engine.apply(ibgu("a", "Stage"))
    engine.drive()
    first = engine.member(uid, 0, "site-1")
    assert (first.cause, first.message) == (
        Cause.WRONG_STATE,
        "Stage does not fit: the firmware is Flashed",
    )


def test_a_refused_transition_has_the_text_of_the_driver(engine: InMemoryEngine) -> None:
    node(engine, "site-1").locked = True
    uid = engine.apply(ibgu("a", "Stage"))
    engine.drive()
    first = engine.member(uid, 0, "site-1")
    assert (first.cause, first.message) == (
        Cause.TRANSITION_REFUSED,
        "admission webhook denied the request: the device is locked",
    )


def test_a_missing_device_has_the_text_of_the_driver(engine: InMemoryEngine) -> None:
    node(engine, "site-1").absent = True
    uid = engine.apply(ibgu("a", "Stage"))
    engine.drive()
    first = engine.member(uid, 0, "site-1")
    assert (first.cause, first.message) == (
        Cause.AGENT_ABSENT,
        "The cluster has no device to flash",
    )


def test_a_hand_takes_over(engine: InMemoryEngine) -> None:
    uid = engine.apply(ibgu("a", "Stage"))
    engine.until(Kind.RUN_ACCEPTED)
    node(engine, "site-1").ask("Idle")
    engine.drive()
    first = engine.member(uid, 0, "site-1")
    assert (first.cause, first.message) == (
        Cause.TAKEN_OVER,
        "taken over by hand: spec.wanted is Idle, ibgu asked for Stage",
    )


def test_a_spec_that_no_cluster_can_be_asked_for(engine: InMemoryEngine) -> None:
    found = ibgu("a", "Stage")
    spec = replace(found.spec, ibu_spec=IbuSpec())
    uid = engine.apply(replace(found, spec=spec))
    engine.drive()
    hold = engine.tracked(uid).rollout.hold
    assert hold is not None
    assert (hold.kind, hold.message) == (ReasonKind.INVALID_PLAN, "the firmware has no version")


def test_a_preview_asks_the_driver(engine: InMemoryEngine) -> None:
    """The plan's time suffices for a device that is back within ten minutes, and for no other."""
    spec = ibgu("a", "Flash", timeout=15).spec
    engine.labels["site-1"] = {PREPARED: ""}
    clusters = [view for name in engine.spokes if (view := engine.cluster(name))]
    bare = replace(spec, ibu_spec=IbuSpec())
    unknown = preview(Proposal(FirmwareDriver(), bare), clusters, {}, engine.now)
    assert unknown.problems == ("the firmware has no version",)
    for driver, too_short in ((FirmwareDriver(), False), (IBU, True)):
        proposal = Proposal(driver, spec)
        found = preview(proposal, clusters, {}, engine.now)
        assert found.selected == ("site-1",)
        reported = {"site-1": ClusterFacts(name="site-1")}
        facts = preflight_facts("default/a", proposal, found, reported, PreflightInputs())
        assert bool(list(rollback_fits(facts))) is too_short


def test_annotations_go_with_the_works(engine: InMemoryEngine) -> None:
    found = ibgu("a", "Stage")
    marks = {"devices.example.com/slow": "1", "image-cleanup.lca.openshift.io/on-prep": "2"}
    uid = engine.apply(replace(found, metadata=replace(found.metadata, annotations=marks)))
    engine.drive()
    assert engine.tracked(uid).rollout.annotations == {"devices.example.com/slow": "1"}


def test_the_works_bodies(engine: InMemoryEngine) -> None:
    """The armed work carries the driver's object, and asks for the values that the driver reads."""
    uid = engine.apply(ibgu("a", "Stage"))
    engine.until(Kind.RUN_ARMING)
    rollout, wanted = engine.tracked(uid).rollout, engine.writes[uid, "site-1"]
    assert isinstance(wanted, DesiredWork)
    assert wanted.run is not None
    body = json.decode(stage_body(engine.driver, wanted, rollout, "site-1", watch=False))
    [manifest] = body["spec"]["workload"]["manifests"]
    assert manifest["spec"] == {"wanted": "Stage"}
    assert manifest["metadata"]["annotations"] == {"ibgu.dev/run": wanted.run.id}
    [config] = body["spec"]["manifestConfigs"]
    assert config["resourceIdentifier"]["resource"] == "firmwares"
    asked = {each["name"]: each["path"] for each in config["feedbackRules"][0]["jsonPaths"]}
    assert asked.items() >= PATHS.items()
    told = [FeedbackValue(name, FieldValue(string=f"<{name}>")) for name in asked]
    meta = ResourceMeta(group="devices.example.com", kind="Firmware", name="board")
    entry = ManifestCondition(meta, [], StatusFeedback(told))
    status = WorkStatus([], ResourceStatus([entry]))
    work = ManifestWork(ObjectMeta(name="w"), status)
    found = view_work(engine.driver, work).feedback
    assert isinstance(found, FirmwareView)
    assert (found.phase, found.error, found.run) == ("<phase>", "<error>", "<run>")
    assert wanted.probe is not None
    assert found.probes == {wanted.probe.id}
    engine.drive()
