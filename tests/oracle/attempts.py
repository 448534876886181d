"""Checks the rollouts by which policies have clusters tried again, by their records (R50.20).

Whether the words of a failure are transient depends on the version of ibgu, and is not judged.
"""

from collections.abc import Sequence

from ibgu.core.model.follow_ups import name_digest
from tests.oracle.audit import StepEventContext
from tests.oracle.cases import FollowUpCase, MemberCase, RolloutCase, StepCase
from tests.oracle.rules import Rule


def changed(spot: StepEventContext, cases: Sequence[FollowUpCase]) -> None:
    """Checks the attempts that are to be made now. Those that are planned are noted; what is left
    to a person is not judged."""
    known = {each.asked: each for each in spot.step.attempts}
    for new in cases:
        before = known.get(new.asked)
        if before is not None:
            before.made_at = new.made_at
            continue
        if new.refused:
            continue
        if new.name:
            _judge(spot, new)
        spot.step.attempts.append(new)


def actions(rollout: RolloutCase) -> list[list[str]]:
    """Returns the actions of each step of the rollout's plan."""
    return [list(item.get("actions", ())) for item in rollout.plan]


def not_held(spot: StepEventContext, what: str) -> None:
    """Checks that nothing held the rollout, and that it was not deleted. `what`: who does what."""
    rollout = spot.rollout
    words = f"{what} while the rollout is held: {rollout.hold}"
    spot.require(Rule.ORDER, not rollout.hold, words)
    words = f"{what} though the rollout was deleted"
    spot.require(Rule.ORDER, not rollout.deleted, words, rollout.deleted)


def named(spot: StepEventContext, new: FollowUpCase, word: str) -> None:
    """Checks that the name follows from what was recorded, so that the rollout is made once."""
    digest = name_digest(spot.rollout.uid, spot.step.index, new.uids, new.decided_at)
    words = f"the name {new.name} does not follow from what was decided"
    spot.require(Rule.ONCE, new.name.endswith(f"-{word}-{digest}"), words)


def _judge(spot: StepEventContext, new: FollowUpCase) -> None:
    again = f"{', '.join(new.clusters)} {'is' if len(new.clusters) == 1 else 'are'} tried again"
    not_held(spot, again)
    early = new.due is None or spot.event.at < new.due
    spot.require(Rule.ORDER, not early, f"{again} before that was due")
    twice = [
        each.event.seq
        for other in spot.rollout.steps
        for each in other.attempts
        if each.name and {*each.uids} & {*new.uids}
    ]
    words = f"{again} by two rollouts"
    spot.require(Rule.ONCE, not twice and len({*new.uids}) == len(new.uids), words, *twice)
    named(spot, new, "retry")
    for cluster, uid in zip(new.clusters, new.uids, strict=False):
        _judge_cluster(spot, new, cluster, uid)


def _judge_cluster(spot: StepEventContext, new: FollowUpCase, cluster: str, uid: str) -> None:
    step, title = spot.step, spot.title
    words = f"{cluster} is tried again, but {title} had not taken it back"
    back = step.members.get(cluster)
    led_back = not {*step.actions} & spot.proofs.labels and _succeeded(step, back, uid)
    if not spot.require(Rule.ORDER, led_back, words, step.opened) or spot.rollout.restored:
        return
    before = reversed(spot.rollout.steps[: step.index])
    newest = next((each for each in (one.members.get(cluster) for one in before) if each), None)
    failed = newest is not None and (newest.uid, newest.cause) == (uid, f"{new.action}Failed")
    words = f"{cluster} is tried again, but its {new.action} had not failed"
    spot.require(Rule.ORDER, failed, words, step.opened)


def _succeeded(step: StepCase, member: MemberCase | None, uid: str) -> bool:
    if member is None or member.uid != uid or member.state != "finished":
        return False
    return member.index >= len(step.actions)
