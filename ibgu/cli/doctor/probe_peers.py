"""Finds out who else leads on the hub, and whether ibgu could."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from msgspec.structs import replace

from ibgu.cli.doctor.facts import ClockReading, LeaseCheck, Missing, Talm
from ibgu.cli.doctor.probe_fleet import all_of
from ibgu.controller import clock as controller
from ibgu.controller.lookups.talm import LiveTalms
from ibgu.controller.lookups.talm_policy import installed_policy, shipped_policy
from ibgu.controller.service import LEASE
from ibgu.core.model.kinds import ClusterGroupUpgrade, RolloutObject
from ibgu.core.talm.beside import breaches, foreign_status, unenforced, unsettled
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.decode import ObjectIdentity
from ibgu.hub.election.competing_leases import CompetingLease, CompetingLeases
from ibgu.hub.errors import HubError


async def leadership(client: HubClient, namespace: str) -> LeaseCheck:
    rival = await find_rival(client, namespace)
    try:
        await try_lease(client, namespace)
    except HubError as error:
        forbidden = error.status == HTTPStatus.FORBIDDEN
        words = await _why_forbidden(client, namespace) if forbidden else error.message
        return LeaseCheck(namespace, words, rival)
    return LeaseCheck(namespace, rival=rival)


async def find_rival(client: HubClient, namespace: str) -> CompetingLease | None:
    """Returns the ibgu that leads from another namespace; None also without the right to know,
    which the rights report."""
    try:
        return await CompetingLeases(client, namespace, LEASE).find()
    except HubError:
        return None


async def _why_forbidden(client: HubClient, namespace: str) -> str:
    """Returns why the Lease is forbidden: in a missing namespace no Role grants anything."""
    try:
        await client.get(paths.namespace(namespace), ObjectIdentity)
    except HubError as error:
        if error.not_found:
            return "the namespace is not there"
        return "the right is missing, or the namespace is not there"
    return "the right is missing"


async def try_lease(client: HubClient, namespace: str) -> None:
    """Checks the Lease's creation by a dry run. Raises HubError."""
    body = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": LEASE, "namespace": namespace},
    }
    try:
        await client.request("POST", paths.leases(namespace), query={"dryRun": "All"}, body=body)
    except HubError as error:
        if not error.already_exists:
            raise


async def talm(client: HubClient, namespaces: list[str], clock: ClockReading | Missing) -> Talm:
    ahead = clock.ahead if isinstance(clock, ClockReading) else timedelta(0)
    hubs = await _set_forward(ahead)
    live = await LiveTalms(client, hubs, namespaces, {}).find()
    if not live:
        return Talm()
    policy = await installed_policy(client)
    return Talm(
        live[0].namespace,
        unenforced(policy, shipped_policy(), live),
        unsettled=unsettled(policy, hubs.now().timestamp()),
    )


async def breached(client: HubClient, known: Talm | Missing) -> Talm | Missing:
    """Returns what is known, with what TALM has written in spite of the policy. A status that ibgu
    has overwritten since is known to the controller alone."""
    if not isinstance(known, Talm) or not known.live_in or known.problem:
        return known
    ibgus = await all_of(client, paths.ibgus(), RolloutObject)
    statuses = (foreign_status(each.metadata) for each in ibgus)
    groups = await all_of(client, paths.cgus(), ClusterGroupUpgrade)
    found = breaches(
        await installed_policy(client), [each for each in statuses if each is not None], groups
    )
    return replace(known, breaches=found)


async def _set_forward(ahead: timedelta) -> controller.Clock:
    """Returns the hub's clock, as far as it is known: TALM's Lease was written by it."""

    async def read() -> datetime:
        return datetime.now(UTC) + ahead

    clock = controller.Clock(read)
    await clock.sync()
    return clock
