"""Checks the rollouts by which policies lead canaries back, by their records (R50.19).

What a canary's sources reported of it is not in the history. What is: that it was well, what it was
taken to, what held its rollout, and what the new rollout did.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from operator import eq
from typing import Any

from tests.oracle import attempts
from tests.oracle.audit import Audit, MemberEventContext, StepEventContext
from tests.oracle.cases import FollowUpCase, RolloutCase
from tests.oracle.rules import Rule

_CLOCKS = timedelta(minutes=5)
"""How far the hub's clock, which dates new objects, may be from the controller's."""


def canary_well(spot: StepEventContext) -> None:
    """Notes which canary was well since its upgrade, and for which policy. Earlier builds did not
    say that."""
    uid, policy = spot.text("well"), spot.text("policy")
    if uid and policy:
        spot.step.well.setdefault((policy, uid), spot.event.at)
    else:
        spot.step.well_known = False


def follow_ups_changed(spot: StepEventContext) -> None:
    """Checks the records that are new; those before them only say what became of each."""
    known = spot.step.follow_ups
    cases = [_case(spot, each) for each in spot.event.data.get("follow_ups", ())]
    attempts.changed(spot, [each for each in cases if each.attempt])
    follow_ups = [each for each in cases if not each.attempt]
    kept = [each.asked for each in follow_ups[: len(known)]] == [each.asked for each in known]
    words = f"{spot.title}: what a policy had asked for is asked for no longer, or in other words"
    spot.require(Rule.ORDER, kept, words, *(each.event.seq for each in known))
    for before, after in zip(known, follow_ups, strict=False):
        before.made_at = after.made_at
    for new in follow_ups[len(known) :]:
        if new.action in spot.proofs.ways_back:
            _judge(spot, new)
        known.append(new)


def note_success(spot: MemberEventContext, action: str, *, own: bool) -> None:
    """Notes that the cluster was taken to another release, or that its upgrade was completed.
    `own`: by a run of the rollout itself."""
    member, proofs = spot.member, spot.proofs
    if own and action in proofs.reboots - proofs.ways_back:
        member.upgraded = spot.event.seq
    if action not in proofs.labels and action not in proofs.parts:
        member.finalized = spot.event.seq


def made_as_recorded(audit: Audit, rollout: RolloutCase) -> None:
    """Checks the new rollouts that the history has: each does what was recorded, to the clusters
    that were recorded."""
    for step in rollout.steps:
        for record in step.follow_ups:
            for new in _made(audit, rollout, record):
                first = list(new.plan[0].get("actions", ())) if new.plan else [record.action]
                words = f"{record.name} was made for {record.action}, and does {', '.join(first)}"
                alike = first == [record.action]
                audit.require(Rule.ORDER, alike, record.event, words, new.seq)
                _of_its_clusters(audit, record, new)
        for record in step.attempts:
            for new in _made(audit, rollout, record):
                words = f"{record.name} was made with another plan than that of {rollout.name}"
                alike = all(map(eq, attempts.actions(new), attempts.actions(rollout)))
                audit.require(Rule.ORDER, alike, record.event, words, new.seq)
                _of_its_clusters(audit, record, new)


def _of_its_clusters(audit: Audit, record: FollowUpCase, new: RolloutCase) -> None:
    clusters = new.steps[0].members.keys() if new.steps else set()
    others = sorted(clusters - set(record.clusters))
    words = f"{record.name} has clusters that it was not made for: {', '.join(others)}"
    audit.require(Rule.MEMBERS, not others, record.event, words, new.seq)


def _made(audit: Audit, rollout: RolloutCase, record: FollowUpCase) -> Iterator[RolloutCase]:
    """Yields the rollout that was made for the record: it has its name, and is of its time."""
    if not record.name or record.made_at is None:
        return
    namespace = rollout.name.partition("/")[0]
    for new in audit.rollouts.values():
        in_time = record.event.at - _CLOCKS <= new.created_at <= record.made_at + _CLOCKS
        if new.name == f"{namespace}/{record.name}" and in_time:
            yield new


def _judge(spot: StepEventContext, new: FollowUpCase) -> None:
    back = f"{', '.join(new.clusters)} {'goes' if len(new.clusters) == 1 else 'go'} back"
    attempts.not_held(spot, back)
    known = spot.step.follow_ups
    twice = [each.event.seq for each in known if {*each.uids} & {*new.uids}]
    words = f"{back} a second time in {spot.title}"
    spot.require(Rule.ONCE, not twice and len({*new.uids}) == len(new.uids), words, *twice)
    if new.name:
        attempts.named(spot, new, new.action.lower())
    for cluster, uid in zip(new.clusters, new.uids, strict=False):
        _judge_cluster(spot, new, cluster, uid)


def _judge_cluster(spot: StepEventContext, new: FollowUpCase, cluster: str, uid: str) -> None:
    step, member = spot.step, spot.step.members.get(cluster)
    if step.well_known:
        words = f"{cluster} goes back, but was not recorded as well since its upgrade"
        spot.require(Rule.ORDER, (new.policy, uid) in step.well, words)
    known = member is not None and member.uid == uid
    words = f"{cluster} goes back, but does not belong to {spot.title}"
    if not spot.require(Rule.MEMBERS, known, words, step.opened) or member is None:
        return
    if not spot.rollout.restored:
        upgraded = member.upgraded > 0 and member.state == "finished"
        words = f"{cluster} goes back, but {spot.title} had not taken it to another release"
        spot.require(Rule.ORDER, upgraded, words, member.joined)
    if new.name:
        words = f"{cluster} goes back after its upgrade was completed"
        spot.require(Rule.ORDER, not member.finalized, words, member.finalized)


def _case(spot: StepEventContext, record: Mapping[str, Any]) -> FollowUpCase:
    made_at, due, decided_at = record.get("made_at"), record.get("due"), record.get("decided_at")
    return FollowUpCase(
        event=spot.event,
        policy=str(record.get("policy") or ""),
        action=str(record.get("action") or ""),
        clusters=tuple(record.get("clusters") or ()),
        uids=tuple(record.get("uids") or ()),
        name=str(record.get("name") or ""),
        decided_at=datetime.fromisoformat(decided_at) if decided_at else spot.event.at,
        made_at=datetime.fromisoformat(made_at) if made_at else None,
        attempt=int(record.get("attempt") or 0),
        due=datetime.fromisoformat(due) if due else None,
        refused=bool(record.get("refused")),
    )
