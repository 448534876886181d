"""A status must fit into one object: what is left out first, and what never (design 5)."""

from collections.abc import Container

from msgspec import json

from ibgu.core.kinds import JsonObject

LIMIT = 1_000_000
"""Bytes of the whole status; etcd takes 1.5 MiB for the whole object."""
SHORT = 80
"""Characters of a message once messages are cut."""
NUMBERS = 20
"""Bytes that the number of hidden clusters takes where it is told."""


def fit(
    status: JsonObject, last: Container[str], unlisted: JsonObject, limit: int = LIMIT
) -> JsonObject:
    """The status, with messages cut and then clusters hidden until it fits.

    Clusters of earlier steps alone are hidden first; `last` holds the names of the newest
    step's. Failed and running ones are never hidden; if there are too many of them, they lose
    their messages. `hidden` says how many clusters are, and so does the condition `unlisted`.
    """
    if _size(status) <= limit:
        return status
    status = {**status, "clusters": [_cut(entry, SHORT) for entry in status["clusters"]]}
    if (excess := _size(status) - limit) > 0:
        status = _hide(status, last, unlisted, excess)
    if _size(status) > limit:
        status = {**status, "clusters": [_cut(entry, 0) for entry in status["clusters"]]}
    return status


def _size(status: JsonObject) -> int:
    return len(json.encode(status))


def _cut(entry: JsonObject, length: int) -> JsonObject:
    return {key: _short(value, length) for key, value in entry.items()}


def _short(value: object, length: int) -> object:
    match value:
        case list():
            return [_short(item, length) for item in value]
        case {"message": str(message), **rest}:
            return {**rest, "message": message[:length]} if length else rest
    return value


def _hide(
    status: JsonObject, last: Container[str], unlisted: JsonObject, excess: int
) -> JsonObject:
    excess += _size(unlisted) + NUMBERS
    hidden: set[str] = set()
    for entry in sorted(_dispensable(status), key=lambda entry: entry["name"] in last):
        if excess <= 0:
            break
        excess -= _size(entry) + 1
        hidden.add(entry["name"])
    if not hidden:
        return status
    told = {**unlisted, "message": unlisted["message"].format(len(hidden))}
    return {
        **status,
        "conditions": [*status["conditions"], told],
        "clusters": [entry for entry in status["clusters"] if entry["name"] not in hidden],
        "hidden": len(hidden),
    }


def _dispensable(status: JsonObject) -> list[JsonObject]:
    entries: list[JsonObject] = status["clusters"]
    return [e for e in entries if "failedActions" not in e and "currentAction" not in e]
