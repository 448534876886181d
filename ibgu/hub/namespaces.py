"""Tells a namespace that is not on the hub from one that ibgu has no rights in.

RBAC refuses (403) what is asked for in a namespace without a RoleBinding, there or not.
"""

from ibgu.hub import paths
from ibgu.hub.decode import ObjectIdentity
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub


async def is_absent(client: Hub, namespace: str) -> bool:
    """Returns whether the namespace is not on the hub; False where the caller may not know.

    Raises HubError if the hub gives no answer.
    """
    try:
        await client.get(paths.namespace(namespace), ObjectIdentity)
    except HubError as error:
        if error.not_found:
            return True
        if error.status != 403:
            raise
    return False
