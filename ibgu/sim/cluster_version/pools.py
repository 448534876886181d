"""The machine-config operator of one cluster: its pools, and its ClusterOperator."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

from ibgu.sim.cluster_version.objects import (
    BUDGET,
    MACHINE_CONFIG,
    budget,
    budget_status,
    cluster_operator,
    condition,
    health_check,
    pool,
    pool_key,
    pool_status,
)
from ibgu.sim.cluster_version.pins import Pins, synchronizer
from ibgu.sim.cluster_version.settings import Updates
from ibgu.sim.spoke.store import Spoke


class Pools:
    """Pools renders a configuration for each release, and rolls it over the nodes. The
    cluster-version operator waits for the pool `master` alone."""

    def __init__(
        self,
        spoke: Spoke,
        updates: Updates,
        holds: Callable[[str], bool],
        restart: Callable[[], Iterator[float]],
    ) -> None:
        """`holds` says whether a trouble holds now; `restart` restarts the only node."""
        self._spoke = spoke
        self._updates = updates
        self._holds = holds
        self._restart = restart
        self._revision = 1
        self._updated = dict(self.machines)
        self._degraded: dict[str, str] = {}
        self.pins = Pins(spoke, updates, holds, self.machines, self.show)
        self.now = 0.0

    @property
    def machines(self) -> dict[str, int]:
        workers, canaries = self._updates.workers, self._updates.canaries
        found = {"master": 3 if workers else 1, "worker": workers}
        return found | ({"canary": canaries} if workers and canaries else {})

    def install(self, release: tuple[int, ...]) -> None:
        self.pins.serve(release)
        for name in self.machines:
            self._spoke.create(pool(name), self.now)
        if self._updates.workers:
            self._spoke.create(health_check(), self.now)
            self._spoke.create(budget(), self.now)
            self._show_budget()
        self._spoke.create(cluster_operator(MACHINE_CONFIG.name), self.now)
        self.show()

    def resume(self, release: tuple[int, ...]) -> None:
        """Takes up the configuration that the pools have: their nodes have it, too."""
        self.pins.serve(release)
        found: dict[str, Any] = self._spoke.get(pool_key("master")) or {}
        self._revision = int(found["spec"]["configuration"]["name"].rpartition("-")[2])
        self.show()

    def follow(
        self, begin: Callable[[str, Generator[float]], None], end: Callable[[str], None]
    ) -> None:
        """Shows what was written of a pool since: also of one without nodes to roll. Begins to
        pull images that were pinned."""
        self.pins.follow(begin, end, self.now)
        pools = (self._spoke.get(pool_key(name)) or {} for name in self.machines)
        shown = (each for each in pools if "status" in each)
        if any(p["metadata"]["generation"] != p["status"]["observedGeneration"] for p in shown):
            self.show()
        self._show_budget()

    def _show_budget(self) -> None:
        """Writes the status of the budget of the workers' pods, where it has changed."""
        if found := self._spoke.get(BUDGET):
            generation = int(found["metadata"]["generation"])
            status = budget_status(generation, self._holds("drain-blocked"))
            if found.get("status") != status:
                self._spoke.write_status(BUDGET, status, self.now)

    @property
    def _pins_known(self) -> bool:
        return "PinnedImageSet" not in self._spoke.missing_kinds

    def render(self, release: tuple[int, ...]) -> None:
        """Gives every pool the configuration of another release."""
        self.pins.serve(release)
        self._revision += 1
        for name, machines in self.machines.items():
            key, found = pool_key(name), self._spoke.get(pool_key(name))
            if found is not None:
                rendered = {"name": f"rendered-{name}-{self._revision}"}
                spec = {**(found.get("spec") or {}), "configuration": rendered}
                self._spoke.update(key, {**found, "spec": spec}, self.now)
            self._updated[name] = 0 if machines else machines
        self.show()

    def roll(self, name: str) -> Generator[float]:
        """Rolls the configuration over one pool's nodes, one after the other."""
        machines = self.machines[name]
        while self._updated[name] < machines:
            while self.paused(name):
                self.show()
                yield self._updates.look_again
            if name == "worker" and self._holds("drain-blocked"):
                yield from self._drain(name)
            if self._updates.workers:
                yield self._updates.nodes / (machines if name == "master" else 1)
            else:
                yield from self._restart()
            self._updated[name] += 1
            self.show()

    def _drain(self, name: str) -> Iterator[float]:
        waited = 0.0
        while self._holds("drain-blocked"):
            if waited >= self._updates.drain:
                self._degraded[name] = (
                    f'Node {name}-0 is reporting: "failed to drain node: {name}-0 after 1 hour. '
                    'Please see machine-config-controller logs for more information"'
                )
            self.show()
            yield self._updates.look_again
            waited += self._updates.look_again
        self._degraded.pop(name, None)
        self.show()

    def paused(self, name: str) -> bool:
        found: dict[str, Any] = self._spoke.get(pool_key(name)) or {}
        return bool((found.get("spec") or {}).get("paused"))

    @property
    def held(self) -> frozenset[str]:
        """The names of the pools that are paused."""
        return frozenset(filter(self.paused, self.machines))

    def pause(self, paused: bool) -> None:
        """Pauses the last pool that has nodes, or resumes it, as a person does."""
        name = "worker" if self._updates.workers else "master"
        found = self._spoke.get(pool_key(name))
        if found is not None:
            spec = {**(found.get("spec") or {}), "paused": paused}
            self._spoke.update(pool_key(name), {**found, "spec": spec}, self.now)
            self.show()

    @property
    def failure(self) -> str:
        """Returns why the operator is degraded; empty: it is sound."""
        for name, words in self._degraded.items():
            return f"error during syncRequiredMachineConfigPools: pool {name}: {words}"
        if self.rolling("master") and self.paused("master"):
            return (
                "required MachineConfigPool master is paused and cannot sync until it is unpaused"
            )
        return ""

    @property
    def all_updated(self) -> bool:
        return not any(map(self.rolling, self.machines))

    def rolling(self, name: str) -> bool:
        """Returns whether nodes of the pool have still to take its configuration."""
        return self._updated[name] < self.machines[name]

    def show(self) -> None:
        """Writes the status of the pools, and of the operator."""
        for name, machines in self.machines.items():
            found: dict[str, Any] | None = self._spoke.get(pool_key(name))
            if found is None:
                continue
            status = pool_status(
                *(name, int(found["metadata"]["generation"]), machines, self._updated[name]),
                *(self._revision, self._degraded.get(name, ""), self.paused(name)),
            )
            if self._pins_known:
                ready = status["readyMachineCount"]
                pins = synchronizer(machines, self.pins.have[name], ready)
                status["poolSynchronizersStatus"] = [pins]
            self._spoke.write_status(pool_key(name), status, self.now)
        if self._spoke.get(MACHINE_CONFIG) is not None:
            degraded, failure = "True" if self.failure else "False", self.failure
            reason = "RequiredPoolsFailed" if failure else "AsExpected"
            status = {
                "conditions": [
                    condition("Degraded", degraded, reason, failure),
                    condition("Progressing", str(any(map(self.rolling, self.machines)))),
                    condition("Available", "True", "AsExpected"),
                ],
                "extension": {name: self._said(name) for name in self.machines},
            }
            self._spoke.write_status(MACHINE_CONFIG, status, self.now)

    def _said(self, name: str) -> str:
        if self.rolling(name):
            done, all_ = self._updated[name], self.machines[name]
            return f"{done} (ready {done}) out of {all_} nodes are updating to latest configuration"
        return f"all {self.machines[name]} nodes are at latest configuration"
