"""Runs `ibgu doctor`'s checks that come before a controller begins."""

from collections.abc import Iterable
from http import HTTPStatus

import structlog

from ibgu.cli.doctor.examine import examine
from ibgu.cli.doctor.findings import Finding, Level, error
from ibgu.cli.doctor.judge_hub import judge_hub, judge_served
from ibgu.cli.doctor.probe_hub import AccessQuestion, probe_start
from ibgu.cli.doctor.probe_peers import find_rival, try_lease
from ibgu.cli.serve.unready import HubNotReady, print_problems
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.discovery import Served, discover
from ibgu.hub.errors import HubError
from ibgu.settings import Settings, in_cluster

log = structlog.get_logger("ibgu")

INSTALL_ROLES = (
    "kubectl apply -f charts/ibgu/files/rbac/, and bind ibgu-controller to the account that ibgu "
    "runs as (helm install does both); to see all rights that are missing: ibgu doctor"
)


async def check_hub(client: HubClient, settings: Settings) -> Served:
    """Returns what the hub serves, once it has all that a controller can't begin without.

    The namespace of the Lease is created if the hub allows that, and only on a hub that ibgu is
    installed on and that no other ibgu leads: its name may be mistyped. What only keeps the
    controller from acting (a missing right, a live TALM) is printed: it waits for that while it
    runs. Raises HubNotReady, HubError.
    """
    served = await _discovered(client)
    missing = [] if served.works and served.ibgus else _errors(judge_served(served))
    if not missing:
        missing = await _leads_elsewhere(client, settings.namespace)
        missing = missing or await _namespace(client, settings.namespace)
    if missing:
        raise HubNotReady(missing if in_cluster() else await _all(settings, missing))
    facts = await probe_start(client, settings, served)
    print_problems(_errors(judge_hub(facts, user=False)))
    return served


async def _discovered(client: HubClient) -> Served:
    """Discovers the hub. Raises HubNotReady if a right is missing that the very first request
    needs."""
    try:
        return await discover(client)
    except HubError as failed:
        if failed.status != HTTPStatus.FORBIDDEN:
            raise
        words = f"ibgu may not read the namespace that identifies the hub: {failed.message}"
        raise HubNotReady([error("rights", words, INSTALL_ROLES)]) from failed


async def _leads_elsewhere(client: HubClient, namespace: str) -> list[Finding]:
    rival = await find_rival(client, namespace)
    if rival is None:
        return []
    return [error("leadership", rival.problem(namespace), rival.remedy)]


def _errors(findings: Iterable[Finding]) -> list[Finding]:
    return [each for each in findings if each.level is Level.ERROR]


async def _all(settings: Settings, missing: list[Finding]) -> list[Finding]:
    """Returns all of doctor's findings, for a person. A missing namespace is created at the next
    start."""
    found = _errors(await examine(settings, AccessQuestion()))
    known = {"leadership", *(each.check for each in missing)}
    return [*missing, *(each for each in found if each.check not in known)]


async def _namespace(client: HubClient, name: str) -> list[Finding]:
    """Returns what is wrong with the namespace of the Lease, which is created if missing."""
    try:
        await try_lease(client, name)
    except HubError as failed:
        # The running controller reports other errors (a missing right).
        return await make_namespace(client, name) if failed.not_found else []
    return []


async def make_namespace(client: HubClient, name: str) -> list[Finding]:
    """Creates the namespace; returns why it can't, or nothing on success."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    try:
        await client.request("POST", paths.NAMESPACES, body=body)
    except HubError as failed:
        if failed.already_exists:
            return []
        words = f"namespace {name} does not exist, and ibgu can't create it: {failed.message}"
        do = f"kubectl create namespace {name}, or set IBGU_NAMESPACE"
        return [error("leadership", words, do)]
    log.info("created the namespace for the Lease", namespace=name)
    return []
