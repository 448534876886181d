"""Checks events that were imported from the hub after a restore (R31.4).

The log can't prove what happened before. The imported state must still keep the bounds: one member
per slot, one rollout per cluster.
"""

from datetime import datetime, timedelta

from ibgu.core.model.bounds import moment
from tests.oracle import backups, claims
from tests.oracle.audit import (
    Audit,
    EventContext,
    MemberEventContext,
    StepEventContext,
)
from tests.oracle.cases import MemberCase, RunCase, StepCase
from tests.oracle.events import Event
from tests.oracle.rollouts import new_rollout
from tests.oracle.rules import Rule

KIND = "Imported"
FROM_CLUSTER = "ibgu, from what the cluster shows"
"""The actor of events that import what only a cluster shows (R31.6)."""
PUT_BACK = "LabelsPutBack"


def rollout(audit: Audit, event: Event) -> None:
    """Adds or replaces the rollout in its recorded state."""
    case = audit.rollouts.setdefault(event.rollout, new_rollout(event))
    case.plan, case.seed = event.data.get("plan", []), event.data.get("seed", [])
    case.via = event.data.get("via", [])
    proofs = audit.proofs.get(case.kind)
    if proofs is None or not proofs.parts:  # Else annotations ask for backups, and stay known.
        case.max_age = backups.asked_for(event.data)
    case.state, case.hold = event.data.get("state", ""), str(event.data.get("hold") or "")
    case.restored, case.deleted = True, 0


def step(spot: EventContext) -> None:
    steps, data, index = spot.rollout.steps, spot.event.data, spot.event.step or 0
    words = f"step {index + 1} is imported as number {len(steps) + 1}"
    if not spot.require(Rule.ORDER, index <= len(steps), words):
        return
    if index == len(steps):
        steps.append(_new_step(spot.event))
    else:
        steps[index].recounted = True
    case = steps[index]
    case.whole = False
    case.state, case.total, case.hold = data.get("state", ""), data.get("total", 0), ""
    case.stopped_since = None
    case.started_at = datetime.fromisoformat(data["started_at"])
    # Its whole timeout is left: nobody knows how long the clock has stood.
    case.stopped = max(timedelta(), spot.event.at - case.started_at)


def _new_step(event: Event) -> StepCase:
    data = event.data
    return StepCase(
        index=event.step or 0,
        actions=tuple(data.get("actions", ())),
        most=data.get("max_concurrency", 0),
        timeout=timedelta(seconds=data.get("timeout_seconds", 0)),
        opened=event.seq,
        across_namespaces=data.get("across_namespaces", True),
    )


def member(spot: StepEventContext) -> None:
    event, here = spot.event, spot.step
    name, uid = event.cluster or "", event.cluster_uid or ""
    case = here.members.get(name)
    if case is None:
        case = here.members[name] = MemberCase(cluster=name, uid=uid, joined=event.seq)
        here.waiting += 1
    at = MemberEventContext(spot.audit, event, spot.rollout, here, case)
    claims.register(at)
    _leave(at)
    _enter(at)
    # What is read from a cluster is labelled once; what the hub shows has its label.
    case.adopted = event.actor == FROM_CLUSTER
    backups.imported(at)


def _leave(spot: MemberEventContext) -> None:
    """Removes what is known of the member so far."""
    member_, step_ = spot.member, spot.step
    step_.waiting -= member_.state == "waiting"
    step_.finished -= member_.state == "finished"
    if member_.slot is not None:
        step_.slots.pop(member_.slot, None)
        spot.audit.cluster(member_.uid).holder = ""
    member_.slot, member_.due = None, None


def _enter(spot: MemberEventContext) -> None:
    member_, step_, data = spot.member, spot.step, spot.event.data
    limit = spot.text("limit")
    member_.state, member_.index = data.get("state", ""), data.get("index", 0)
    member_.attempts = data.get("attempts", 0)
    member_.cause = spot.event.cause or ""
    member_.limit = datetime.fromisoformat(limit) if limit else None
    member_.run = _run(spot.event)
    step_.waiting += member_.state == "waiting"
    step_.finished += member_.state == "finished"
    if member_.run is not None:
        spot.audit.runs.setdefault(member_.run.id, spot.event.seq)
    if slot := data.get("slot"):
        _take(spot, slot)


def _take(spot: MemberEventContext, slot: int) -> None:
    step_, cluster = spot.step, spot.audit.cluster(spot.member.uid)
    free = slot not in step_.slots and slot <= step_.most
    spot.require(Rule.SLOTS, free, f"{spot.name} is imported into slot {slot}, which is taken")
    words = f"{spot.name} is imported though another rollout had it"
    spot.require(Rule.CLAIMS, not cluster.holder, words, cluster.since)
    spot.member.slot, spot.member.since = slot, spot.event.seq
    step_.slots[slot] = spot.member
    cluster.holder, cluster.since = spot.rollout.uid, spot.event.seq


def _run(event: Event) -> RunCase | None:
    data = event.data
    if event.run is None:
        return None
    arming_at = moment(str(data.get("arming_at", "")))
    return RunCase(
        id=event.run,
        action=data.get("action", ""),
        seq=event.seq,
        state=data.get("run_state", ""),
        result=data.get("result", ""),
        arming=data.get("arming", False),
        shown=data.get("shown", False),
        disarmed=data.get("disarmed", True),
        arming_at=arming_at,
        # Of the times before its end, the hub shows this one alone.
        intended_at=arming_at,
    )


def put_back(spot: EventContext) -> None:
    """Makes labels that a restored hub has lost pending again, while nothing is selected by
    them."""
    over = spot.rollout.state in ("complete", "deleted")
    still = spot.rollout.hold == "Restored" or over
    words = f"labels of {spot.event.cluster} are put back while its rollout goes on"
    spot.require(Rule.LABELS, still, words)
    changes = {key: wanted for key, (_, wanted) in spot.event.data.get("labels", {}).items()}
    spot.audit.cluster(spot.event.cluster_uid or "").pending_labels = changes
