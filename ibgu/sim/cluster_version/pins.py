"""PinnedImageSets of one cluster: pools list them, and their nodes pull the images."""

from collections.abc import Callable, Generator, Mapping

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.cluster_version.objects import PINS, pool_key
from ibgu.sim.cluster_version.settings import Updates
from ibgu.sim.spoke.store import Spoke

SINCE = (4, 19)
"""The first release with the kind."""
_ROLE = "machineconfiguration.openshift.io/role"
_UNAWARE = 5.0
"""Seconds in which a node still counts as one that has the images of another set."""


class Pins:
    """Pins counts the nodes of each pool that have all images of the pool's sets. Nothing is
    pulled twice: a node that has the images of a set needs no time."""

    def __init__(
        self,
        spoke: Spoke,
        updates: Updates,
        holds: Callable[[str], bool],
        machines: Mapping[str, int],
        show: Callable[[], None],
    ) -> None:
        """`holds` says whether a trouble holds now; `show` writes the status of the pools."""
        self._spoke = spoke
        self._updates = updates
        self._holds = holds
        self._machines = machines
        self._show = show
        self._listed: dict[str, list[str]] = {name: [] for name in machines}
        self.have = dict(machines)
        """How many nodes of each pool count as having all images."""
        self.pulled = dict.fromkeys(machines, 0)
        """How many nodes of each pool have ever pulled the images of sets."""

    def serve(self, release: tuple[int, ...]) -> None:
        """Gives the cluster the kind if the release has it."""
        kind = PINS[1]
        if release[:2] < SINCE:
            self._spoke.missing_kinds.add(kind)
        else:
            self._spoke.missing_kinds.discard(kind)

    def follow(
        self,
        begin: Callable[[str, Generator[float]], None],
        end: Callable[[str], None],
        now: float,
    ) -> None:
        """Has the pools list the sets that they select by their label."""
        sets = self._spoke.named(PINS)
        for pool in self._machines:
            roles = {pool} if pool in ("master", "worker") else {pool, "worker"}
            names = sorted(
                each["metadata"]["name"]
                for each in sets
                if (each["metadata"].get("labels") or {}).get(_ROLE) in roles
            )
            if names == self._listed[pool]:
                continue
            self._listed[pool] = names
            self._list(pool, names, now)
            end(f"pins {pool}")
            self.have[pool] = self._machines[pool]
            self._show()
            if names:
                begin(f"pins {pool}", self._pull(pool))

    def _list(self, pool: str, names: list[str], now: float) -> None:
        found = self._spoke.get(pool_key(pool))
        if found is not None:
            spec = {k: v for k, v in (found.get("spec") or {}).items() if k != "pinnedImageSets"}
            if names:
                spec["pinnedImageSets"] = [{"name": name} for name in names]
            self._spoke.update(pool_key(pool), {**found, "spec": spec}, now)

    def _pull(self, pool: str) -> Generator[float]:
        """Has the nodes pull the images side by side, and end one after the other."""
        machines = self._machines[pool]
        yield _UNAWARE
        self.have[pool] = 0
        self._show()
        for node in range(machines):
            yield self._updates.pull / machines
            last = node == machines - 1 and pool == self._last
            while last and self._holds("pins-without-space"):
                yield self._updates.look_again
            self.have[pool] = node + 1
            self.pulled[pool] = max(self.pulled[pool], node + 1)
            self._show()

    @property
    def _last(self) -> str:
        """The last pool that has nodes: worker, or master on a single node."""
        return "worker" if self._updates.workers else "master"


def synchronizer(machines: int, have: int, ready: int) -> JsonObject:
    """Returns what a pool's status says of its PinnedImageSets."""
    return {
        "poolSynchronizerType": "PinnedImageSets",
        "machineCount": machines,
        "updatedMachineCount": have,
        "readyMachineCount": ready,
        "availableMachineCount": ready,
        "unavailableMachineCount": machines - ready,
    }
