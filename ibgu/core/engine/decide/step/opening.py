"""Takes a step's membership from one consistent list when the step starts; it is fixed then
(R2)."""

from collections.abc import Iterable, Sequence

from ibgu.core.engine.decide import lifecycle
from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.step.preflight import take_findings
from ibgu.core.engine.gates import unbound, unusable
from ibgu.core.engine.state import TrackedStep
from ibgu.core.model import (
    ActingParty,
    ClusterView,
    Kind,
    OnMember,
    Reason,
    ReasonKind,
    RolloutState,
    Step,
    carry_payload,
    traits,
    transitions,
)
from ibgu.core.plan import Scope, select, why_nobody, within_reach
from ibgu.core.text.counted import counted


def start_listed_step(
    ctx: DecisionContext, tracked: TrackedStep, clusters: Sequence[ClusterView]
) -> None:
    """Starts the opening step with the clusters that match; `clusters` is the whole list.

    A held rollout, a namespace that may use no cluster, or a payload that can't be sent keeps the
    step closed: no cluster is touched.
    """
    reason = ctx.rollout.hold or _scope_problem(ctx) or _payload_problem(ctx, tracked.step)
    if reason is not None:
        _keep_closed(ctx, tracked.step, reason)
    else:
        _start_step(ctx, tracked.step, clusters)


def _scope_problem(ctx: DecisionContext) -> Reason | None:
    problem = ctx.snapshot.scope.problem
    return unbound(problem, ctx.now) if problem else None


def _payload_problem(ctx: DecisionContext, step: Step) -> Reason | None:
    return unusable(ctx.snapshot.payload, ctx.now) if carry_payload(step.actions) else None


def _keep_closed(ctx: DecisionContext, step: Step, reason: Reason) -> None:
    if step.hold is None or step.hold.message != reason.message:
        warning = reason.who is ActingParty.PERSON
        held = lifecycle.set_hold(step, reason)
        ctx.on_step(Kind.STEP_HELD, held, reason.message, warning=warning)


def _start_step(ctx: DecisionContext, step: Step, clusters: Sequence[ClusterView]) -> None:
    selectors, scope = ctx.rollout.spec.cluster_label_selectors, ctx.snapshot.scope
    barred = set() if traits(step.first).cancels else ctx.fleet.barred(ctx.rollout)
    asked = (selectors, step.first, ctx.fleet.pending_patches, barred, scope)
    chosen = select(clusters, *asked)
    words = _starts_with(chosen, scope) or why_nobody(within_reach(clusters, scope), *asked)
    if ctx.rollout.state is RolloutState.PENDING:
        ctx.on_rollout(
            Kind.ROLLOUT_STARTED,
            lifecycle.start_rollout(ctx.rollout, ctx.now),
            "the rollout starts",
        )
    digest = ctx.snapshot.payload.digest if carry_payload(step.actions) else ""
    started = lifecycle.start_step(step, len(chosen), digest, ctx.now)
    said = f"step {step.index + 1}{'' if chosen else ':'} {words}"
    ctx.on_step(Kind.STEP_STARTED, started, said, warning=not chosen)
    take_findings(ctx, ctx.tracked.steps[step.index], [cluster.name for cluster in chosen])
    _join(ctx, started, chosen)
    # Those that the step has not taken may wait for it no longer, to resume what is paused.
    ctx.result.remaining += [name for each in ctx.tracked.steps for name in each.paused]


def _starts_with(chosen: Sequence[ClusterView], scope: Scope) -> str:
    """Returns how many clusters start; empty: none does."""
    if not chosen:
        return ""
    words = f"starts with {counted(len(chosen), 'cluster')}"
    if scope.bounded:
        words += f" of the cluster sets that are bound to namespace {scope.namespace}"
    return words


def _join(ctx: DecisionContext, step: Step, chosen: Iterable[ClusterView]) -> None:
    for position, cluster in enumerate(chosen):
        reason = Reason(ReasonKind.SLOT, ctx.now, "waits for a slot")
        member = transitions.join(step, cluster.name, cluster.uid, position, reason)
        ctx.result.joining.append(OnMember(Kind.JOINED, member, "belongs to the step"))
