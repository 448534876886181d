"""What is written to a ManagedCluster (R13.1, R14.1)."""

from collections.abc import Mapping

from msgspec import json

from ibgu.core.model import Change, PendingPatch


def cluster_patch(pending: PendingPatch, version: str) -> bytes:
    """JSON merge patch; the API server refuses it (422, "metadata.uid: field is immutable") if
    the cluster was re-created under its name, and (409) if it is not at that resourceVersion any
    more: a patch that was held up on its way must not undo what was written since."""
    metadata: dict[str, object] = {"uid": pending.uid, "resourceVersion": version}
    for field, changes in (("labels", pending.labels), ("annotations", pending.annotations)):
        if changes:
            metadata[field] = _wanted(changes)
    return json.encode({"metadata": metadata})


def _wanted(changes: Mapping[str, Change]) -> dict[str, str | None]:
    """None becomes null, which deletes the key."""
    return {key: change.wanted for key, change in changes.items()}
