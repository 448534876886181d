"""Turns decisions into events, whose `data` suffices to check a rollout from its events alone."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, assert_never

from ibgu.core.engine.gates.registry import stops_all
from ibgu.core.model import (
    Change,
    InFlight,
    Kind,
    Member,
    OnMember,
    OnPendingPatch,
    OnRollout,
    OnStep,
    Outcome,
    PendingPatch,
    Reason,
    RecordedDecision,
    Rollout,
    Run,
    Step,
    is_warning,
)
from ibgu.db.journal.evidence import evidence
from ibgu.db.rows import Row

_WITH_PLAN = frozenset({Kind.ROLLOUT_SEEN, Kind.PLAN_ACCEPTED, Kind.IMPORTED})
_WITH_RUN = frozenset(kind for kind in Kind if kind.name.startswith("RUN_")) | {
    Kind.RETURNED,
    Kind.ACTION_REPEATED,
    Kind.FINISHED,
    Kind.DETAILED,
    Kind.COMPLETED_LATE,
    Kind.AUTO_IMPORT_OFF,
    Kind.UNWATCHED,
    Kind.MEMBER_ADOPTED,
    Kind.IMPORTED,
}
_NOT_OF_A_MEMBER = {"step": None, "cluster": None, "cluster_uid": None, "run": None}


def event_rows(
    hub: str, epoch: int, at: datetime, decisions: Iterable[RecordedDecision], first: int = 1
) -> list[Row]:
    """Returns the rows of the events. `first`: the number of the first; those of a commit count
    from 1, and Postgres shifts them."""
    return [
        {
            "cause": None,
            "warning": False,
            "actor": "",
            **_NOT_OF_A_MEMBER,
            **_columns(decision),
            "hub": hub,
            "seq": seq,
            "epoch": epoch,
            "at": at,
            "kind": decision.kind.value,
            "why": decision.why,
        }
        for seq, decision in enumerate(decisions, first)
    ]


def _columns(decision: RecordedDecision) -> Row:
    match decision:
        case OnRollout(rollout=rollout):
            return {
                "rollout": rollout.uid,
                "warning": is_warning(decision),
                "actor": decision.actor,
                "data": _rollout(rollout, decision.kind)
                | ({"failed": decision.failed} if decision.failed else {}),
            }
        case OnStep(step=step):
            return {
                "rollout": step.rollout,
                "step": step.index,
                "warning": is_warning(decision),
                "actor": decision.actor,
                "data": _step(step, decision.kind),
            }
        case OnMember(member=member):
            return {
                "rollout": member.rollout,
                "step": member.step,
                "cluster": member.cluster,
                "cluster_uid": member.uid,
                "run": member.run.id if member.run and decision.kind in _WITH_RUN else None,
                "warning": is_warning(decision),
                "cause": decision.cause and decision.cause.value,
                "actor": decision.actor,
                "data": _member(member, decision),
            }
        case OnPendingPatch(pending=pending):
            return {
                "rollout": pending.rollout,
                "cluster": pending.cluster,
                "cluster_uid": pending.uid,
                "data": _pending(pending, decision.asked),
            }
        case _:
            assert_never(decision)


def _rollout(rollout: Rollout, kind: Kind) -> dict[str, Any]:
    data = {
        "namespace": rollout.namespace,
        "name": rollout.name,
        "generation": rollout.generation,
        "state": rollout.state,
        **_hold(rollout.hold),
    }
    if kind in _WITH_PLAN:
        release = rollout.spec.release
        data |= {
            "plan": rollout.spec.plan,
            "seed": [release.image, release.version],
            "created_at": rollout.created_at,
            "kind": rollout.kind,
        }
        if (update := rollout.spec.update) is not None and update.backup is not None:
            data["backup_minutes"] = update.backup.max_age_minutes
        if update is not None and update.via is not None:
            data["via"] = [update.via.image, update.via.version]
    if kind is Kind.CONTROL:
        data["controls"] = rollout.controls
    if kind in (Kind.APPROVAL, Kind.BREAK_GLASS):
        data["grants"] = rollout.grants
    if kind is Kind.APPROVAL_ASKED:
        data["asked"] = rollout.grants.asked
    return data


def _step(step: Step, kind: Kind) -> dict[str, Any]:
    data = {
        "actions": step.actions,
        "max_concurrency": step.max_concurrency,
        "timeout_seconds": step.timeout.total_seconds(),
        "total": step.total,
        "state": step.state,
        **_hold(step.hold if stops_all(step.hold) else None),
        **({} if step.across_namespaces else {"across_namespaces": False}),
    }
    if kind is Kind.PREFLIGHT and step.preflight is not None:
        data["preflight"] = step.preflight
    if kind is Kind.CANARY_WELL:
        data["well"] = step.follow_ups.well[-1].uid
        data["policy"] = step.follow_ups.well[-1].policy
    if kind is Kind.FOLLOW_UP:
        data["follow_ups"] = step.follow_ups.made
    return data | {"started_at": step.started_at} if kind is Kind.IMPORTED else data


def _member(member: Member, decision: OnMember) -> dict[str, Any]:
    kind, seen = decision.kind, decision.seen
    data: dict[str, Any] = {"state": member.state, "slot": member.slot, "limit": member.limit}
    if kind is Kind.JOINED:
        data["position"] = member.position
    elif kind is Kind.MEMBER_ADOPTED:
        data["action_index"] = member.action_index
        data["taken"] = member.run is not None and member.run.armed_at is not None
    elif kind is Kind.IMPORTED:
        data |= _imported(member)
    elif kind is Kind.RUN_PROGRESS and isinstance(member, InFlight) and member.reason.until:
        data["until"] = member.reason.until
    elif kind is Kind.WARNING_ACCEPTED:
        data["accepted"] = member.accepted_warning
    elif kind is Kind.ACTION_SKIPPED:
        data |= {"action": member.completed[-1].action, "note": member.completed[-1].note}
    if member.finished:
        data |= {
            "outcome": member.outcome,
            "failed_action": member.failed_action,
            "message": member.message,
            "late": member.late,
        }
    if (run := member.run) and kind in _WITH_RUN:
        data |= _run(run)
    if decision.facts is not None:
        data["facts"] = decision.facts
    if decision.relabels:
        data["relabels"] = True
    if seen is not None and not (kind is Kind.FINISHED and member.outcome is Outcome.SUCCEEDED):
        data["seen"] = evidence(seen)
    return {name: value for name, value in data.items() if value is not None and value != ""}


def _imported(member: Member) -> dict[str, Any]:
    """Returns the data that earlier events would have had: the log continues from here."""
    run = member.run
    made = {done.action: done.made_at for done in member.completed if done.counts_as_made}
    return {
        "position": member.position,
        "index": member.action_index,
        "attempts": member.attempts,
        "arming": run.arming_at is not None if run else None,
        "shown": run.armed_at is not None if run else None,
        "arming_at": run.arming_at if run else None,
        **({"made": made} if made else {}),
    }


def _run(run: Run) -> dict[str, Any]:
    data: dict[str, Any] = {
        "action": run.action,
        "attempt": run.attempt,
        "run_state": run.state,
        "result": run.result,
        "disarmed": run.disarmed,
    }
    return data | ({"words": run.message} if run.message else {})


def _pending(pending: PendingPatch, asked: dict[str, str | None] | None) -> dict[str, Any]:
    """Returns the pending patch, and what an outcome has asked for."""
    data: dict[str, Any] = {
        "labels": _changes(pending.labels),
        "annotations": _changes(pending.annotations),
    }
    return data if asked is None else data | {"asked": asked}


def _hold(hold: Reason | None) -> dict[str, str]:
    if hold is None:
        return {}
    return {"hold": hold.kind, "hold_message": hold.message, "hold_who": hold.who}


def _changes(changes: dict[str, Change]) -> dict[str, list[str | None]]:
    """Maps keys to [as seen, as wanted]."""
    return {key: [change.seen, change.wanted] for key, change in changes.items()}
