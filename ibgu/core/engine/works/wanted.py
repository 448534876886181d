"""The wanted state of one cluster's stage work (R9)."""

from datetime import datetime

from msgspec import Struct

from ibgu.core.model import Member, MemberState, Probe, Run, RunResult, WorkView


class DesiredWork(Struct, frozen=True, kw_only=True):
    """DesiredWork describes a stage work. `run` is the one that it is armed for, or, disarmed, the
    last one."""

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
        """Whether the work shows this already: a write would not change its spec."""
        if view.edited or view.armed != self.armed or view.restore != self.restore:
            return False
        if self.run is not None and self.armed:
            return view.run == self.run.id
        return self.probe is None or view.probe == self.probe.id


def desired_work_of(
    member: Member | None, view: WorkView | None, restore: str = ""
) -> DesiredWork | None:
    """Returns the stage work to write; None: leave it as it is, or none is needed.

    `member` decides for the cluster; None: none does. `desired_stage_work` decides on removal.
    Feedback from before `restore` proves nothing: where it is needed, the work is written again.
    """
    if view is not None and view.terminating:
        return None
    if member is None:
        return DesiredWork(armed=False) if view is not None and view.armed else None
    run = member.run
    if run is not None and run.on_hub:
        shown = view is not None and view.armed and view.run == run.id
        return None if shown else _wanted(member, restore, armed=True)
    asked = member.probe is not None and (view is None or view.probe != member.probe.id)
    old = view is not None and view.restore != restore and _matters(member)
    if asked or old or (view is not None and view.armed):
        return disarmed_stage(member, restore)
    return None


def disarmed_stage(member: Member, restore: str) -> DesiredWork:
    """Returns a work that only watches, and still shows the member's last run."""
    return _wanted(member, restore, armed=False)


def _matters(member: Member) -> bool:
    """Whether the cluster's feedback decides about a run that was armed."""
    run = member.run
    withdrawn = run is not None and run.result is RunResult.WITHDRAWN and run.arming_at is not None
    return member.state is MemberState.IN_FLIGHT or member.watched or withdrawn


def _wanted(member: Member, restore: str, *, armed: bool) -> DesiredWork:
    return DesiredWork(
        armed=armed, run=member.run, probe=member.probe, limit=member.limit, restore=restore
    )
