"""The wanted state of one cluster's stage work (R9)."""

from collections.abc import Collection
from datetime import datetime
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.model import Member, MemberState, Probe, Run, RunResult, WorkView


class DesiredWork(Struct, frozen=True, kw_only=True):
    """DesiredWork describes a stage work. `run` is the one that it is armed for, or, disarmed, the
    last one."""

    armed: bool
    resuming: bool = False
    """Whether it is there to resume what was paused; it is not armed then."""
    resumes: bool = False
    """Whether it does so already. One that does not asks the cluster first what is paused."""
    run: Run | None = None
    probe: Probe | None = None
    limit: datetime | None = None
    restore: str = ""
    """The newest restore that the rollout went through."""

    def __post_init__(self) -> None:
        if self.armed and self.run is None:
            raise ValueError("an armed work needs the run that it is armed for")
        if self.armed and self.resuming:
            raise ValueError("an armed work resumes nothing but what its run asks for")

    def shown_by(self, view: WorkView) -> bool:
        """Whether the work shows this already: a write would not change its spec."""
        if view.edited or (view.armed, view.resuming) != (self.armed, self.resuming):
            return False
        if view.restore != self.restore:
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
    asks = view is not None and (view.armed or view.resuming)
    if member is None:
        return DesiredWork(armed=False) if asks else None
    run = member.run
    if run is not None and run.on_hub:
        shown = view is not None and view.armed and view.run == run.id
        return None if shown else _wanted(member, restore, armed=True)
    asked = member.probe is not None and (view is None or view.probe != member.probe.id)
    old = view is not None and view.restore != restore and _matters(member)
    if asked or old or asks:
        return disarmed_stage(member, restore)
    return None


def disarmed_stage(member: Member, restore: str) -> DesiredWork:
    """Returns a work that only watches, and still shows the member's last run."""
    return _wanted(member, restore, armed=False)


def resuming_stage(
    member: Member, restore: str, view: WorkView | None, names: Collection[str], now: datetime
) -> DesiredWork | None:
    """Returns the work that resumes what the cluster shows as paused (`names`), and still shows the
    member's last run; None: it is there.

    It carries a probe of its own for each set of names: only feedback that answers it is from after
    it. What is not shown is not resumed: a work that is written without current feedback reads.
    """
    known = view.current_feedback if view is not None and view.restore == restore else None
    if known is None:
        waits = view is not None and view.restore == restore and not view.edited
        return None if waits and view and not view.armed else disarmed_stage(member, restore)
    if not names and view is not None and view.resuming and not view.edited:
        return None
    digest = sha256(" ".join(sorted(names)).encode()).hexdigest()[:12]
    probe = Probe(f"resume-{digest}", now)
    stage, resumes = disarmed_stage(member, restore), bool(names)
    wanted = replace(stage, resuming=True, resumes=resumes, probe=probe)
    return None if view is not None and wanted.shown_by(view) else wanted


def _matters(member: Member) -> bool:
    """Whether the cluster's feedback decides about a run that was armed, or about its way back."""
    run = member.run
    withdrawn = run is not None and run.result is RunResult.WITHDRAWN and run.arming_at is not None
    concerned = member.watched or member.paused_since is not None
    back = member.rollback_until is not None
    return member.state is MemberState.IN_FLIGHT or concerned or withdrawn or back


def _wanted(member: Member, restore: str, *, armed: bool) -> DesiredWork:
    return DesiredWork(
        armed=armed, run=member.run, probe=member.probe, limit=member.limit, restore=restore
    )
