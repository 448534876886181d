"""Simulates a TALM on the hub, which ibgu detects by its renewed Lease (R20.1)."""

import asyncio
from datetime import UTC, datetime
from math import inf

from ibgu.controller.lookups.talm import ALIVE, LEASE
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.sim.hub import MemoryClient, MemoryHub

NAMESPACE = "openshift-operators"
RENEWED = 30.0
"""Seconds between two renewals."""
KNOWN = 60.0
"""Seconds after which every controller that can reach the hub has checked, and its earlier requests
are answered."""


class Talm:
    def __init__(self, hub: MemoryHub) -> None:
        self._hub = hub
        self._client = MemoryClient(hub, "talm")
        self._began = self._renewed = -inf

    async def live(self, seconds: float) -> None:
        """Renews for so long; its Lease counts for two minutes more."""
        if not self.alive:
            self._began = self._hub.now()
        until = self._hub.now() + seconds
        while self._hub.now() < until:
            await self._install()  # a restore of the hub may have taken it away
            renewed = datetime.fromtimestamp(self._hub.now(), UTC).isoformat()
            await self._client.request(
                "PATCH",
                paths.lease(NAMESPACE, LEASE),
                body={"spec": {"holderIdentity": "talm", "renewTime": renewed}},
                content_type=paths.MERGE_PATCH,
            )
            self._renewed = self._hub.now()
            await asyncio.sleep(RENEWED)

    def forget(self) -> None:
        """The hub was restored, maybe to a time before TALM's Lease: until TALM renews it again, no
        controller knows of it."""
        self._began = self._hub.now()

    @property
    def alive(self) -> bool:
        """Returns whether TALM lives, by its Lease."""
        return self._hub.now() - self._renewed < ALIVE.total_seconds()

    @property
    def known(self) -> bool:
        """Returns whether every controller has seen that TALM lives."""
        return self.alive and self._hub.now() - self._began > KNOWN

    async def _install(self) -> None:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": LEASE},
        }
        for path, body in (("/api/v1/namespaces", namespace), (paths.leases(NAMESPACE), lease)):
            try:
                await self._client.request("POST", path, body=body)
            except HubError as error:
                if not error.conflict:
                    raise
