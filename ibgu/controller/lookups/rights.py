"""Checks the rights that ibgu needs on the hub: at the start, periodically, and after a denied
write."""

import asyncio
from collections.abc import Callable

import structlog

from ibgu.core.model import names
from ibgu.hub import paths
from ibgu.hub.authorization.consequences import consequence
from ibgu.hub.authorization.rights import TENANCY, Right, needed, refused
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub
from ibgu.settings import Settings

log = structlog.get_logger("ibgu.controller")

INTERVAL = 300.0
"""Seconds between two checks while no right is missing; a check is about 30 small requests."""
_FLEET_UPDATES = paths.ROLLOUT_KINDS[names.FLEET_UPDATE][1]
_SEED_IMAGES = "seedimages"
_ROLLOUT_POLICIES = "rolloutpolicies"
_GRANTS = ("rolloutapprovals", "breakglasses")
RETRY_SECONDS = 5.0
"""Seconds between two checks while a right is missing."""


def of_controller(
    settings: Settings,
    lease: str,
    *,
    cgus: bool,
    fleet_updates: bool,
    seed_images: bool,
    rollout_policies: bool,
    grants: bool,
) -> list[Right]:
    """Returns the rights that the controller needs. `cgus`, `fleet_updates`, `seed_images`,
    `rollout_policies`, `grants`: the hub serves ClusterGroupUpgrades, FleetUpdates, SeedImages,
    RolloutPolicies, grants; a right to what is not served is not missed."""
    talm = settings.talm_namespaces.split(",")
    everywhere = [
        right
        for right in needed("controller")
        if (cgus or right.group != paths.CGU_GROUP)
        and (fleet_updates or right.resource.partition("/")[0] != _FLEET_UPDATES)
        and (seed_images or right.resource != _SEED_IMAGES)
        and (rollout_policies or right.resource != _ROLLOUT_POLICIES)
        and (grants or right.resource not in _GRANTS)
    ]
    return [
        *(right for right in everywhere if not _of_talm(right)),
        *(_in(right, namespace) for right in everywhere if _of_talm(right) for namespace in talm),
        *(needed(TENANCY) if settings.tenancy != "off" else ()),
        *needed("leader", settings.namespace, lease),
    ]


def _of_talm(right: Right) -> bool:
    """Returns whether the right is about TALM's own objects, which are in one of a few
    namespaces."""
    return right.resource in ("leases", "deployments") and right.verb == "get"


def _in(right: Right, namespace: str) -> Right:
    return Right(right.verb, right.group, right.resource, namespace, right.name)


class RightsWatch:
    """RightsWatch keeps `missing`, the rights that the last check found missing, and calls `given`
    when one is granted."""

    def __init__(
        self, client: Hub, needed: list[Right], given: Callable[[], None] = lambda: None
    ) -> None:
        self._client = client
        self._needed = needed
        self._given = given
        self._doubted = asyncio.Event()
        self.missing: tuple[Right, ...] = ()

    async def run(self) -> None:
        while True:
            await self._probe()
            self._doubted.clear()
            if self.missing:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                await self._check_requested()

    def doubt(self) -> None:
        """Requests a check soon, because the hub has denied something."""
        self._doubted.set()

    def problems(self) -> list[str]:
        """Returns a problem for each missing right that ibgu can't work without."""
        consequences = ((right, consequence(right)) for right in self.missing)
        return [
            f"ibgu may not {right}: {means.words}" for right, means in consequences if means.vital
        ]

    async def _check_requested(self) -> None:
        try:
            async with asyncio.timeout(INTERVAL):
                await self._doubted.wait()
        except TimeoutError:
            return

    async def _probe(self) -> None:
        try:
            found = tuple(await refused(self._client, self._needed))
        except HubError as error:
            log.warning("can't tell what ibgu may do", error=str(error))
            return
        for right in found:
            if right not in self.missing:
                means = consequence(right).words
                log.error("missing right", right=str(right), means=means, do="run ibgu doctor")
        for right in self.missing:
            if right not in found:
                log.info("right granted", right=str(right))
        given, self.missing = set(self.missing) - set(found), found
        if given:
            self._given()
