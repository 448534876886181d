"""Checks events of a rollout that was adopted from TALM (R20): what TALM did is taken as recorded;
from then on the rules apply."""

from datetime import datetime, timedelta

from tests.oracle import claims
from tests.oracle.audit import EventContext, MemberEventContext, StepEventContext
from tests.oracle.cases import MemberCase, RunCase, StepCase
from tests.oracle.rules import Rule


def step_adopted(spot: EventContext) -> None:
    """Adds the adopted step; its clock begins with us, whatever time TALM has used."""
    rollout, event, data = spot.rollout, spot.event, spot.event.data
    in_turn = event.step == len(rollout.steps)
    words = f"step {(event.step or 0) + 1} is taken over as number {len(rollout.steps) + 1}"
    spot.require(Rule.ORDER, in_turn, words, rollout.seq)
    rollout.steps.append(
        StepCase(
            index=event.step or 0,
            actions=tuple(data.get("actions", ())),
            most=data.get("max_concurrency", 0),
            timeout=timedelta(seconds=data.get("timeout_seconds", 0)),
            opened=event.seq,
            across_namespaces=data.get("across_namespaces", True),
            state=spot.text("state"),
            started_at=event.at,
            total=data.get("total", 0),
            whole=False,
        )
    )


def member_adopted(spot: StepEventContext) -> None:
    step, event = spot.step, spot.event
    name = event.cluster or ""
    words = f"{name} is taken over into {spot.title} twice"
    spot.require(Rule.MEMBERS, name not in step.members, words, step.opened)
    member = step.members[name] = MemberCase(
        cluster=name,
        uid=event.cluster_uid or "",
        joined=event.seq,
        index=event.data.get("action_index", 0),
        adopted=True,
    )
    step.last = name
    here = MemberEventContext(spot.audit, event, spot.rollout, step, member)
    claims.register(here)
    _state(here)


def _state(spot: MemberEventContext) -> None:
    step, member = spot.step, spot.member
    state = spot.text("state")
    if state == "finished":
        member.state, member.ended = state, spot.event.seq
        step.finished += 1
        return
    step.waiting += 1
    if state == "in flight":
        _in_flight(spot)


def _in_flight(spot: MemberEventContext) -> None:
    """Puts a member in flight that TALM has begun; its state shows whether the cluster had taken
    the run."""
    member, event = spot.member, spot.event
    claims.take(spot, begun=True)
    limit = spot.text("limit")
    member.limit = datetime.fromisoformat(limit) if limit else None
    taken = bool(event.data.get("taken"))
    member.attempts = 1
    member.run = RunCase(
        id=event.run or "",
        action=spot.text("action"),
        seq=event.seq,
        state="accepted" if taken else "armed",
        shown=taken,
        adopted=True,
    )
    spot.audit.runs[member.run.id] = event.seq
