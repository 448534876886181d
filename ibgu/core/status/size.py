"""A status must fit into one object: what is left out first, and what never (design 5)."""

from msgspec import json

from ibgu.core.kinds import JsonObject

LIMIT = 1_000_000
"""Bytes of the whole status; etcd takes 1.5 MiB for the whole object."""
SHORT = 80
"""Characters of a message once messages are cut."""

WORDS = 100
"""Bytes that saying so takes."""


def fit(status: JsonObject, limit: int = LIMIT) -> JsonObject:
    """The status, with messages cut and then completed clusters hidden until it fits.

    Failed and running clusters are never hidden; if there are too many of them, they lose their
    messages. `hidden` says how many clusters are, and so does the first condition.
    """
    excess = _size(status) - limit
    if excess <= 0:
        return status
    for step in (_shorten, _hide, _silence):
        status = step(status, excess)
        excess = _size(status) - limit
        if excess <= 0:
            break
    return status


def _size(status: JsonObject) -> int:
    return len(json.encode(status))


def _shorten(status: JsonObject, excess: int) -> JsonObject:
    return {**status, "clusters": [_cut(entry, SHORT) for entry in status["clusters"]]}


def _silence(status: JsonObject, excess: int) -> JsonObject:
    return {**status, "clusters": [_cut(entry, 0) for entry in status["clusters"]]}


def _cut(entry: JsonObject, length: int) -> JsonObject:
    return {key: _short(value, length) for key, value in entry.items()}


def _short(value: object, length: int) -> object:
    match value:
        case list():
            return [_short(item, length) for item in value]
        case {"message": str(message), **rest}:
            return {**rest, "message": message[:length]} if length else rest
    return value


def _hide(status: JsonObject, excess: int) -> JsonObject:
    kept: list[JsonObject] = []
    hidden = 0
    excess += WORDS
    for entry in status["clusters"]:
        if excess > 0 and "failedActions" not in entry and "currentAction" not in entry:
            excess -= _size(entry) + 1
            hidden += 1
        else:
            kept.append(entry)
    if not hidden:
        return status
    first, *others = status["conditions"]
    words = f"{first['message']}; {hidden} clusters are not listed here, ibgu's REST API has all"
    told = [{**first, "message": words}, *others]
    return {**status, "conditions": told, "clusters": kept, "hidden": hidden}
