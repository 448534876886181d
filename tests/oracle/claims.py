"""Slot and claim (R3, R6): taken and released together, with an event."""

from tests.oracle.audit import MemberEventContext
from tests.oracle.cases import CancellerCase
from tests.oracle.rules import Rule


def take(spot: MemberEventContext, *, begun: bool = False) -> None:
    """Gives the member a slot and the claim on its cluster.

    `begun`: by TALM, so it does not start now, even if another one has cancelled it since.
    """
    step, member, event = spot.step, spot.member, spot.event
    slot = event.data.get("slot") or 0
    within = 1 <= slot <= step.most
    spot.require(Rule.SLOTS, within, f"{spot.name} got slot {slot} of {step.most}", step.opened)
    holder = step.slots.get(slot)
    spot.require(
        Rule.SLOTS,
        holder is None,
        f"{spot.name} got slot {slot}, which {holder.cluster if holder else 'no cluster'} had",
        holder.since if holder else 0,
    )
    _claim(spot, begun=begun)
    member.state, member.slot, member.since = "in flight", slot, event.seq
    step.slots[slot] = member
    step.waiting -= 1
    count = len(step.slots)
    words = f"{count} clusters in flight, maxConcurrency is {step.most}"
    others = [other.since for other in step.slots.values()] if count > step.most else []
    spot.require(Rule.SLOTS, count <= step.most, words, *others)


def _claim(spot: MemberEventContext, *, begun: bool) -> None:
    cluster = spot.audit.cluster(spot.member.uid)
    words = f"{spot.name} was started while {_named(spot, cluster.holder)} had it"
    spot.require(Rule.CLAIMS, not cluster.holder, words, cluster.since)
    if not begun:
        not_cancelled(spot, "started")
    cluster.holder, cluster.since = spot.rollout.uid, spot.event.seq


def _named(spot: MemberEventContext, uid: str) -> str:
    found = spot.audit.rollouts.get(uid)
    return found.name if found else "no rollout"


def not_cancelled(spot: MemberEventContext, what: str) -> None:
    """Checks that no newer rollout has cancelled the member: from the start of the cancelling step
    on, older rollouts start nothing there."""
    found = spot.audit.cluster(spot.member.uid).cancellers
    newer = [c for c in found if c.cancels(spot.rollout)]
    spot.require(
        Rule.CLAIMS,
        cancels(spot) or not newer,
        f"{spot.name} was {what} though {newer[0].name if newer else 'none'} had cancelled it",
        newer[0].seq if newer else 0,
    )


def was_cancelled(spot: MemberEventContext, what: str) -> None:
    """Checks that a newer rollout has cancelled the member, or that its own was deleted (R6.4), as
    far as the history has all rollouts."""
    found = spot.audit.cluster(spot.member.uid).cancellers
    cancelled = any(each.cancels(spot.rollout) for each in found)
    words = f"{spot.name} {what} though no newer rollout had cancelled it"
    lacking = spot.rollout.restored or bool(spot.audit.truncated)
    may = cancelled or bool(spot.rollout.deleted) or lacking
    spot.require(Rule.CLAIMS, may, words, spot.member.joined)


def cancels(spot: MemberEventContext) -> bool:
    return any(action in spot.proofs.cancels for action in spot.step.actions[:1])


def free(spot: MemberEventContext) -> None:
    """Releases slot and claim; the run must have ended and no longer reach the cluster."""
    member, run = spot.member, spot.member.run
    over = run is None or run.over
    words = f"the slot of {spot.name} was freed while its run was {run.state if run else ''}"
    still = "" if over or (run and run.state != "ended") else ", and its work may still be armed"
    spot.require(Rule.SLOTS, over, f"{words}{still}", run.seq if run else 0)
    if member.slot is None:
        return
    spot.step.slots.pop(member.slot, None)
    cluster = spot.audit.cluster(member.uid)
    if cluster.holder == spot.rollout.uid:
        cluster.holder = ""
    member.slot = None


def register(spot: MemberEventContext) -> None:
    """Registers a new member that cancels others."""
    if cancels(spot):
        known = spot.audit.cluster(spot.member.uid).cancellers
        mine, step = spot.rollout, spot.step
        known.append(
            CancellerCase(mine.age, mine.name, spot.event.seq, step.across_namespaces, mine.kind)
        )
