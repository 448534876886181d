"""What the journal writes of one member of a step: the code's own rows, as templates."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.model import (
    Action,
    Cause,
    Change,
    ClusterView,
    CompletedAction,
    Debt,
    IbuCondition,
    IbuView,
    Kind,
    Member,
    MemberState,
    Observation,
    OnDebt,
    OnMember,
    Outcome,
    Reason,
    ReasonKind,
    Run,
    RunResult,
    RunState,
    Stage,
    Who,
    WorkView,
)
from ibgu.db.journal.batch import Told
from ibgu.db.journal.fencing import Place
from ibgu.db.journal.history import event_rows
from ibgu.db.rows import Row, member_row, run_row
from ibgu.db.schema import events, members, runs
from tests.benchmarks.history.copying import template

BEGAN = datetime(2001, 1, 1, tzinfo=UTC)
ENDED = datetime(2002, 1, 1, tzinfo=UTC)
LIMIT = datetime(2003, 1, 1, tzinfo=UTC)
AT = datetime(2004, 1, 1, tzinfo=UTC)
_POSITION, _SLOT, _SEQ = 987_001, 987_002, 987_003
_MARKS = {
    str(_POSITION): "@position@",
    str(_SLOT): "@slot@",
    str(_SEQ): "@seq@",
    **{
        form: f"@{name}@"
        for name, moment in {"began": BEGAN, "ended": ENDED, "limit": LIMIT, "at": AT}.items()
        for form in (moment.isoformat(), moment.isoformat().replace("+00:00", "Z"))
    },
}
"""What is told by numbers and moments, and so can't carry the name of its place itself."""
_FAILED = {
    Action.PREP: "precache job failed: failed to pull images from registry.site:5000",
    Action.UPGRADE: "Rollback due to LCA Init Monitor timeout, after 30m0s",
}
_CAUSE = {Action.PREP: Cause.PREP_FAILED, Action.UPGRADE: Cause.UPGRADE_FAILED}
_SEED = ("registry.example.com/seed:4.17.2", "4.17.2")


class Life(Struct, frozen=True):
    """Lines of COPY, to be filled in."""

    joins: tuple[str, ...]
    starts: tuple[str, ...]
    runs: tuple[str, ...]
    ends: tuple[str, ...]
    settles: tuple[str, ...]
    waiting: str
    """Lines of `members`; the state in which it is."""
    in_flight: str
    finished: str
    running: str
    """Lines of `runs`."""
    over: str


@cache
def life(hub: str, step: int, action: Action, *, fails: bool) -> Life:
    waits = Member(
        rollout="@rollout@",
        step=step,
        cluster="@cluster@",
        uid="@uid@",
        position=_POSITION,
        reason=Reason(ReasonKind.SLOT, BEGAN, "all slots are taken", None, Who.IBGU),
    )
    began = _began(waits, action)
    shown = _with_run(began, state=RunState.ARMED, disarmed=False, armed_at=BEGAN)
    taken = _with_run(shown, state=RunState.ACCEPTED, accepted_at=BEGAN)
    ended = _with_run(taken, state=RunState.ENDED, ended_at=ENDED, **_result(action, fails))
    over = _finished(ended, action, fails)
    words = "failed" if fails else "succeeded"
    seen, result = _seen(action, ended=False, fails=fails), _seen(action, ended=True, fails=fails)
    owed = _debt(action, words)
    return Life(
        joins=_told(hub, OnMember(Kind.JOINED, waits, "belongs to the step")),
        starts=_told(
            hub,
            OnMember(Kind.RUN_INTENDED, began, f"starts {action}", seen=seen),
            OnMember(Kind.RUN_ARMING, began, f"arms {action}"),
        ),
        runs=_told(
            hub,
            OnMember(Kind.RUN_ARMED, shown, f"{action} is armed"),
            OnMember(Kind.RUN_ACCEPTED, taken, f"the cluster took {action}", seen=seen),
        ),
        ends=_told(
            hub,
            OnMember(Kind.RUN_ENDED, ended, f"{action} {words}", cause=_cause(action, fails),
                     warning=fails, seen=result),
            OnDebt(Kind.OWED, owed, f"{action} {words}", asked={"label": "", "other": None}),
            OnMember(Kind.RUN_DISARMED, over, "the stage work is disarmed"),
            OnMember(Kind.FINISHED, over, words, cause=_cause(action, fails), warning=fails),
        ),
        settles=_told(hub, OnDebt(Kind.SETTLED, replace(owed, labels={}), "the hub shows it")),
        waiting=_line(members, member_row(hub, waits)),
        in_flight=_line(members, member_row(hub, taken)),
        finished=_line(members, member_row(hub, over)),
        running=_run_line(hub, taken),
        over=_run_line(hub, over),
    )  # fmt: skip


def _began(waits: Member, action: Action) -> Member:
    run = Run(
        id="@run@",
        action=action,
        attempt=1,
        state=RunState.ARMING,
        intended_at=BEGAN,
        arming_at=BEGAN,
    )
    words = "Precache job in progress. job-name: lca-prep-precache, no status file to read yet."
    return replace(
        waits,
        state=MemberState.IN_FLIGHT,
        slot=_SLOT,
        limit=LIMIT,
        started_at=BEGAN,
        reason=Reason(ReasonKind.RUNNING, BEGAN, words, None, Who.CLUSTER),
        run=run,
        attempts=1,
    )


def _with_run(member: Member, **changes: Any) -> Member:
    assert member.run
    return replace(member, run=replace(member.run, **changes))


def _cause(action: Action, fails: bool) -> Cause | None:
    return _CAUSE[action] if fails else None


def _result(action: Action, fails: bool) -> dict[str, Any]:
    if not fails:
        return {"result": RunResult.SUCCEEDED}
    return {"result": RunResult.FAILED, "cause": _CAUSE[action], "message": _FAILED[action]}


def _finished(ended: Member, action: Action, fails: bool) -> Member:
    return replace(
        _with_run(ended, disarmed=True),
        state=MemberState.FINISHED,
        slot=None,
        ended_at=ENDED,
        action_index=0 if fails else 1,
        outcome=Outcome.FAILED if fails else Outcome.SUCCEEDED,
        cause=_cause(action, fails),
        message=_FAILED[action] if fails else "",
        failed_action=action if fails else None,
        completed=() if fails else (CompletedAction(action, ENDED),),
    )


def _debt(action: Action, words: str) -> Debt:
    key = f"lcm.openshift.io/ibgu-{action.lower()}-{'failed' if words == 'failed' else 'completed'}"
    owed = {key: Change(None, "")}
    return Debt(uid="@uid@", cluster="@cluster@", rollout="@rollout@", labels=owed)


def _seen(action: Action, *, ended: bool, fails: bool) -> Observation:
    progress = IbuCondition("False", "Failed" if fails else "Completed", _FAILED[action])
    going_on = IbuCondition("True", "InProgress")
    ibu = IbuView(
        stage=action.value,
        generation=2,
        observed_generation=2,
        run="@run@",
        idle=IbuCondition("False", "InProgress"),
        prep_in_progress=progress if ended else going_on,
        prep_completed=IbuCondition("False" if fails else "True"),
        next_stages=frozenset({Stage.IDLE}),
        seed_image=_SEED[0],
        seed_version=_SEED[1],
    )
    work = WorkView(
        name="ibgu-stage",
        uid="@uid@",
        resource_version="4711042",
        generation=3,
        armed=not ended,
        run="@run@",
        applied=True,
        ibu_applied=True,
        ibu_available="True",
        ibu=ibu,
    )
    cluster = ClusterView(
        name="@cluster@", uid="@uid@", accepted=True, deleting=False, reachable=True, local=False
    )
    return Observation(cluster=cluster, stage=work)


def _told(hub: str, *decisions: OnMember | OnDebt) -> tuple[str, ...]:
    return told_at(hub, AT, decisions)


def told_at(hub: str, at: datetime, decisions: tuple[Told, ...]) -> tuple[str, ...]:
    """Lines of `events`, to be filled in."""
    rows = event_rows(hub, Place(1, 1, _SEQ), at, decisions)
    return tuple(_line(events, row | {"seq": _SEQ}) for row in rows)


def _run_line(hub: str, member: Member) -> str:
    assert member.run
    return _line(runs, run_row(hub, member, member.run))


def _line(table: Any, row: Row) -> str:
    return template(table, row, _MARKS)
