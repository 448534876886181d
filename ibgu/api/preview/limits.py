"""Reads what limits a rollout on the hub, with the rights of the caller."""

from http import HTTPStatus

from ibgu.api.context import Context
from ibgu.core.model.rollout_policy import PolicyState
from ibgu.core.plan import EVERYWHERE, Scope
from ibgu.hub.clustersets import read_tenancy
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub
from ibgu.hub.rollout_policies import read_rollout_policies

POLICIES_UNKNOWN = (
    "you may not list RolloutPolicies, so this leaves out what they hold; ask for the ClusterRole "
    "ibgu-rollout-policy-view"
)


async def scope_of(hub: Hub, context: Context, namespace: str) -> Scope:
    """Returns the clusters that rollouts of the namespace may use. Raises HubError: without the
    caller's right to read bindings there is no answer (403)."""
    if not context.tenancy:
        return EVERYWHERE
    tenancy = await read_tenancy(hub, lambda bad: None, namespace)
    return tenancy.scope(namespace)


async def policies_of(hub: Hub) -> PolicyState | None:
    """Returns the policies of the hub; None: the caller may not list them. Raises HubError."""
    try:
        return await read_rollout_policies(hub)
    except HubError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        return None
