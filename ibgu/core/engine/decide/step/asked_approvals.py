"""Notes the approvals for which clusters of the running step wait: events of single clusters would
be thousands, and the journal has none of those that wait."""

from collections.abc import Iterator

from ibgu.core.engine.decide import lifecycle
from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.gates import MemberGate
from ibgu.core.engine.state import TrackedStep
from ibgu.core.model import Kind, Member, MemberState, PolicyRule, StepState
from ibgu.core.model.grants import AskedApproval, point_words
from ibgu.core.plan.approvers import missing_approvers


def note_asked_approvals(ctx: DecisionContext) -> None:
    """Notes each approval for which the first cluster waits, or that is no longer needed. Clusters
    that are left to the next cycle, which follows at once, may show another reason then."""
    if ctx.rollout.deleted_at is not None or ctx.result.remaining:
        return
    tracked = ctx.tracked.current
    running = tracked is not None and tracked.step.state is StepState.RUNNING
    missing = {each.key: each for each in _missing(ctx, tracked)} if tracked and running else {}
    for each in ctx.rollout.grants.asked:
        if each.key not in missing and _is_settled(ctx, tracked, each):
            point = point_words(each.step + 1, each.before)
            words = f"no cluster waits any more until people approve {point} for {each.gate}"
            _note(ctx, each, None, words)
    for each in missing.values():
        if each not in ctx.rollout.grants.asked:
            waits = f"clusters of step {each.step + 1} wait for approval by {each.gate}"
            _note(ctx, each, each, f"{waits}: {each.message}")


def _missing(ctx: DecisionContext, tracked: TrackedStep) -> Iterator[AskedApproval]:
    """Yields what is missing, in the words of the first cluster that waits for it."""
    for (gate, before), places in tracked.unapproved.items():
        message = tracked.members[places[0][1]].reason.message
        yield AskedApproval(tracked.step.index, gate, before, message)


def _is_settled(ctx: DecisionContext, tracked: TrackedStep | None, asked: AskedApproval) -> bool:
    """Whether an approval for which no cluster waits has been given or is no longer needed. Those
    that waited may only be unreachable, or outside of the policy's window now."""
    if tracked is None or tracked.step.index != asked.step:
        return True
    grants, policies = ctx.rollout.grants, ctx.snapshot.policies
    named = (gate for gate in policies if gate.name == asked.gate)
    needed = [gate.approval for gate in named if isinstance(gate, MemberGate) and gate.approval]
    if grants.passes(asked.gate, ctx.now):
        return True
    if not needed:
        return not any(gate.rule == PolicyRule.UNKNOWN for gate in policies)
    asking = [each.asked for each in needed]
    if missing_approvers(asking, grants, asked.step, asked.before, ctx.now) is None:
        return True
    views = (ctx.snapshot.cluster(each.cluster) for each in _before(tracked, asked))
    found = (view for view in views if view is not None)
    return not any(each.selects(view) for view in found for each in needed)


def _before(tracked: TrackedStep, asked: AskedApproval) -> Iterator[Member]:
    """Yields the members that still come to what has to be approved."""
    actions = tracked.step.actions
    for member in tracked.members.values():
        waits = member.state is MemberState.WAITING
        acts = not member.finished and asked.before in actions[member.action_index :]
        if waits or acts:
            yield member


def _note(ctx: DecisionContext, old: AskedApproval, new: AskedApproval | None, words: str) -> None:
    others = tuple(each for each in ctx.rollout.grants.asked if each.key != old.key)
    asked = others if new is None else (*others, new)
    ctx.on_rollout(Kind.APPROVAL_ASKED, lifecycle.ask_approvals(ctx.rollout, asked), words)
