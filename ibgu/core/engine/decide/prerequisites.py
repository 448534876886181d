"""The prerequisites of an action: what the same rollout must have completed on the cluster
(R47.6)."""

from datetime import datetime

from msgspec import Struct

from ibgu.core.engine.driver import Part, Prerequisite
from ibgu.core.engine.state import FleetState, TrackedRollout
from ibgu.core.model import ActionName, Member, RunResult, Unfinished
from ibgu.core.model.runs import MAX_RUNS
from ibgu.core.text.spans import duration, utc


class Lack(Struct, frozen=True):
    """Lack is why an action must not start, though its cluster is ready for it."""

    message: str
    outdated: ActionName = ""
    """The action that is completed, and only too long ago, or before the cluster's release has
    changed."""


def lacks(
    fleet: FleetState,
    tracked: TrackedRollout,
    member: Member,
    action: ActionName,
    needed: Prerequisite,
    now: datetime,
) -> Lack | None:
    """Returns why the member's action may not start; None: what it needs is completed, and recent
    enough."""
    last = _completed(tracked, member, needed.action)
    if last is None:
        return Lack(f"{action} needs a {needed.action} of this rollout, and there is none")
    changed = fleet.release_changed(member)
    if changed is not None and changed > last:
        words = (
            f"{action} needs a {needed.action} of this rollout from after {utc(changed)}: another "
            "rollout has upgraded the cluster since, or rolled it back"
        )
        return Lack(words, outdated=needed.action)
    began = member.part_at if needed.from_first_run else None
    age = (began or now) - last
    if age <= needed.within:
        return None
    since = f"before {action} began" if began else "ago"
    words = (
        f"{action} needs a {needed.action} of this rollout that is not older than "
        f"{duration(needed.within)}: it was completed {duration(age)} {since}"
    )
    return Lack(words, outdated=needed.action)


def _completed(tracked: TrackedRollout, member: Member, action: ActionName) -> datetime | None:
    """Returns since when there is what the action has made last on the member's cluster; None: it
    has made nothing. An action that was not needed has a note instead of a result, and does not
    count."""
    earlier = [step.members.get(member.cluster) for step in tracked.steps[: member.step]]
    same = [each for each in earlier if each is not None and each.uid == member.uid]
    times = [
        done.made_at or done.at
        for each in (*same, member)
        for done in each.completed
        if done.action == action and not done.note
    ]
    return max(times, default=None)


def may_repeat(member: Unfinished, outdated: ActionName) -> bool:
    """Whether the member may take that action, which is too old, once more: it was the last one of
    its own step. Not while a part of the cluster is paused, which has a limit of its own, nor once
    a part of the next action is done: the backup from before that would be lost."""
    last, run = member.completed[-1] if member.completed else None, member.run
    again = last is not None and last.action == outdated and not last.note
    hop = run is not None and run.result is RunResult.CONTINUED
    begun = member.paused_since is not None or hop
    return again and not begun and member.attempts < MAX_RUNS


def has_part(member: Unfinished, part: Part, now: datetime) -> bool:
    """Whether a run of the member has done the part since it has its slot, and recently enough."""
    return member.part_at is not None and now <= member.part_at + part.within
