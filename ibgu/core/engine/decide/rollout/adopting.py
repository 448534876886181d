"""Adopts a rollout from TALM (R20.2) at the point where TALM has left it.

Adoption changes nothing on a cluster. An action that TALM has begun stays in flight and is judged
by what the cluster reports; R8 applies to everything else.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from ibgu.core.engine.decide import lifecycle
from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.member.patches import (
    MetadataChanges,
    annotations_with_pending,
    enqueue,
    enqueue_outcome,
    failure_labels,
    labels_with_pending,
    success_labels,
)
from ibgu.core.engine.gates import unbound
from ibgu.core.engine.timing.rate_limits import UNLIMITED
from ibgu.core.model import (
    Accepted,
    ActingParty,
    Cause,
    ClusterView,
    InFlight,
    Kind,
    Member,
    OnMember,
    OnStep,
    Reason,
    ReasonKind,
    RolloutState,
    Step,
    StepState,
    Waiting,
    carry_payload,
    names,
    traits,
)
from ibgu.core.model.bounds import LATEST
from ibgu.core.model.run_ids import run_id
from ibgu.core.model.transitions import note_begun, take_slot
from ibgu.core.talm import names as talm
from ibgu.core.talm.adopt import AdoptedStep, DeletedGroup, adopted_steps, left_to_talm
from ibgu.core.text.counted import counted


def foreign_controller(ctx: DecisionContext) -> Reason | None:
    """Returns why TALM, or what TALM has left behind, keeps everything from starting."""
    traces, rollout = ctx.snapshot.traces, ctx.rollout
    if ctx.talm_hold:
        return Reason(ReasonKind.TALM, ctx.now, ctx.talm_hold, None, ActingParty.PERSON)
    if rollout.adopting_since is not None:
        return _adopting(ctx) if traces.to_remove else None
    ours = bool(ctx.tracked.steps) or traces.complete(rollout.spec)
    if ctx.snapshot.adoption or (traces.begun and not ours):
        if ctx.snapshot.scope.problem:
            return unbound(_unbound(ctx), ctx.now)
        words = (
            "unfinished ClusterGroupUpgrades or steps of this IBGU are left from TALM: annotate "
            f"it with {names.ADOPT}=<a new value>, and ibgu takes it over where TALM has left it"
        )
        return Reason(ReasonKind.ADOPTION, ctx.now, words, None, ActingParty.PERSON)
    return None


def _unbound(ctx: DecisionContext) -> str:
    """Returns the message for a rollout that can't be adopted yet. TALM's ManifestWorks stay
    meanwhile, and keep other rollouts from its clusters."""
    then = (
        "ibgu takes it over"
        if _adoption_requested(ctx)
        else f"annotate it with {names.ADOPT}=<a new value>, and ibgu takes it over"
    )
    return (
        "TALM has begun this rollout and left it unfinished, and ibgu can't take it over yet: "
        f"{ctx.snapshot.scope.problem}. Once that is done, {then}"
    )


def _adoption_requested(ctx: DecisionContext) -> bool:
    found = ctx.snapshot.object
    wish = found.metadata.annotations.get(names.ADOPT) if found else None
    return wish is not None and names.journaled(wish) != ctx.rollout.controls.get(names.ADOPT)


def _adopting(ctx: DecisionContext) -> Reason:
    if left_to_talm(ctx.snapshot.traces, beside=ctx.facts.beside_talm):
        return _left_to_talm(ctx, ctx.snapshot.traces.deleting)
    words = (
        "takes over from TALM: its ManifestWorks and ClusterGroupUpgrades are being removed, "
        "no cluster changes by that"
    )
    return Reason(ReasonKind.ADOPTING, ctx.now, words)


def _left_to_talm(ctx: DecisionContext, deleting: Sequence[DeletedGroup]) -> Reason:
    """Returns the reason while a live TALM removes what it has made. Where another finalizer stays
    on a ClusterGroupUpgrade after TALM's, a person must act."""
    kept = [group for group in deleting if talm.FINALIZER not in group.finalizers]
    if kept:
        left = kept[0]
        words = (
            f"takes over from TALM: the ClusterGroupUpgrade {left.name} is deleted, and stays as "
            f"long as it has the finalizer {', '.join(left.finalizers)}; see who has set it"
        )
        return Reason(ReasonKind.ADOPTING, ctx.now, words, None, ActingParty.PERSON)
    words = (
        f"takes over from TALM: waits until TALM has deleted its ManifestWorks and taken its "
        f"finalizer off the ClusterGroupUpgrade {deleting[0].name}, no cluster changes by that"
    )
    return Reason(ReasonKind.ADOPTING, ctx.now, words)


def adopt(ctx: DecisionContext, value: str) -> str | None:
    """Adopts the rollout as a person asked, and returns the result; None: not possible yet, tried
    again later."""
    traces, rollout = ctx.snapshot.traces, ctx.rollout
    blocked = rollout.plan_refused or rollout.stands_still
    if ctx.talm_hold or blocked or ctx.snapshot.scope.problem:
        return None
    if not traces.left:
        return "TALM has left nothing of this IBGU on the hub"
    if ctx.tracked.steps:
        ctx.on_rollout(
            Kind.ADOPTED,
            lifecycle.adopt_rollout(ctx.rollout, _adopting(ctx), ctx.now),
            "removes what TALM has left",
            actor=ctx.snapshot.actor,
        )
        return "removes what TALM has left; ibgu's own record of the rollout stands"
    if wants_payload(ctx) and not ctx.snapshot.payload.read:
        return None
    return _take_over(ctx)


def wants_payload(ctx: DecisionContext) -> bool:
    """Whether the running step brings ConfigMaps to the clusters, which must be read first."""
    running = [group for group in ctx.snapshot.traces.begun if not group.finished]
    return any(carry_payload(group.actions) for group in running)


def import_finished(ctx: DecisionContext) -> None:
    """Records an IBGU that TALM has completed, so that it does not run again."""
    rollout = ctx.rollout
    untouched = not ctx.tracked.steps and rollout.state is RolloutState.PENDING
    free = rollout.hold is None and not ctx.snapshot.scope.problem
    if untouched and free and ctx.snapshot.traces.complete(rollout.spec):
        ctx.on_rollout(
            Kind.ADOPTED,
            lifecycle.start_rollout(rollout, _began(ctx)),
            "TALM has carried it out to its end",
        )
        _import(ctx)


def _take_over(ctx: DecisionContext) -> str:
    started = lifecycle.start_rollout(ctx.rollout, _began(ctx))
    ctx.on_rollout(
        Kind.ADOPTED,
        lifecycle.adopt_rollout(started, _adopting(ctx), ctx.now),
        "takes over from TALM",
        actor=ctx.snapshot.actor,
    )
    _import(ctx)
    running = ctx.tracked.current
    if running is None:
        return f"taken over from TALM: {counted(len(ctx.tracked.steps), 'step')} finished"
    left, begun = running.unfinished, len(running.in_flight)
    return (
        f"taken over from TALM in step {running.step.index + 1}: "
        f"{counted(left, 'cluster')} not done, {begun} of them under way"
    )


def _began(ctx: DecisionContext) -> datetime:
    times = [group.started_at for group in ctx.snapshot.traces.begun if group.started_at]
    return min(times, default=ctx.now)


def _import(ctx: DecisionContext) -> None:
    def run_id_of(member: Member, attempt: int) -> str:
        """Returns the id of TALM's run, which no cluster carries: it tells no action."""
        return run_id(member.rollout, member.uid, "", member.step, attempt, ctx.now)

    traces = ctx.snapshot.traces
    found = list(adopted_steps(ctx.rollout, traces, lambda n: _within(ctx, n), run_id_of, ctx.now))
    for adopted in found:
        _import_step(ctx, adopted)
    for adopted in found:
        _take_import_over(ctx, adopted)
    if found:
        _enqueue_missing_labels(ctx, found[-1])


def _within(ctx: DecisionContext, name: str) -> ClusterView | None:
    """Returns the cluster if the namespace may use it: a ClusterGroupUpgrade may name any
    cluster."""
    cluster = ctx.observe(name).cluster
    return cluster if cluster and ctx.snapshot.scope.includes(cluster.labels) else None


def _import_step(ctx: DecisionContext, adopted: AdoptedStep) -> None:
    step = replace(adopted.step, across_namespaces=ctx.fleet.across_namespaces)
    if step.state is StepState.RUNNING and carry_payload(step.actions):
        step = replace(step, payload_digest=ctx.snapshot.payload.digest)
    ctx.decide(
        OnStep(Kind.STEP_ADOPTED, step, _adoption_text(ctx, adopted), warning=bool(adopted.gone))
    )
    slot = 0
    for found in adopted.members:
        run = adopted.begun.get(found.cluster)
        member: Member = found
        if run is not None and isinstance(found, Waiting):
            member = _placed(ctx, step, found, run, slot + 1)
            slot = member.slot or slot
        ctx.decide(OnMember(Kind.MEMBER_ADOPTED, member, _stands(member), member.cause))


def _adoption_text(ctx: DecisionContext, adopted: AdoptedStep) -> str:
    step, scope = adopted.step, ctx.snapshot.scope
    words = f"step {step.index + 1} as TALM has left it: {counted(len(adopted.members), 'cluster')}"
    gone = [name for name in adopted.gone if ctx.observe(name).cluster is None]
    outside = [name for name in adopted.gone if name not in gone]
    if gone:
        words += f"; no longer on the hub: {', '.join(gone)}"
    if outside:
        words += (
            f"; {scope.outside}, and left as they are: {', '.join(outside)}. To take them, bind "
            f"their set with: {scope.bind}, then create another ImageBasedGroupUpgrade for them"
        )
    return words


def _stands(member: Member) -> str:
    if member.run is not None:
        return f"TALM has begun {member.run.action}"
    return f"TALM: {member.outcome}" if member.outcome else "TALM has not begun"


def _placed(
    ctx: DecisionContext, step: Step, member: Waiting, run: Accepted, slot: int
) -> Waiting | InFlight:
    """Gives the member the slot, a limit and the run that TALM has begun; without a free place it
    waits."""
    if slot > step.max_concurrency or member.uid in ctx.fleet.claims:
        return member
    share = step.timeout / UNLIMITED.waves(step.total, step.max_concurrency)
    words = f"TALM has begun {run.action}; asks the cluster how it goes"
    begun = note_begun(member, run, Reason(ReasonKind.RUNNING, ctx.now, words))
    return take_slot(begun, run, slot=slot, limit=min(LATEST, ctx.now + share))


# -- labels and annotations --------------------------------------------------------------------


def _enqueue_missing_labels(ctx: DecisionContext, last: AdoptedStep) -> None:
    """Enqueues the labels that TALM has not written. TALM writes labels before its status: what the
    status shows was labelled, and since then the labels are a person's."""
    labelled = ctx.snapshot.traces.labelled
    for member, cluster in _on_hub(ctx, last):
        wishes: MetadataChanges = {}
        for done in member.completed:
            if (member.cluster, done.action) not in labelled:
                shown = {**labels_with_pending(ctx, cluster), **dict.fromkeys(wishes, "")}
                wishes |= success_labels(done.action, shown)
        failed = member.failed_action if member.cause is Cause.TIMED_OUT else None
        if failed is not None and (member.cluster, failed) not in labelled:
            wishes |= failure_labels(failed)
        if wishes:
            enqueue_outcome(ctx, cluster, wishes, {}, "TALM ended it, and wrote no labels yet")


def _on_hub(ctx: DecisionContext, adopted: AdoptedStep) -> list[tuple[Member, ClusterView]]:
    found = [(member, ctx.observe(member.cluster).cluster) for member in adopted.members]
    return [(member, cluster) for member, cluster in found if cluster is not None]


def _take_import_over(ctx: DecisionContext, adopted: AdoptedStep) -> None:
    """Marks disable-auto-import as ours, so that this rollout removes it (R14.3)."""
    if not any(traits(action).import_off for action in adopted.step.actions):
        return
    for _, cluster in _on_hub(ctx, adopted):
        enqueue(ctx, cluster, _import_by_us(ctx, cluster), "TALM has turned automatic import off")


def _import_by_us(ctx: DecisionContext, cluster: ClusterView) -> MetadataChanges:
    found = annotations_with_pending(ctx, cluster)
    if names.DISABLE_AUTO_IMPORT not in found or names.AUTO_IMPORT_BY in found:
        return {}
    return {names.AUTO_IMPORT_BY: ctx.rollout.uid}
