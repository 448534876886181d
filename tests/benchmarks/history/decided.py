"""The decisions of a leader about one member of a step, from its start to its end."""

from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.drivers.ibu.observe.ibu_view import IbuCondition, IbuView
from ibgu.core.model import (
    ActingParty,
    Arming,
    Cause,
    Change,
    ClusterView,
    CompletedAction,
    Kind,
    Member,
    MemberState,
    Observation,
    OnMember,
    OnPendingPatch,
    Outcome,
    PendingPatch,
    Reason,
    ReasonKind,
    RecordedDecision,
    RunResult,
    RunState,
    Waiting,
    WorkView,
)
from tests.members import changed_member
from tests.runs import changed

_FAILED = {
    Action.PREP: "precache job failed: failed to pull images from registry.site:5000",
    Action.UPGRADE: "Rollback due to LCA Init Monitor timeout, after 30m0s",
}
_CAUSE = {Action.PREP: Cause.PREP_FAILED, Action.UPGRADE: Cause.UPGRADE_FAILED}
_SEED = ("registry.example.com/seed:4.17.2", "4.17.2")


class Attempt(Struct, frozen=True):
    """Events of a member's only run, and their times."""

    action: Action
    run: str
    slot: int
    began: datetime
    ended: datetime
    limit: datetime
    fails: bool


class Decided(Struct, frozen=True):
    """The turns of one member in one step, and the member as they leave it."""

    starts: tuple[RecordedDecision, ...]
    started: Member
    runs: tuple[RecordedDecision, ...]
    running: Member
    ends: tuple[RecordedDecision, ...]
    over: Member
    settles: tuple[RecordedDecision, ...]


def waiting(
    rollout: str, step: int, cluster: str, uid: str, position: int, since: datetime
) -> Member:
    reason = Reason(ReasonKind.SLOT, since, "all slots are taken", None, ActingParty.IBGU)
    return Waiting(
        rollout=rollout, step=step, cluster=cluster, uid=uid, position=position, reason=reason
    )


def decided(waits: Member, attempt: Attempt) -> Decided:
    action, began, fails = attempt.action, attempt.began, attempt.fails
    started = _started(waits, attempt)
    shown = _with_run(started, state=RunState.ARMED, disarmed=False, armed_at=began)
    taken = _with_run(shown, state=RunState.ACCEPTED, accepted_at=began)
    ended = _with_run(taken, state=RunState.ENDED, ended_at=attempt.ended, **_result(action, fails))
    over = _finished(ended, attempt)
    words = "failed" if fails else "succeeded"
    seen = _seen(waits, attempt, ended=False)
    result = _seen(waits, attempt, ended=True)
    cause = _cause(action, fails)
    pending = _pending(waits, action, words)
    return Decided(
        starts=(
            OnMember(Kind.RUN_INTENDED, started, f"starts {action}", seen=seen),
            OnMember(Kind.RUN_ARMING, started, f"arms {action}"),
        ),
        started=started,
        runs=(
            OnMember(Kind.RUN_ARMED, shown, f"{action} is armed"),
            OnMember(Kind.RUN_ACCEPTED, taken, f"the cluster took {action}", seen=seen),
        ),
        running=taken,
        ends=(
            OnMember(Kind.RUN_ENDED, ended, f"{action} {words}", cause=cause,
                     warning=fails, seen=result),
            OnPendingPatch(Kind.LABELS_PENDING, pending, f"{action} {words}",
                           asked={"label": "", "other": None}),
            OnMember(Kind.RUN_DISARMED, over, "the stage work is disarmed"),
            OnMember(Kind.FINISHED, over, words, cause=cause, warning=fails),
        ),
        over=over,
        settles=(OnPendingPatch(
            Kind.LABELS_UPDATED, replace(pending, labels={}), "the hub shows it"),),
    )  # fmt: skip


def _started(waits: Member, attempt: Attempt) -> Member:
    began = attempt.began
    run = Arming(
        id=attempt.run,
        action=attempt.action,
        attempt=1,
        intended_at=began,
        arming_at=began,
    )
    words = "Precache job in progress. job-name: lca-prep-precache, no status file to read yet."
    return changed_member(
        waits,
        state=MemberState.IN_FLIGHT,
        slot=attempt.slot,
        limit=attempt.limit,
        started_at=began,
        reason=Reason(ReasonKind.RUNNING, began, words, None, ActingParty.CLUSTER),
        run=run,
        attempts=1,
    )


def _with_run(member: Member, **changes: Any) -> Member:
    assert member.run
    return replace(member, run=changed(member.run, **changes))


def _cause(action: Action, fails: bool) -> Cause | None:
    return _CAUSE[action] if fails else None


def _result(action: Action, fails: bool) -> dict[str, Any]:
    if not fails:
        return {"result": RunResult.SUCCEEDED}
    return {"result": RunResult.FAILED, "cause": _CAUSE[action], "message": _FAILED[action]}


def _finished(ended: Member, attempt: Attempt) -> Member:
    action, fails = attempt.action, attempt.fails
    return changed_member(
        _with_run(ended, disarmed=True),
        state=MemberState.FINISHED,
        slot=None,
        ended_at=attempt.ended,
        action_index=0 if fails else 1,
        outcome=Outcome.FAILED if fails else Outcome.SUCCEEDED,
        cause=_cause(action, fails),
        message=_FAILED[action] if fails else "",
        failed_action=action if fails else None,
        completed=() if fails else (CompletedAction(action, attempt.ended),),
    )


def _pending(waits: Member, action: Action, words: str) -> PendingPatch:
    key = f"lcm.openshift.io/ibgu-{action.lower()}-{'failed' if words == 'failed' else 'completed'}"
    pending = {key: Change(None, "")}
    return PendingPatch(uid=waits.uid, cluster=waits.cluster, rollout=waits.rollout, labels=pending)


def _seen(waits: Member, attempt: Attempt, *, ended: bool) -> Observation:
    action, fails = attempt.action, attempt.fails
    progress = IbuCondition("False", "Failed" if fails else "Completed", _FAILED[action])
    going_on = IbuCondition("True", "InProgress")
    ibu = IbuView(
        stage=action.value,
        generation=2,
        observed_generation=2,
        run=attempt.run,
        idle=IbuCondition("False", "InProgress"),
        prep_in_progress=progress if ended else going_on,
        prep_completed=IbuCondition("False" if fails else "True"),
        next_stages=frozenset({Stage.IDLE}),
        seed_image=_SEED[0],
        seed_version=_SEED[1],
    )
    work = WorkView(
        name="ibgu-stage",
        uid=waits.uid,
        resource_version="4711042",
        generation=3,
        armed=not ended,
        run=attempt.run,
        applied=True,
        target_applied=True,
        target_available="True",
        feedback=ibu,
    )
    cluster = ClusterView(
        name=waits.cluster,
        uid=waits.uid,
        accepted=True,
        deleting=False,
        reachable=True,
        local=False,
    )
    return Observation(cluster=cluster, stage=work)
