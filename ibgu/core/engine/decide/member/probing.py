"""Probes: asking a cluster for its state before anything is done to it (R8)."""

from datetime import timedelta

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.member.ending import finish
from ibgu.core.engine.gates import closed, stops_all
from ibgu.core.engine.timing.times import (
    PROBE_FRESH,
    PROBE_RETRY,
    PROBE_TIMEOUT,
    READY_FRESH,
    SETTLE,
    passed,
)
from ibgu.core.engine.works.evidence import answers
from ibgu.core.model import (
    ActingParty,
    Cause,
    FeedbackView,
    Kind,
    Observation,
    Outcome,
    Probe,
    Reason,
    ReasonKind,
    Waiting,
    WorkView,
    traits,
    transitions,
)

_REPEATED = frozenset(
    {ReasonKind.BUSY, ReasonKind.NO_ANSWER, ReasonKind.ABSENT, ReasonKind.WRONG_STATE}
)
"""Reasons that a repeated probe leaves in place until it is answered."""


def ask(ctx: DecisionContext, member: Waiting) -> Waiting:
    """Sends a new probe, for which the member waits."""
    ctx.requeue_at(member.cluster, ctx.now + PROBE_TIMEOUT)
    reason = Reason(ReasonKind.PROBING, ctx.now, "asks the cluster for its state")
    return ctx.on_member(
        Kind.PROBED, transitions.probe_first(member, _new_probe(ctx), reason), "probes"
    )


def ask_before_place(ctx: DecisionContext, member: Waiting) -> None:
    """Sends a probe to the cluster of a member that waits for a place of a policy, which stays its
    reason: once the place is free, others start at once if this one has not answered."""
    ctx.on_member(Kind.PROBED, transitions.probe_again(member, _new_probe(ctx)), "probes ahead")


def _new_probe(ctx: DecisionContext) -> Probe:
    """Returns a probe whose id carries the time, so ids never repeat."""
    return Probe(f"{int(ctx.now.timestamp() * 1000):x}", ctx.now)


def known_state(probe: Probe, seen: Observation) -> FeedbackView | None:
    """Returns the state with which the cluster answered the probe; later feedback updates it."""
    work = seen.stage
    if work is None or not answers(work, probe):
        return None
    return work.feedback


def fresh(ctx: DecisionContext, member: Waiting) -> bool:
    """Whether the member was found ready recently enough for an Abort, by a recent enough probe
    (R9.4); other actions accept any age while the cluster is reachable."""
    if not traits(ctx.action(member)).aborts:
        return True
    if member.probe is None or passed(member.probe.asked_at, PROBE_FRESH, ctx.now):
        return False
    return not passed(member.reason.since, READY_FRESH, ctx.now)


def unanswered(ctx: DecisionContext, member: Waiting, probe: Probe, seen: Observation) -> None:
    if _absent(ctx, seen.stage, probe):
        _without_agent(ctx, member, probe)
        return
    if seen.denied:
        ctx.set_reason(member, ReasonKind.FORBIDDEN, seen.denied, who=ActingParty.PERSON)
        return
    if not passed(probe.asked_at, PROBE_TIMEOUT, ctx.now):
        if member.reason.kind not in _REPEATED:
            ctx.set_reason(member, ReasonKind.PROBING, "asks the cluster for its state")
        ctx.requeue_at(member.cluster, probe.asked_at + PROBE_TIMEOUT)
        return
    if seen.refusal:
        message = f"the hub refused the stage work that asks the cluster: {seen.refusal}"
        member = ctx.set_reason(member, ReasonKind.NO_ANSWER, message, who=ActingParty.PERSON)
    else:
        words = (seen.stage and seen.stage.apply_error) or "no feedback"
        message = f"the cluster is reachable but does not answer: {words}"
        member = ctx.set_reason(member, ReasonKind.NO_ANSWER, message, who=ActingParty.CLUSTER)
    probe_again(ctx, member, probe, PROBE_RETRY)


def probe_again(ctx: DecisionContext, member: Waiting, probe: Probe, every: timedelta) -> None:
    """Repeats the member's probe at this interval and keeps its reason."""
    if not passed(probe.asked_at, every, ctx.now):
        ctx.requeue_at(member.cluster, probe.asked_at + every)
        return
    ctx.on_member(Kind.PROBED, transitions.probe_again(member, _new_probe(ctx)), "probes again")
    ctx.requeue_at(member.cluster, ctx.now + every)


def _absent(ctx: DecisionContext, work: WorkView | None, probe: Probe) -> bool:
    """Whether the agent answered this version, and reports that the object is missing."""
    if work is None or work.probe != probe.id:
        return False
    return ctx.driver.absent(work)


def _without_agent(ctx: DecisionContext, member: Waiting, probe: Probe) -> None:
    words = ctx.driver.absent_message
    if member.reason.kind is not ReasonKind.WRONG_STATE:
        member = ctx.set_reason(member, ReasonKind.ABSENT, words, who=ActingParty.PERSON)
        due = ctx.stands_since(member.reason) + SETTLE
        if ctx.now < due:
            ctx.requeue_at(member.cluster, due)
            return
    fail_in_wrong_state(ctx, member, probe, Cause.AGENT_ABSENT, words)


def fail_in_wrong_state(
    ctx: DecisionContext, member: Waiting, probe: Probe, cause: Cause | None, message: str
) -> None:
    """Fails a member whose cluster is in no state for its action. While a hold stops every start of
    its step the member waits instead (R8.10): a person may correct the cluster before they resume.
    Then the cluster is asked once more, as its feedback may be older than the correction."""
    step = ctx.step(member)
    if stops_all(step.step.hold) or stops_all(closed(ctx.snapshot, step, ctx.now)):
        member = ctx.set_reason(member, ReasonKind.WRONG_STATE, message, who=ActingParty.PERSON)
        probe_again(ctx, member, probe, PROBE_RETRY)
    elif member.reason.kind is ReasonKind.WRONG_STATE:
        ask(ctx, member)
    else:
        action = ctx.action(member)
        finish(ctx, member, Outcome.FAILED, cause=cause, message=message, failed_action=action)
