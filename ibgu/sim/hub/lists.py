"""Serves lists in pages: all of one consistent moment, until history is compacted."""

from base64 import b64decode, b64encode
from collections.abc import Mapping

from msgspec import DecodeError, Struct, json

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.hub import selectors
from ibgu.sim.hub.answers import LIST_EXPIRED, bad_request, expired
from ibgu.sim.hub.kinds import ResourcePath
from ibgu.sim.hub.store import VersionedStore


class _Token(Struct):
    number: int
    start: int


class Lists:
    def __init__(self, versions: VersionedStore) -> None:
        self._versions = versions
        self._kept: dict[int, tuple[str, list[JsonObject]]] = {}
        self._numbers = 0

    def forget(self, until: int) -> None:
        """Forgets pages of moments before that version."""
        self._kept = {n: kept for n, kept in self._kept.items() if int(kept[0]) > until}

    def page(self, target: ResourcePath, query: Mapping[str, str]) -> JsonObject:
        """Returns a page. Raises RefusedRequest."""
        limit = int(query.get("limit", "0"))
        if token := query.get("continue"):
            return self._next(target, _read(token), limit)
        match = selectors.parse(query.get("labelSelector", ""))
        found = self._versions.collections[target.resource].select(target, match)
        version = str(self._versions.version)
        if limit and len(found) > limit:
            self._numbers += 1
            self._kept[self._numbers] = (version, found)
        return self._cut(target, self._numbers, version, found, 0, limit)

    def _next(self, target: ResourcePath, token: _Token, limit: int) -> JsonObject:
        if token.number not in self._kept:
            raise expired(LIST_EXPIRED)
        version, found = self._kept[token.number]
        return self._cut(target, token.number, version, found, token.start, limit)

    def _cut(
        self,
        target: ResourcePath,
        number: int,
        version: str,
        found: list[JsonObject],
        start: int,
        limit: int,
    ) -> JsonObject:
        end = start + limit if limit else len(found)
        metadata: JsonObject = {"resourceVersion": version}
        if end < len(found):
            metadata["continue"] = b64encode(json.encode(_Token(number, end))).decode()
        return {
            "apiVersion": target.resource.api_version,
            "kind": f"{target.resource.kind}List",
            "metadata": metadata,
            "items": found[start:end],
        }


def _read(token: str) -> _Token:
    try:
        return json.decode(b64decode(token), type=_Token)
    except (ValueError, DecodeError) as error:
        words = f"invalid continue token: continue key is not valid: {error}"
        raise bad_request(words) from error
