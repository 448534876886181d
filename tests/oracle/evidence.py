"""Judges decisions again by the observations that were recorded with them (R7, R8, R10)."""

from datetime import datetime
from typing import Any

from ibgu.core.model.runs import MAX_RUNS
from ibgu.db.journal.evidence import FEEDBACK
from tests.oracle.audit import MemberEventContext
from tests.oracle.cases import MemberCase, RunCase
from tests.oracle.events import Event
from tests.oracle.proofs import Proofs
from tests.oracle.rules import Rule

_ERRORS = {
    "TransitionRefused": ("work", "error"),
    "SpecRefused": ("work", "error"),
    "WriteRefused": ("refusal",),
    "PayloadRefused": ("payload",),
}
"""Cause of a refusal -> where its words were recorded."""
_LOST = frozenset({"ClusterGone", "ClusterRecreated"})


class RecordedObservation:
    """The observation as far as it was recorded."""

    def __init__(self, spot: MemberEventContext) -> None:
        found = spot.event.data.get("seen", {})
        self._proofs = spot.proofs
        self.cluster: dict[str, Any] = found.get("cluster", {})
        self.work: dict[str, Any] = found.get("work", {})
        self.feedback: dict[str, Any] = found.get(FEEDBACK, {})
        self.found: dict[str, Any] = found

    @property
    def current(self) -> bool:
        """Whether the feedback is not frozen, of the work's current version, and seen by the
        agent that carries actions out (R7.2)."""
        feedback = self.feedback
        fresh = bool(self.work.get("applied") and feedback.get("applied"))
        current = feedback.get("generation", 0) == feedback.get("observed", -1)
        going = not self.work.get("terminating")
        return fresh and current and going and feedback.get("available") == "True"

    def carries(self, run: RunCase) -> bool:
        return run.adopted or self.feedback.get("run") == run.id

    def echoes(self, run: RunCase) -> bool:
        return self.carries(run) and self.feedback.get("stage") == self._proofs.stage(run.action)

    def is_there(self, uid: str) -> bool:
        return self.cluster.get("state") == "reachable" and self.cluster.get("uid") == uid


def startable(spot: MemberEventContext, what: str, action: str) -> None:
    """Checks that the cluster was in a state in which the action means what its name says (R8.1).
    `what`: what the cluster does, such as starts."""
    seen, proofs = RecordedObservation(spot), spot.proofs
    subject = f"{spot.name} {what} {action}"
    known = seen.current and seen.is_there(spot.member.uid)
    words = f"{subject}, but its state was not known"
    if not spot.require(Rule.PROBE, known, words):
        return
    shown = proofs.shown(seen.feedback)
    words = f"{subject} in a state that it does not fit: {shown}"
    cleaned = spot.rollout.manual_cleanup_done
    fits = proofs.fits(seen.feedback, action, manual_cleanup_done=cleaned)
    spot.require(Rule.PROBE, fits, words)
    until = seen.feedback.get("rollback_until")
    in_time = (
        action not in proofs.expires
        or until is None
        or spot.event.at < datetime.fromisoformat(until)
    )
    spot.require(Rule.PROBE, in_time, f"{subject}, possible until {until} only")
    if action in proofs.keeps_spec:
        seed = seen.feedback.get("seed")
        words = f"{subject} with another seed than the plan's: {seed}"
        spot.require(Rule.PROBE, seed == spot.rollout.seed, words, spot.rollout.seq)


def unaccepted_warning(proofs: Proofs, event: Event, member: MemberCase, action: str) -> str:
    """Returns the warning with which the cluster starts an action that takes it to another release,
    unless a person has accepted it; empty: there is none."""
    if action not in proofs.reboots - proofs.ways_back or member.accepted_warning is None:
        return ""
    warning = str(event.data.get("seen", {}).get(FEEDBACK, {}).get("warning") or "")
    return warning if warning != member.accepted_warning else ""


def already_there(spot: MemberEventContext, action: str) -> None:
    seen, proofs = RecordedObservation(spot), spot.proofs
    there = seen.current and proofs.reached(seen.feedback, action)
    words = f"{spot.name} was not where {action} would bring it: {proofs.shown(seen.feedback)}"
    spot.require(Rule.EVIDENCE, there, words)


def resumed(spot: MemberEventContext) -> None:
    """Checks that nothing on the cluster is paused any more (R48)."""
    seen = RecordedObservation(spot)
    left = spot.proofs.paused(seen.feedback) if seen.is_there(spot.member.uid) else ()
    words = f"{spot.name} was noted as resumed, with {', '.join(left)} still paused"
    spot.require(Rule.EVIDENCE, not left, words)


def taken(spot: MemberEventContext) -> None:
    """Checks that the cluster echoes the run with the wanted stage, in the work's current version
    (R9.1)."""
    seen, run = RecordedObservation(spot), spot.member.run
    _took(spot, seen, run is not None and seen.echoes(run))


def came_back(spot: MemberEventContext) -> None:
    """Checks that the cluster carries the withdrawn run; a hand may have set another stage since
    (R9.5)."""
    seen, run = RecordedObservation(spot), spot.member.run
    _took(spot, seen, run is not None and seen.carries(run))


def _took(spot: MemberEventContext, seen: RecordedObservation, shown: bool) -> None:
    applied = bool(seen.work.get("applied") and seen.feedback.get("applied"))
    words = f"{spot.name} has not shown that it took this run"
    spot.require(Rule.EVIDENCE, applied and shown, words)


def speaks_for_run(spot: MemberEventContext) -> None:
    run = spot.member.run
    speaks = run is not None and _shows_run(RecordedObservation(spot), spot, run)
    words = f"{spot.name}: what was seen does not speak for this run"
    spot.require(Rule.EVIDENCE, speaks, words, run.seq if run else 0)


def _shows_run(seen: RecordedObservation, spot: MemberEventContext, run: RunCase) -> bool:
    return _is_as_written(seen, spot) and seen.echoes(run)


def _is_as_written(seen: RecordedObservation, spot: MemberEventContext) -> bool:
    """Whether the feedback is that of the member's cluster, by a work that nobody has changed."""
    return seen.current and seen.is_there(spot.member.uid) and not seen.work.get("edited")


def is_undone(spot: MemberEventContext, run: RunCase) -> bool:
    """Whether the cluster has restored its state from before an abort that it had accepted (R9.9):
    it shows an earlier run of ibgu's, in the stage of an action that has rolled back by itself."""
    seen, proofs = RecordedObservation(spot), spot.proofs
    aborts = run.action in proofs.ways_back and run.action not in proofs.reboots
    earlier = not seen.carries(run) and seen.feedback.get("run") in spot.audit.runs
    stages = {proofs.stage(action) for action in proofs.rolls_back}
    rolled_back = earlier and seen.feedback.get("stage") in stages
    may_recur = spot.member.attempts < MAX_RUNS
    return aborts and _is_as_written(seen, spot) and rolled_back and may_recur


def of_end(spot: MemberEventContext, run: RunCase) -> None:
    """Checks that the observation supports the run's end."""
    if run.result in ("succeeded", "continued", "failed"):
        speaks_for_run(spot)
    holds, missing = _proved(RecordedObservation(spot), spot, run)
    words = f"{spot.name}: {run.action} {run.result}, {missing}"
    spot.require(Rule.EVIDENCE, holds, words, run.seq)
    if run.result in ("succeeded", "continued", "withdrawn"):
        return
    named = bool(run.cause and spot.text("words"))
    words = f"{spot.name}: {run.action} {run.result} without cause or words"
    spot.require(Rule.EVIDENCE, named, words, run.seq)


def _proved(seen: RecordedObservation, spot: MemberEventContext, run: RunCase) -> tuple[bool, str]:
    """Returns whether the result is proven, and what is missing."""
    proofs = spot.proofs
    match run.result:
        case "succeeded":
            missing = proofs.missing(seen.feedback, run.action)
            return not missing, f"but {missing}"
        case "continued" if run.action in proofs.parts:
            asked = spot.rollout.max_age is not None
            missing = proofs.missing(seen.feedback, run.action) if asked else ""
            return not missing, f"but {missing}"
        case "continued":
            missing = proofs.continues(seen.feedback, run.action)
            return not missing, f"but {missing}"
        case "failed":
            shown = proofs.shown(seen.feedback)
            return proofs.failed(seen.feedback, run.action), f"but was not reported failed: {shown}"
        case "refused":
            return _refused(seen, run), f"but no words of a {run.cause} were seen"
        case "gone":
            gone = seen.cluster.get("uid") != spot.member.uid
            return gone, "but the cluster was there"
        case "taken over":
            own = _shows_run(seen, spot, run) and not seen.feedback.get("job")
            return not own, "but the cluster shows this run"
        case "deleted":
            return bool(spot.rollout.deleted), "but the rollout was not deleted"
    return True, ""


def _refused(seen: RecordedObservation, run: RunCase) -> bool:
    place = seen.found
    *folders, name = _ERRORS.get(run.cause or "", ("",))
    for folder in folders:
        place = place.get(folder, {})
    return bool(place.get(name))


def of_failure(spot: MemberEventContext) -> None:
    """Checks that a member that did not succeed has a cause; the same as its run's, if that
    failed."""
    event, run = spot.event, spot.member.run
    words = f"{spot.name} {spot.text('outcome')} without cause, words or what was seen"
    has_evidence = bool(event.cause and spot.text("message") and "seen" in event.data)
    spot.require(Rule.EVIDENCE, has_evidence, words)
    if event.cause in _LOST:
        there = RecordedObservation(spot).cluster.get("uid") == spot.member.uid
        words = f"{spot.name} ended with {event.cause}, but the cluster was there"
        spot.require(Rule.EVIDENCE, not there or spot.rollout.restored, words)
    own = run is not None and run.cause is not None
    words = f"{spot.name} ended with {event.cause}, its run with {run.cause if run else ''}"
    same = run is not None and run.cause == event.cause
    spot.require(Rule.EVIDENCE, same or not own, words, run.ended if run else 0)
