"""What the stage work of one cluster must show (R9)."""

from datetime import datetime

from msgspec import Struct

from ibgu.core.model import Member, MemberState, Probe, Run, RunResult, WorkView


class Wanted(Struct, frozen=True, kw_only=True):
    """`run` is the one that the work is armed for, or, disarmed, the last one."""

    armed: bool
    run: Run | None = None
    probe: Probe | None = None
    limit: datetime | None = None
    restore: str = ""
    """The newest restore that the rollout went through."""

    def __post_init__(self) -> None:
        if self.armed and self.run is None:
            raise ValueError("an armed work needs the run that it is armed for")

    def shown_by(self, view: WorkView) -> bool:
        """The work says this already, so that a write would not change its spec."""
        if view.edited or view.armed != self.armed or view.restore != self.restore:
            return False
        if self.run is not None and self.armed:
            return view.run == self.run.id
        return self.probe is None or view.probe == self.probe.id


def wanted_stage(member: Member | None, view: WorkView | None, restore: str = "") -> Wanted | None:
    """None: leave the work as it is (also: there is none, and none is needed).

    `member` is the one that decides for the cluster in this rollout; None: nobody does. Whether
    a work is removed is decided elsewhere. A work from before `restore` shows nothing that could
    be relied on: where its cluster matters it is written anew.
    """
    if view is not None and view.terminating:
        return None
    if member is None:
        return Wanted(armed=False) if view is not None and view.armed else None
    run = member.run
    if run is not None and run.on_hub:
        shown = view is not None and view.armed and view.run == run.id
        return None if shown else _wanted(member, restore, armed=True)
    asked = member.probe is not None and (view is None or view.probe != member.probe.id)
    old = view is not None and view.restore != restore and _matters(member)
    if asked or old or (view is not None and view.armed):
        return disarmed_stage(member, restore)
    return None


def disarmed_stage(member: Member, restore: str) -> Wanted:
    """What only watches, and still tells the member's last run."""
    return _wanted(member, restore, armed=False)


def _matters(member: Member) -> bool:
    """What its cluster reports decides about a run that was armed."""
    run = member.run
    withdrawn = run is not None and run.result is RunResult.WITHDRAWN and run.arming_at is not None
    return member.state is MemberState.IN_FLIGHT or member.watched or withdrawn


def _wanted(member: Member, restore: str, *, armed: bool) -> Wanted:
    return Wanted(
        armed=armed, run=member.run, probe=member.probe, limit=member.limit, restore=restore
    )
