"""The fleet's connection to the hub, which knows what its reports prove of an update."""

from collections.abc import Collection

from ibgu.core.drivers.cluster_version.actions import UpdateAction
from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.engine.driver import VerdictKind
from ibgu.core.engine.works import view_work
from ibgu.core.model import Rollout
from ibgu.core.model.kinds import ManifestWork
from tests.benchmarks.agents import Agents


class UpdateAgents(Agents):
    """UpdateAgents notes of each report whether the end of an update was proven by it and not
    before; reports of other clusters are those of image-based upgrades."""

    updated: Collection[str] = ()
    """The clusters that are updated."""
    rollout: Rollout
    """What they are updated to."""

    def _note(self, work: ManifestWork) -> None:
        cluster = work.metadata.namespace
        if cluster not in self.updated:
            super()._note(work)
            return
        rests = self.rests.setdefault(cluster, [])
        rests.append(True not in rests and self._proves_the_end(work))

    def _proves_the_end(self, work: ManifestWork) -> bool:
        view = view_work(CLUSTER_VERSION, work)
        if view.feedback is None or not view.up_to_date:
            return False
        seen = view.feedback
        verdict = CLUSTER_VERSION.verdict(seen, UpdateAction.UPDATE, self.rollout)
        return seen.stage == UpdateAction.UPDATE and verdict.kind is VerdictKind.SUCCEEDED
