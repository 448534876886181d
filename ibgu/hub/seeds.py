"""Reads the catalogue of seed images."""

from msgspec import Struct

from ibgu.core.model.seed_image import SeedImage
from ibgu.hub import paths
from ibgu.hub.decode import BadObject
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub

MAX_ENTRIES = 500
"""Entries that are read: a catalogue has tens."""


class Catalogue(Struct, frozen=True):
    entries: tuple[SeedImage, ...] = ()
    installed: bool = True
    """Whether the hub has the CRD."""
    truncated: bool = False


async def read_catalogue(hub: Hub, max_entries: int = MAX_ENTRIES) -> Catalogue:
    """Reads the entries; malformed ones are left out. Raises HubError."""
    found: list[SeedImage] = []
    try:
        async for page, _ in hub.list_pages(paths.SEED_IMAGES, SeedImage, on_bad=_leave_out):
            found += page
            if len(found) > max_entries:
                break
    except HubError as error:
        if error.not_found:
            return Catalogue(installed=False)
        raise
    return Catalogue(tuple(found[:max_entries]), truncated=len(found) > max_entries)


async def read_seed_image(hub: Hub, name: str) -> SeedImage | None:
    """Returns the entry; None: there is none. Raises HubError."""
    try:
        return await hub.get(paths.seed_image(name), SeedImage)
    except HubError as error:
        if error.not_found:
            return None
        raise


def _leave_out(bad: BadObject) -> None:
    """The API server keeps entries by the CRD's schema; one of another version may not decode."""
