"""Requests that the API server counted, from its audit log."""

import json
from collections import Counter
from pathlib import Path

IGNORED = frozenset({"leases", "tokenreviews", "subjectaccessreviews"})
"""Of the process, not of its rollouts."""
WRITES = frozenset({"create", "update", "patch", "delete"})

Requests = Counter[tuple[str, str]]
"""(verb, resource with its subresource) -> how many."""


def requests(log: Path, user: str) -> Requests:
    found: Requests = Counter()
    with log.open() as lines:
        for line in lines:
            entry = json.loads(line)
            reference = entry.get("objectRef") or {}
            resource = reference.get("resource", "")
            if entry["user"].get("username") != user or resource in IGNORED:
                continue
            parts = (resource, reference.get("subresource"))
            found[entry["verb"], "/".join(part for part in parts if part)] += 1
    return found


def writes(found: Requests) -> int:
    return sum(count for (verb, _), count in found.items() if verb in WRITES)
