"""Selects the cluster events for which a cycle starts at once: a slot is idle meanwhile.

This affects when a cycle starts, never what it decides.
"""

from ibgu.core.engine.driver import Driver, VerdictKind
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.engine.works.evidence import answers, is_evidence_for
from ibgu.core.model import Ended, Finished, Intended, Rollout, Run, Waiting, WorkView

_WAITS_FOR_HUB = (Intended, Ended)
"""Runs that wait for the hub: for a payload, a label or feedback, for the work to be
disarmed, or for the feedback before the next action."""


def expedited(driver: Driver, tracked: TrackedRollout, cluster: str, work: WorkView | None) -> bool:
    """Whether a change of the cluster, which has this stage work, may free a slot, fill a free one
    or let a member with a slot go on.

    After a reboot a cluster reports the end some milliseconds before that is proven; the cycle
    waits for the proof (R7.2).
    """
    member = tracked.latest(cluster)
    if member is None:
        return False
    if isinstance(member, Waiting):
        return work is not None and _answers(tracked, member, work)
    if isinstance(member, Finished):
        return False
    run = member.run
    return isinstance(run, _WAITS_FOR_HUB) or (
        work is not None and _ends(driver, tracked.rollout, work, run)
    )


def _answers(tracked: TrackedRollout, member: Waiting, work: WorkView) -> bool:
    probe = member.probe
    return probe is not None and tracked.steps[member.step].free > 0 and answers(work, probe)


def _ends(driver: Driver, rollout: Rollout, work: WorkView, run: Run) -> bool:
    feedback = work.feedback
    if feedback is None or not is_evidence_for(work, run):
        return False
    return driver.verdict(feedback, run.action, rollout).kind is not VerdictKind.RUNNING
