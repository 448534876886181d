"""Reads ManagedClusterSets and their bindings in two consistent lists."""

from collections.abc import Callable

from ibgu.core.model.kinds import ManagedClusterSet, ManagedClusterSetBinding
from ibgu.core.plan import Tenancy, tenancy_of
from ibgu.hub import paths
from ibgu.hub.decode import BadObject
from ibgu.hub.port import Hub


async def read_tenancy(
    hub: Hub, on_bad: Callable[[BadObject], None], namespace: str | None = None
) -> Tenancy:
    """Returns what is bound to the namespace, or to each of them. Raises HubError. A malformed
    object is left out: it binds nothing, and no cluster is in it."""
    sets: list[ManagedClusterSet] = []
    bindings: list[ManagedClusterSetBinding] = []
    where = paths.cluster_set_bindings(namespace)
    async for found, _ in hub.list_pages(where, ManagedClusterSetBinding, on_bad=on_bad):
        bindings.extend(found)
    async for page, _ in hub.list_pages(paths.CLUSTER_SETS, ManagedClusterSet, on_bad=on_bad):
        sets.extend(page)
    return tenancy_of(sets, bindings)
