"""Finds since when the chart's admission policy checks what IBGUs refer to."""

from datetime import datetime

from msgspec import Struct

from ibgu.core.model.kinds import ObjectMeta
from ibgu.core.plan.references import POLICY
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub

DENY = "Deny"


class BindingSpec(Struct, frozen=True, rename="camel"):
    policy_name: str = ""
    validation_actions: list[str] = []


class _Object(Struct, frozen=True, rename="camel"):
    """_Object is a ValidatingAdmissionPolicy, or its binding."""

    metadata: ObjectMeta
    spec: BindingSpec = BindingSpec()


async def enforced_since(client: Hub) -> datetime | None:
    """Returns when the younger of policy and binding was created; None: it denies nothing here.

    Hubs before Kubernetes 1.30 serve no such policies. Raises HubError if the hub gives no answer,
    or denies ibgu the read.
    """
    found = [await _read(client, path(POLICY)) for path in (paths.policy, paths.policy_binding)]
    there = [each for each in found if each is not None]
    if len(there) < len(found) or not _denies(there[1].spec):
        return None
    return max(datetime.fromisoformat(each.metadata.creation_timestamp) for each in there)


def _denies(binding: BindingSpec) -> bool:
    return binding.policy_name == POLICY and DENY in binding.validation_actions


async def _read(client: Hub, path: str) -> _Object | None:
    try:
        return await client.get(path, _Object)
    except HubError as error:
        if error.not_found:
            return None
        raise
