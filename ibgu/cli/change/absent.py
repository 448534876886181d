"""Says that the hub has no rollout of a name: the hub itself names the API's resource alone."""

from ibgu.core.drivers import DRIVERS
from ibgu.core.text.alike import do_you_mean
from ibgu.hub import paths
from ibgu.hub.discovery import NO_CRD
from ibgu.hub.errors import HubError
from ibgu.hub.writing.changes import Changes


def is_absent(error: HubError, namespace: str, name: str) -> bool:
    """Returns whether the hub had no such rollout when the object itself was read or changed."""
    objects = [paths.rollout_object(kind, namespace, name) for kind in DRIVERS]
    return error.not_found and error.path in objects


async def absent(changes: Changes, namespace: str, name: str) -> str:
    """Returns the sentence, with names that are alike as far as the user may list rollouts."""
    known: list[str] = []
    served = False
    for kind in DRIVERS:
        try:
            found = await changes.objects(kind, namespace)
        except HubError as error:
            served |= not error.not_found
        else:
            served = True
            known += (each.metadata.name for each in found)
    if not served:
        return NO_CRD
    there = f"there is no rollout {name} in namespace {namespace} on the hub"
    return f"{there}: it was deleted, or never created{do_you_mean(name, known)}"
