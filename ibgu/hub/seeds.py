"""Reads the catalogue of seed images, and what is attached to a cluster."""

from http import HTTPStatus

from msgspec import Struct

from ibgu.core.drivers.ibu.preflight.facts import Lookup
from ibgu.core.drivers.ibu.seeds import Attachments
from ibgu.core.model.seed_image import SeedImage
from ibgu.hub import paths
from ibgu.hub.decode import BadObject, ObjectIdentity
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


async def read_attachments(hub: Hub, path: str) -> Attachments:
    """Reads the names of objects in a cluster's namespace, the first 500. Raises HubError."""
    try:
        async for page, _ in hub.list_pages(path, ObjectIdentity, on_bad=_leave_out):
            return Attachments(Lookup.FOUND, tuple(each.metadata.name for each in page))
    except HubError as error:
        if error.not_found:
            return Attachments(Lookup.MISSING)
        if error.status == HTTPStatus.FORBIDDEN:
            return Attachments(Lookup.FORBIDDEN)
        raise
    return Attachments(Lookup.FOUND)


def _leave_out(bad: BadObject) -> None:
    """The API server keeps entries by the CRD's schema; one of another version may not decode."""
