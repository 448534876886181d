"""Observes one cluster of one rollout: what the hub shows of it, and what became of our writes."""

from collections.abc import Callable

from msgspec import Struct

from ibgu.controller.effects.outcomes import WriteOutcomes
from ibgu.controller.mirror.mirror import Mirror
from ibgu.core.engine.evidence import proven
from ibgu.core.model import Observation, Rollout
from ibgu.core.model.names import payload_name, stage_name


class Observer(Struct, frozen=True, eq=False):
    _mirror: Mirror
    _outcomes: WriteOutcomes

    def of(self, rollout: Rollout) -> Callable[[str], Observation]:
        """Returns a function from a cluster's name to its observation."""
        mirror, outcomes = self._mirror, self._outcomes
        stage = stage_name(rollout.uid, rollout.name)
        payload = payload_name(rollout.uid, rollout.name)
        refused, denied = outcomes.refusals.words, outcomes.denials.words
        restore = rollout.restore

        def of(cluster: str) -> Observation:
            return Observation(
                cluster=mirror.cluster(cluster),
                stage=proven(mirror.work((cluster, stage)), restore),
                payload=mirror.work((cluster, payload)),
                writing=outcomes.pending((cluster, stage)),
                payload_writing=outcomes.pending((cluster, payload)),
                refusal=refused("work", cluster, stage),
                payload_refusal=refused("work", cluster, payload),
                denied=denied("work", cluster, stage) or denied("work", cluster, payload),
                labels_denied=denied("cluster", cluster),
                talm=mirror.acting(cluster),
            )

        return of
