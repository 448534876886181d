"""The demands of policies: what rollouts must not go without, whatever their annotations say
(R50.15)."""

from collections.abc import Callable, Iterable

from msgspec import Struct

from ibgu.core.engine.gate import ActionFilter
from ibgu.core.model import ActionName, ClusterView, traits


class PolicyDemands(Struct, frozen=True):
    """PolicyDemands are those of one policy, for the rollouts that it holds."""

    policy: str
    preflight: bool
    """Whether preflight is enforced."""
    warnings: bool
    """Whether clusters that have warned wait for a person."""
    actions: ActionFilter
    selects: Callable[[ClusterView], bool]
    """Whether the policy is about a cluster."""

    def concern(self, action: ActionName, cluster: ClusterView) -> bool:
        return self.actions(traits(action)) and self.selects(cluster)


def enforces_preflight(
    demands: Iterable[PolicyDemands],
    actions: Iterable[ActionName],
    clusters: Iterable[ClusterView],
) -> bool:
    """Returns whether a policy enforces preflight for one of the clusters, before one of the
    actions that preflight's rules are about."""
    judged = [action for action in actions if traits(action).preflight]
    asking = [
        each
        for each in demands
        if each.preflight and any(each.actions(traits(action)) for action in judged)
    ]
    return bool(asking) and any(each.selects(view) for view in clusters for each in asking)
