"""Compares at the end the backups that annotations of IBGUs ask for with what clusters did."""

from collections.abc import Iterable, Iterator, Mapping

from ibgu.core.drivers.ibu.actions import UPGRADE_BACKUP, Action, Stage
from ibgu.core.model import names
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.timeline import StageRun
from tests.simulation.checks import Found
from tests.simulation.checks.truth import Run


class UpgradeBackups:
    """UpgradeBackups is for simulations in which the database's clock showed the loop's time."""

    def __init__(
        self, found: Found, runs: Iterable[Run], asked: Mapping[str, Mapping[str, str]]
    ) -> None:
        """`asked`: the annotations of rollouts, by uid."""
        self._check = found.check
        self._runs = {run.id: run for run in runs if names.BACKUP in asked.get(run.rollout, {})}
        self._asked = asked

    def check(self, clusters: Iterable[SimulatedCluster]) -> None:
        """Checks that each cluster begins an Upgrade by ibgu only after a recent backup, and that a
        backup failed only if its Job was not complete."""
        for cluster in clusters:
            if cluster.operator is None:
                continue
            complete = cluster.operator.jobs.complete_at
            for run in self._failed(cluster):
                failed = f"backup-{run.id}" not in complete
                self._check("R10 failure is what the Job did", failed, run, complete)
            for begun, run in self._upgrades(cluster):
                minutes = int(self._asked[run.rollout][names.BACKUP_MAX_AGE])
                intended = run.intended_at.timestamp()
                ages = [
                    intended - complete[f"backup-{each.id}"]
                    for each in self._runs.values()
                    if each.action == UPGRADE_BACKUP
                    and (each.rollout, each.step) == (run.rollout, run.step)
                    and f"backup-{each.id}" in complete
                ]
                recent = any(0 <= age <= minutes * 60 for age in ages)
                words = (cluster.name, begun, run, ages)
                self._check("an Upgrade begins after a recent backup", recent, *words)

    def _failed(self, cluster: SimulatedCluster) -> Iterator[Run]:
        """Yields the backups of the cluster that have failed."""
        for run in self._runs.values():
            if (run.cluster, run.action, run.result) == (cluster.name, UPGRADE_BACKUP, "failed"):
                yield run

    def _upgrades(self, cluster: SimulatedCluster) -> Iterator[tuple[StageRun, Run]]:
        """Yields the Upgrades that the cluster has begun by a run of ibgu's."""
        for begun in cluster.timeline.runs:
            run = self._runs.get(begun.run)
            if run is None or begun.stage != Stage.UPGRADE or run.action != Action.UPGRADE:
                continue
            if run.arming_at is not None and run.arming_at.timestamp() <= begun.requested:
                yield begun, run
