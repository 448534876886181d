"""Decides what the work agent may do with kinds that its own role does not cover."""

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.clock import NEVER
from ibgu.sim.spoke.objects import Key

_AGGREGATED = "open-cluster-management.io/aggregate-to-work"
_GATED = frozenset({"lca.openshift.io", "config.openshift.io", "machineconfiguration.openshift.io"})

Grants = frozenset[tuple[str, str]]
"""Pairs of API group and verb."""


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
        grants = frozenset(pair for role in roles for pair in _pairs(role))
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
        if key.group not in _GATED:
            return True
        held = {(key.group, verb), (key.group, "*")}
        return not self.broken and bool(held & self.granted)

    def reset(self) -> None:
        """Resets the rights: a newly booted stateroot does not know the old one's roles."""
        self.granted, self._coming, self._at = frozenset(), frozenset(), NEVER


def _pairs(role: JsonObject) -> list[tuple[str, str]]:
    labels = (role.get("metadata") or {}).get("labels") or {}
    if labels.get(_AGGREGATED) != "true":
        return []
    return [
        (group, verb)
        for rule in role.get("rules") or []
        for group in rule.get("apiGroups") or []
        for verb in rule.get("verbs") or []
    ]
