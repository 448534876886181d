"""Members without a hold: what keeps them, what a look says (R2, R6, R8, R12)."""

from ibgu.core.claims import cancelled_by, takes_over_from, works_on
from ibgu.core.decide.arming import may_reboot, talm_work
from ibgu.core.decide.ending import finish, skip_action
from ibgu.core.decide.looking import known_state, look_again, unanswered
from ibgu.core.decide.restored import hold_words
from ibgu.core.decide.turn import Turn
from ibgu.core.fleet import Holder
from ibgu.core.model import (
    Cause,
    ClusterView,
    Kind,
    Member,
    Observation,
    Outcome,
    ReasonKind,
    RolloutState,
    RunResult,
    Who,
)
from ibgu.core.observe import JudgementKind, judge
from ibgu.core.times import LOOK_RETRY


def decide_waiting(turn: Turn, member: Member) -> None:
    seen = turn.observe(member.cluster)
    if turn.rollout.stands_still:
        _block(turn, member, ReasonKind.RESTORED, hold_words(turn), Who.PERSON)
        return
    if _over(turn, member, seen.cluster) or _blocked(turn, member, seen):
        return
    if _withdrawn_run_came_back(member, seen):
        turn.waits(member, ReasonKind.REOPENING, "the cluster took the withdrawn run after all")
    elif member.look is not None:
        _looked(turn, member, seen)
    elif _feedback_suffices(turn, member, seen):
        _ready(turn, member)
    else:
        turn.waits(member, ReasonKind.SLOT, "waits for a slot")


def _ready(turn: Turn, member: Member) -> None:
    """Who is put off by jitter stays so until its slot comes to it again."""
    if member.reason.kind is not ReasonKind.START_JITTER:
        turn.waits(member, ReasonKind.READY, "ready, waits for a slot")


def _feedback_suffices(turn: Turn, member: Member, seen: Observation) -> bool:
    """In later steps the work's own feedback is the look, if nobody else acts there (R8.4)."""
    work = seen.stage
    own = member.step > 0 and len(turn.fleet.rollouts_of[member.cluster]) == 1
    if not (own and work and work.settled and work.ibu and work.ibu.current):
        return False
    found = judge(work.ibu, turn.action(member), turn.rollout.spec)
    return work.ibu.run == work.run and found.kind is JudgementKind.STARTABLE


def _over(turn: Turn, member: Member, cluster: ClusterView | None) -> bool:
    """End a waiting member that will never start."""
    canceller = turn.canceller(member)
    if turn.rollout.state is RolloutState.DELETED:
        _end(turn, member, Outcome.CANCELLED, Cause.DELETED, "the rollout was deleted")
    elif cluster is None:
        _end(turn, member, Outcome.FAILED, Cause.GONE, "the ManagedCluster was deleted")
    elif cluster.uid != member.uid:
        _end(turn, member, Outcome.FAILED, Cause.RECREATED, "the ManagedCluster was re-created")
    elif canceller:
        _end(turn, member, Outcome.CANCELLED, Cause.CANCELLED, cancelled_by(canceller))
    else:
        return False
    return True


def _end(turn: Turn, member: Member, outcome: Outcome, cause: Cause, message: str) -> None:
    action = turn.action(member)
    finish(turn, member, outcome, cause=cause, message=message, failed_action=action)


def _blocked(turn: Turn, member: Member, seen: Observation) -> bool:
    """Note what keeps the member from being looked at; an old look is then worth nothing."""
    cluster, hold = seen.cluster, turn.rollout.hold
    assert cluster is not None
    if hold is not None:
        return _block(turn, member, hold.kind, hold.message, hold.who)
    if not turn.snapshot.scope.includes(cluster.labels):
        return _block(turn, member, ReasonKind.UNBOUND, _outside(turn), Who.PERSON)
    if cluster.deleting:
        return _block(turn, member, ReasonKind.UNREACHABLE, "the ManagedCluster is being deleted")
    if seen.stage is not None and seen.stage.terminating:
        words = f"waits until the old ManifestWork {seen.stage.name} is gone"
        return _block(turn, member, ReasonKind.TERMINATING, words)
    if seen.talm:
        return _block(turn, member, ReasonKind.TALM_WORK, talm_work(seen), Who.PERSON)
    if _claimed(turn, member):
        return True
    if not cluster.reachable:
        return _dark(turn, member)
    return False


def _outside(turn: Turn) -> str:
    scope = turn.snapshot.scope
    return scope.problem or f"{scope.outside}; bind its set with: {scope.bind}"


def _dark(turn: Turn, member: Member) -> bool:
    """A cluster that went dark right after an Upgrade was sent to it may be at it (R12.1)."""
    run = member.run
    sent = run is not None and run.result is RunResult.WITHDRAWN and run.armed_at is not None
    if run is not None and sent and run.action.reboots:
        return _block(turn, member, ReasonKind.REBOOTING, may_reboot(run))
    return _block(turn, member, ReasonKind.UNREACHABLE, "the cluster is not reachable")


def _block(
    turn: Turn, member: Member, kind: ReasonKind, message: str, who: Who = Who.CLUSTER
) -> bool:
    _drop_look(turn, member)
    turn.waits(turn.again(member), kind, message, who=who)
    return True


def _drop_look(turn: Turn, member: Member) -> None:
    if member.look is not None:
        turn.on_member(Kind.LOOKED, member, "the look is no longer valid", look=None)


def _claimed(turn: Turn, member: Member) -> bool:
    holder = turn.fleet.holds.get(member.uid)
    if holder is None or holder.rollout == member.rollout:
        return False
    other = turn.fleet.rollouts[holder.rollout].rollout
    if _may_preempt(turn, member, holder):
        words = takes_over_from(turn.named(other.full_name))
        return _block(turn, member, ReasonKind.PREEMPTING, words, Who.IBGU)
    words = works_on(turn.named(other.full_name))
    return _block(turn, member, ReasonKind.CLAIM, words, Who.IBGU)


def _may_preempt(turn: Turn, member: Member, holder: Holder) -> bool:
    """Older rollouts yield, but for a step that cancels too: the first to hold wins (R6.5)."""
    mine, tracked = turn.step(member).step, turn.fleet.rollouts[holder.rollout]
    allowed = mine.across_namespaces or tracked.rollout.namespace == turn.rollout.namespace
    yields = (
        tracked.rollout.age < turn.rollout.age and not tracked.steps[holder.step].step.first.cancels
    )
    return mine.first.cancels and allowed and yields


def _withdrawn_run_came_back(member: Member, seen: Observation) -> bool:
    """The cluster took it. In another stage by now, somebody has taken it over (R9.5, R9.6)."""
    run, work = member.run, seen.stage
    return bool(
        run
        and run.result is RunResult.WITHDRAWN
        and run.arming_at
        and work
        and work.settled
        and work.ibu
        and work.ibu.run == run.id
        and work.ibu.current
    )


def _looked(turn: Turn, member: Member, seen: Observation) -> None:
    ibu = known_state(member, seen)
    if ibu is None:
        unanswered(turn, member, seen)
        return
    action = turn.action(member)
    found = judge(ibu, action, turn.rollout.spec)
    if found.kind is JudgementKind.STARTABLE:
        _ready(turn, member)
    elif found.kind is JudgementKind.BUSY:
        turn.waits(member, ReasonKind.BUSY, found.message, who=Who.CLUSTER)
        look_again(turn, member, LOOK_RETRY)
    elif found.kind is JudgementKind.REACHED:
        _reached(turn, skip_action(turn, member, action, found.note), seen)
    else:
        assert found.cause is not None
        _end(turn, member, Outcome.FAILED, found.cause, found.message)


def _reached(turn: Turn, member: Member, seen: Observation) -> None:
    if member.action_index < len(turn.step(member).step.actions):
        _looked(turn, member, seen)
    else:
        finish(turn, member, Outcome.SUCCEEDED)
