"""Compares at the end what the journal says with what happened at the clusters and on the hub."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import Any

from msgspec import Struct

from ibgu.core.drivers import traits
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.timeline import StageRun
from tests.simulation.checks import Found

HEARD = 120.0
"""Seconds after which a cluster's changes are known, even if its agent only polls."""


class Run(Struct, frozen=True):
    """Run is a row of the journal's table of runs."""

    id: str
    rollout: str
    step: int
    cluster: str
    cluster_uid: str
    action: str
    attempt: int
    state: str
    intended_at: datetime
    arming_at: datetime | None
    accepted_at: datetime | None
    ended_at: datetime | None
    result: str | None
    cause: str | None
    disarmed: bool


class JournalCheck:
    def __init__(
        self, found: Found, runs: Iterable[Run], clusters: Iterable[SimulatedCluster], skewed: bool
    ) -> None:
        """`skewed`: the database's clock did not show the clusters' time."""
        self._skewed = skewed
        self._check = found.check
        self._runs = {run.id: run for run in runs}
        self._clusters = list(clusters)

    def check(self) -> None:
        for cluster in self._clusters:
            for began in cluster.timeline.runs:
                self._legal(cluster, began)
        self._once()
        for run in self._runs.values():
            self._honest(run)

    @cached_property
    def _began(self) -> dict[str, list[StageRun]]:
        """Returns what each run began, by run id, in order of time."""
        found: dict[str, list[StageRun]] = defaultdict(list)
        for cluster in self._clusters:
            for began in cluster.timeline.runs:
                found[began.run].append(began)
        return dict(found)

    @cached_property
    def _reapply(self) -> dict[str, float]:
        """Returns the earliest time in seconds after which a cluster's agent applies a work again,
        by the cluster's name."""
        return {cluster.name: cluster.agent.timing.reapply[0] for cluster in self._clusters}

    def _legal(self, cluster: SimulatedCluster, began: StageRun) -> None:
        if not began.run:
            return
        run = self._runs.get(began.run)
        words = (cluster.name, began, run)
        self._check("a cluster acts only on a run of the journal", run is not None, words)
        if run is None or traits(run.action).stage != _asked(began):
            return  # the stage is another than the run's: a hand has set it
        self._check("intent before effect", run.arming_at is not None, words)
        self._check("R8 the action means what it says", began.stage in _of(run), words)

    def _once(self) -> None:
        """Checks that at most one attempt of each member and action begins anything."""
        found: Counter[Any] = Counter()
        for id_, runs in self._began.items():
            run = self._runs.get(id_)
            if run is not None:
                own = [began for began in runs if began.stage in _of(run)]
                reapply = self._reapply[run.cluster]
                once = all(_enforced(run, own[0], again, reapply) for again in own[1:])
                self._check("a run begins once", once, run, own)
                found[run.rollout, run.step, run.cluster_uid, run.action] += bool(own)
        for key, count in found.items():
            self._check("no action twice", count <= 1, key, count)

    def _honest(self, run: Run) -> None:
        began = self._began.get(run.id, [])
        words = (run, began)
        if run.result == "succeeded":
            done = any(self._ended(one, run, "completed") for one in began)
            self._check("R7 success is what the cluster did", done, words)
        if run.result == "failed" and not traits(run.action).runs_job:  # no stage begins
            failed = any(self._ended(one, run, "failed") for one in began)
            self._check("R10 failure is what the cluster did", failed, words)
        ended = run.state != "ended" or run.disarmed
        self._check("ended runs are disarmed", ended, words)

    def reopened(self, skipped: set[tuple[object, ...]]) -> None:
        """Checks that what a withdrawn run began is not found done later as if nobody had asked for
        it (R9).

        `skipped`: rollout, step and cluster of actions that were "already done". For a simulation
        in which nobody edited the clusters.
        """
        for id_, began in self._began.items():
            run = self._runs.get(id_)
            if run is not None and run.result == "withdrawn":
                found = (run.rollout, run.step, run.cluster) in skipped
                self._check("R9 a withdrawn run comes back", not found, run, began)

    def limits(self) -> None:
        """Checks that no cluster that could be heard in time fails by its limit (R11).

        For a simulation in which the clusters, their watches and the hub were well. A stage that a
        person replaced shows no end.
        """
        for run in self._runs.values():
            if run.result == "limit" and run.ended_at is not None:
                judged = run.ended_at.timestamp() - HEARD
                # The first is what was asked for; a person's later stages carry the run's mark too.
                began = self._began.get(run.id, [])
                ended = (one.ended for one in began[:1] if one.outcome != "replaced")
                late = all(end is None or end > judged for end in ended)
                self._check("R11 evidence before deadlines", late, run, began)

    def _ended(self, began: StageRun, run: Run, how: str) -> bool:
        """Returns whether the stage ended before the journal says so. A person's edit on the
        cluster leaves open how it ended."""
        assert run.ended_at is not None
        if began.ended is None or began.outcome not in (how, "replaced"):
            return False
        return self._skewed or began.ended <= run.ended_at.timestamp() + 0.001


def _asked(began: StageRun) -> str:
    """Returns the stage in the IBU's spec."""
    return "Idle" if began.stage in ("Abort", "Finalize") else began.stage


def _of(run: Run) -> set[str]:
    """Returns the stage that the action may begin on a cluster: an Abort that finalizes has removed
    the way back."""
    action = traits(run.action)
    if action.stage == "Idle":
        return {"Abort" if action.aborts else "Finalize"}
    return {action.stage}


def _enforced(run: Run, began: StageRun, again: StageRun, reapply: float) -> bool:
    """Returns whether the agent applied the run again after a person's edit because no controller
    lived, or heard of it, to disarm it (docs/reliability.md)."""
    unheard = run.accepted_at is None or run.accepted_at.timestamp() > again.requested
    return unheard and again.requested - began.requested >= reapply
