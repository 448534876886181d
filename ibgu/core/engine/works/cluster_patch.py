"""The patch that ibgu writes to a ManagedCluster (R13.1, R14.1)."""

from collections.abc import Mapping

from msgspec import json

from ibgu.core.model import Change, PendingPatch


def cluster_patch(pending: PendingPatch, version: str) -> bytes:
    """Returns a JSON merge patch. The API server refuses it (422, "metadata.uid: field is
    immutable") if the cluster was re-created under its name, and (409) if its resourceVersion is
    another one: a patch that was delayed must not undo later writes."""
    metadata: dict[str, object] = {"uid": pending.uid, "resourceVersion": version}
    for field, changes in (("labels", pending.labels), ("annotations", pending.annotations)):
        if changes:
            metadata[field] = _wanted(changes)
    return json.encode({"metadata": metadata})


def _wanted(changes: Mapping[str, Change]) -> dict[str, str | None]:
    """Returns the wanted values; None becomes null, which deletes the key."""
    return {key: change.wanted for key, change in changes.items()}
