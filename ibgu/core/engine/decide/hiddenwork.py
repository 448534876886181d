"""Works that the hub may have, though none is shown: one that has lost its label is not watched.

An agent enforces such a work all the same. So before the work of an ended run counts as gone, the
hub is asked for it by its name (R9.2, R47.4).
"""

from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model import Ended, Observation, traits


def hidden_stage(tracked: TrackedRollout, cluster: str, seen: Observation) -> Ended | None:
    """Returns the ended run whose stage work the hub must be asked for; None: there is no need
    to."""
    run = _ended_run(tracked, cluster)
    return run if run and not seen.writing and stage_may_be_hidden(run, seen) else None


def hidden_job(tracked: TrackedRollout, cluster: str, seen: Observation) -> Ended | None:
    """Returns the ended run whose job work the hub must be asked for; None: there is no need
    to."""
    run = _ended_run(tracked, cluster)
    asks = seen.job is None and not seen.job_writing
    return run if run and asks and job_may_be_hidden(run, seen) else None


def _ended_run(tracked: TrackedRollout, cluster: str) -> Ended | None:
    """Returns the run that has ended and is not disarmed."""
    member = tracked.latest(cluster)
    run = member.run if member is not None else None
    return run if isinstance(run, Ended) and not run.disarmed else None


def stage_may_be_hidden(run: Ended, seen: Observation) -> bool:
    """Whether the hub may have the stage work, though none is shown; `run`: is not disarmed."""
    return seen.stage is None and seen.stage_gone != run.id


def job_may_be_hidden(run: Ended, seen: Observation) -> bool:
    """Whether the hub may have the run's job work, if none is shown. It is made only for a run that
    the cluster has accepted."""
    made = traits(run.action).runs_job and run.accepted_at is not None
    return made and seen.job_gone != run.id
