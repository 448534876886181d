"""Writes Kubernetes Events, each once."""

from datetime import UTC, datetime
from hashlib import blake2b

import msgspec

from ibgu.core.model import names
from ibgu.core.model.kinds import ObjectMeta
from ibgu.hub import paths
from ibgu.hub.writing.writer import Write

CONTROLLER = "ibgu.dev/ibgu"

NOTE_BYTES = 1024
"""The API server refuses longer notes."""

IBGU = (paths.ROLLOUT_KINDS[names.IBGU][0], names.IBGU)
LEASE = ("coordination.k8s.io/v1", "Lease")
"""apiVersion and kind of what Events regard."""

NAME_LENGTH = 230
"""The most characters of the object's name in an Event's name, within the 253 of a Kubernetes
name."""


def event(
    regarding: ObjectMeta,
    reason: str,
    note: str,
    *,
    key: str,
    now: datetime,
    instance: str,
    of: tuple[str, str] = IBGU,
    warning: bool = False,
    action: str = "Reconcile",
) -> Write:
    """Returns the write that creates the Event.

    `key` tells occurrences of one reason apart (a step's number, a journal sequence): the name is
    derived from it, so that a repeat after a restart meets AlreadyExists. A conflict therefore
    means: already written. `reason`: a word in CamelCase. `instance`: the identity of this process.
    `of`: apiVersion and kind of `regarding`.
    """
    name = event_name(regarding, reason, key)
    body = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": regarding.namespace},
        "eventTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": CONTROLLER,
        "reportingInstance": instance[:128],
        "action": action,
        "reason": reason,
        "type": "Warning" if warning else "Normal",
        "note": cut(note, NOTE_BYTES),
        "regarding": {
            "apiVersion": of[0],
            "kind": of[1],
            "namespace": regarding.namespace,
            "name": regarding.name,
            "uid": regarding.uid,
        },
    }
    return Write(
        key=("event", regarding.namespace, name),
        method="POST",
        path=paths.events(regarding.namespace),
        body=msgspec.json.encode(body),
        owner=regarding.uid if of != LEASE else "",
    )


def event_name(regarding: ObjectMeta, reason: str, key: str) -> str:
    digest = blake2b(f"{regarding.uid}\0{reason}\0{key}".encode(), digest_size=8).hexdigest()
    return f"{regarding.name[:NAME_LENGTH].rstrip('.-')}.{digest}"


def cut(text: str, size: int) -> str:
    """Returns at most `size` bytes of UTF-8; a cut is marked at the end."""
    data = text.encode()
    if len(data) <= size:
        return text
    return data[: size - len("…".encode())].decode(errors="ignore").rstrip() + "…"
