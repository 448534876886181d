"""Keeps by which labels the claims count for the limits of policies, and which of these labels the
history does not have yet (R44.2)."""

from collections.abc import Iterable, Mapping

from ibgu.core.model.start_facts import Labels

_Clusters = dict[str, Labels | None]
"""The labels of one or more clusters of a name, by ManagedCluster uid; None: the hub has never
shown the cluster."""


class CountedLabels:
    """CountedLabels has the labels of the claimed clusters of one fleet."""

    def __init__(self) -> None:
        self._keys: tuple[str, ...] = ()
        self._of: dict[str, _Clusters] = {}
        """Keyed by cluster name."""
        self._unrecorded: dict[str, None] = {}
        """The names of which the history has other labels, or none."""

    def follow(self, keys: Iterable[str]) -> None:
        """Keeps the labels with these keys from now on; others than before are not recorded yet."""
        before, self._keys = self._keys, tuple(sorted(keys))
        if self._keys == before:
            return
        self._of.clear()
        self._unrecorded.clear()

    def count(self, name: str, uid: str, labels: Mapping[str, str] | None) -> None:
        """Keeps by which labels the claim on the cluster counts; None: the hub does not show it, so
        that it counts as before."""
        if not self._keys:
            return
        known = self._of.setdefault(name, {})
        counted = self._read(labels) if labels is not None else known.get(uid)
        if uid not in known or known[uid] != counted:
            known[uid] = counted
            self._unrecorded[name] = None

    def release(self, name: str, uid: str) -> None:
        """Forgets the cluster: nobody claims it any more."""
        known = self._of.get(name, {})
        if uid not in known:
            return
        del known[uid]
        self._unrecorded[name] = None
        if not known:
            del self._of[name], self._unrecorded[name]

    def unrecorded(self) -> Mapping[str, Labels | None]:
        """Returns the labels that the history does not have, by cluster name; None: it is not known
        which the cluster has, or the claims are on two of that name."""
        return {name: self._one(self._of[name]) for name in sorted(self._unrecorded)}

    def of(self, name: str, uid: str) -> Labels | None:
        """Returns by which labels the cluster counts, or with which it has started; None: they are
        not known."""
        return self._of.get(name, {}).get(uid)

    def _one(self, clusters: _Clusters) -> Labels | None:
        return next(iter(clusters.values())) if len(clusters) == 1 else None

    def record_start(self, name: str, uid: str, labels: Labels) -> None:
        """Notes that the history has these labels of a cluster that starts. It does not show which
        of two clusters of that name counts."""
        others = self._of.get(name, {}).keys() - {uid}
        if self._keys and not others and labels.keys() >= set(self._keys):
            self._of[name] = {uid: {key: labels[key] for key in self._keys}}
            self._unrecorded.pop(name, None)

    def record(self, recorded: Mapping[str, Labels | None]) -> None:
        """Notes that the history has these labels."""
        for name, labels in recorded.items():
            if name in self._unrecorded and self._one(self._of[name]) == labels:
                del self._unrecorded[name]

    def reopen(self, names: Iterable[str]) -> None:
        """Notes that the history does not have the labels of these clusters after all."""
        self._unrecorded.update((name, None) for name in names if name in self._of)

    def _read(self, labels: Mapping[str, str]) -> Labels:
        return {key: labels.get(key) for key in self._keys}
