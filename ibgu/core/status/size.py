"""A status must fit into one object: what is left out first, and what never (design 5)."""

from msgspec import json

from ibgu.core.kinds import JsonObject

LIMIT = 1_000_000
"""Bytes of the whole status; etcd takes 1.5 MiB for the whole object."""
SHORT = 80
"""Characters of a message once messages are cut."""


def fit(status: JsonObject, limit: int = LIMIT) -> JsonObject:
    """The status, with messages cut and then completed clusters hidden until it fits.

    Failed and running clusters are never hidden. `hidden` says how many are.
    """
    if len(json.encode(status)) <= limit:
        return status
    clusters = [_cut(entry) for entry in status["clusters"]]
    cut = {**status, "clusters": clusters}
    excess = len(json.encode(cut)) - limit
    return cut if excess <= 0 else _hide(cut, clusters, excess)


def _cut(entry: JsonObject) -> JsonObject:
    return {key: _short(value) for key, value in entry.items()}


def _short(value: object) -> object:
    match value:
        case list():
            return [_short(item) for item in value]
        case {"message": str(message), **rest}:
            return {**rest, "message": message[:SHORT]}
    return value


def _hide(status: JsonObject, clusters: list[JsonObject], excess: int) -> JsonObject:
    kept: list[JsonObject] = []
    hidden = 0
    for entry in clusters:
        if excess > 0 and "failedActions" not in entry and "currentAction" not in entry:
            excess -= len(json.encode(entry)) + 1
            hidden += 1
        else:
            kept.append(entry)
    return {**status, "clusters": kept, "hidden": hidden}
