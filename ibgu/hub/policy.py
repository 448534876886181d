"""Finds since when an admission policy of the chart is in force."""

from datetime import datetime

from msgspec import Struct

from ibgu.core.model.kinds import ObjectMeta
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


async def enforced_since(client: Hub, policy: str) -> datetime | None:
    """Returns when the younger of the policy and its binding, which has its name, was created;
    None: it denies nothing here.

    Hubs before Kubernetes 1.30 serve no such policies. Raises HubError if the hub gives no answer,
    or denies ibgu the read.
    """
    found = [await _read(client, path(policy)) for path in (paths.policy, paths.policy_binding)]
    there = [each for each in found if each is not None]
    if len(there) < len(found) or not _denies(there[1].spec, policy):
        return None
    return max(datetime.fromisoformat(each.metadata.creation_timestamp) for each in there)


def _denies(binding: BindingSpec, policy: str) -> bool:
    return binding.policy_name == policy and DENY in binding.validation_actions


async def _read(client: Hub, path: str) -> _Object | None:
    try:
        return await client.get(path, _Object)
    except HubError as error:
        if error.not_found:
            return None
        raise
