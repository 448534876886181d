"""Reads ibgu's ManifestWorks in one cluster's namespace, for a person."""

from ibgu.core.model import names
from ibgu.core.model.kinds import ManifestWork
from ibgu.hub import paths
from ibgu.hub.port import Hub


async def works_of(hub: Hub, cluster: str) -> list[ManifestWork]:
    """Returns the works as they are now, by name. Raises HubError."""
    found: list[ManifestWork] = []
    async for items, _ in hub.list_pages(
        paths.works(cluster), ManifestWork, selector=names.SELECTOR
    ):
        found.extend(items)
    return sorted(found, key=lambda work: work.metadata.name)
