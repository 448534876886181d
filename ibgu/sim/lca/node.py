"""Simulates the node below the Lifecycle Agent: stateroots, reboots, versions and the link to the
hub."""

from ibgu.sim.lca.record import Record
from ibgu.sim.spoke import Spoke


class SimulatedNode:
    """SimulatedNode is one node; `settled` is False from the boot into the old stateroot until LCA
    has restored the IBU."""

    def __init__(self, spoke: Spoke, record: Record, version: str) -> None:
        self.spoke = spoke
        self.record = record
        self.version = version
        self.up = True
        self.settled = True
        self._old_version = version

    def shut_down(self) -> None:
        self.up = self.spoke.connected = False
        self.record.last = self.spoke.ibu

    def boot_new(self, now: float, certificates: float) -> None:
        """The saved IBU is the only thing that the new stateroot has. `certificates`: seconds for
        which those of the old one are valid."""
        self.spoke.leave_stateroot(now)
        self.up = self.record.after_pivot = True
        self.record.restore(now)
        self._old_version = self.version
        seed = self.record.spec.get("seedImageRef") or {}
        self.version = str(seed.get("version") or self.version)
        self.record.expires(now + certificates, now)

    def boot_old(self, now: float) -> None:
        """The old etcd shows the IBU as it was before the pivot, until the copy is restored."""
        self.spoke.return_to_stateroot(now)
        self.version = self._old_version
        self.up = self.spoke.connected = True
        self.settled = self.record.after_pivot = False

    def restore_ibu(self, now: float) -> None:
        self.settled = True
        self.record.restore(now)
        self.record.forget("rollbackAvailabilityExpiration", now)
