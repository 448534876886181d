"""Decides whether a run may be refreshed at this moment, whatever its age."""

from enum import StrEnum

from ibgu.core.model import Member, Observation, RunState, WorkView, traits

_UNREADABLE = ("False", "Unknown")


class Eligibility(StrEnum):
    OPEN = "open"
    """A refresh may bring news."""
    CLOSED = "closed"
    """No refresh now: no agent would respond, or a write that is on its way makes the agent read
    anyway."""
    OVER = "over"
    """Never again: the run has ended. One whose limit has passed may go on until the step's
    deadline, and its slot is waited for."""


def eligibility(member: Member | None, run: str, seen: Observation) -> Eligibility:
    """Returns whether the run may be refreshed; `run`: id of the one that the cluster was seen to
    take."""
    if member is None or member.run is None or member.run.id != run:
        return Eligibility.OVER
    if member.run.state is not RunState.ACCEPTED:
        return Eligibility.OVER
    return Eligibility.OPEN if _answers(member, seen) else Eligibility.CLOSED


def eligibility_if_silent(member: Member | None, run: str, seen: Observation) -> Eligibility:
    """Returns whether a run may be refreshed whose agent watches: only if it reboots its cluster,
    and while the agent could not read what it has applied."""
    stands = eligibility(member, run, seen)
    if member is None or member.run is None or not traits(member.run.action).reboots:
        return Eligibility.OVER
    if stands is Eligibility.OPEN and not _silent(seen.stage):
        return Eligibility.CLOSED
    return stands


def _silent(work: WorkView | None) -> bool:
    """Whether the agent's last read has failed, and no apply is due that would lead to another: a
    watch begins with a read that succeeds."""
    return work is not None and work.target_applied and work.target_available in _UNREADABLE


def _answers(member: Member, seen: Observation) -> bool:
    cluster, work = seen.cluster, seen.stage
    if cluster is None or cluster.uid != member.uid or not cluster.reachable:
        return False
    return not (seen.writing or seen.denied) and work is not None and _ours(work)


def _ours(work: WorkView) -> bool:
    """Whether the work is as ibgu left it and disarmed: an armed one is about to be written
    anyway."""
    return not (work.terminating or work.edited or work.armed)
