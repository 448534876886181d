"""The ends of members' actions for which nodes reboot, for circuit breakers (R19)."""

from datetime import datetime

from msgspec import Struct

from ibgu.core.model import Cause, Member, RunResult, traits

_TRIED = frozenset({RunResult.FAILED, RunResult.REFUSED, RunResult.LIMIT})
_NOT_TAKEN = frozenset({RunResult.WITHDRAWN, RunResult.REFUSED})


class ActionEnd(Struct, frozen=True):
    """The end of what reboots a cluster in this step, for the circuit breaker (R19.1)."""

    at: datetime
    cluster: str
    cause: Cause | None = None
    """None: the action succeeded."""

    @property
    def place(self) -> tuple[datetime, str]:
        return (self.at, self.cluster)


def end_of(member: Member) -> ActionEnd | None:
    """Returns how the actions for which nodes reboot in this step ended, if one was armed and all
    have ended. One that failed in what comes before it, such as a backup, was not. Of a chain the
    last one counts: a release that breaks the nodes of the pools that are resumed is no success."""
    run = member.run
    failed = member.failed_action
    if (
        failed
        and traits(failed).reboots_nodes
        and run
        and run.action == failed
        and run.armed_at
        and run.result in _TRIED
        and run.ended_at
    ):
        return ActionEnd(run.ended_at, member.cluster, run.cause)
    if run is not None and run.open and traits(run.action).reboots_nodes:
        return None
    for done in reversed(member.completed):
        if traits(done.action).reboots_nodes and not done.note:
            return ActionEnd(done.at, member.cluster)
    return None


def seed_end_of(member: Member) -> ActionEnd | None:
    """Returns how the member's Upgrade ended: what it says of the seed image (R19.4). One that
    was completed late has succeeded then."""
    done = next((each for each in member.completed if traits(each.action).upgrades), None)
    if done is not None:
        run = member.run
        late = run is not None and run.action == done.action and run.result in _TRIED
        return ActionEnd(done.at, member.cluster) if late or not done.note else None
    failed = member.failed_action
    return end_of(member) if failed and traits(failed).upgrades else None


def release_changed_at(member: Member) -> datetime | None:
    """Returns when an action of this step may last have taken the cluster to another release, or
    back; None: none has. One that was sent counts from then, whatever became of it."""
    times = [
        done.at for done in member.completed if traits(done.action).reboots and not done.skipped
    ]
    run = member.run
    if run is not None and run.arming_at is not None and run.result not in _NOT_TAKEN:
        times += [run.arming_at] * traits(run.action).reboots
    return max(times, default=None)
