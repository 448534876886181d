"""Decides what the work agent may do with kinds that its own role does not cover."""

from collections.abc import Iterator
from itertools import product

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.clock import NEVER
from ibgu.sim.spoke.objects import Key, resource_of

_AGGREGATED = "open-cluster-management.io/aggregate-to-work"
_GATED = frozenset(
    {
        "config.openshift.io",
        "lca.openshift.io",
        "machineconfiguration.openshift.io",
        "oadp.openshift.io",
        "operator.openshift.io",
        "operators.coreos.com",
        "velero.io",
    }
)
_GATED_KINDS = frozenset({("", "Node")})
"""Kinds without a group of their own that need a right, too."""

Grants = frozenset[tuple[str, str, str, str]]
"""API group, resource, verb and name of an object; `*` stands for all of them."""


class Aggregation:
    """Aggregation is the cluster's role aggregation: a labelled ClusterRole counts a moment after
    it appears."""

    DELAY = 0.05

    def __init__(self) -> None:
        self.granted: Grants = frozenset()
        self._coming: Grants = frozenset()
        self._at = NEVER
        self.broken = False

    def roles_changed(self, roles: list[JsonObject], now: float) -> None:
        grants = frozenset(grant for role in roles for grant in _grants(role))
        if grants != self._coming:
            self._coming, self._at = grants, now + self.DELAY

    def settle(self, now: float) -> bool:
        """Aggregates due roles; returns True if the rights have changed."""
        if now < self._at:
            return False
        changed = self.granted != self._coming
        self.granted, self._at = self._coming, NEVER
        return changed

    def allows(self, key: Key, verb: str) -> bool:
        if key.group not in _GATED and (key.group, key.kind) not in _GATED_KINDS:
            return True
        asked = (key.group, resource_of(key), verb, key.name)
        covering = product(*((part, "*") for part in asked))
        return not self.broken and any(grant in self.granted for grant in covering)

    def reset(self) -> None:
        """Resets the rights: a newly booted stateroot does not know the old one's roles."""
        self.granted, self._coming, self._at = frozenset(), frozenset(), NEVER


def _grants(role: JsonObject) -> Iterator[tuple[str, str, str, str]]:
    labels = (role.get("metadata") or {}).get("labels") or {}
    if labels.get(_AGGREGATED) != "true":
        return
    for rule in role.get("rules") or []:
        yield from product(
            rule.get("apiGroups") or [],
            rule.get("resources") or [],
            rule.get("verbs") or [],
            rule.get("resourceNames") or ["*"],
        )
