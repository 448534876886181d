"""Determines which namespaces' rollouts a caller may read, and how those of others are shown."""

from collections.abc import Collection

from msgspec import Struct

from ibgu.api.bodies import RolloutNameBody
from ibgu.api.requests.access import Caller
from ibgu.core.model.claims import ANOTHER_NAMESPACE
from ibgu.db.reads import Reads


class Readable(Struct, frozen=True):
    namespaces: Collection[str] | None
    """None: all."""

    def includes(self, namespace: str | None) -> bool:
        return self.namespaces is None or namespace in self.namespaces

    def full_name(self, namespace: str, name: str) -> str:
        return f"{namespace}/{name}" if self.includes(namespace) else ANOTHER_NAMESPACE

    def reference(self, namespace: str, name: str, uid: str) -> RolloutNameBody:
        if self.includes(namespace):
            return RolloutNameBody(namespace=namespace, name=name, uid=uid)
        return RolloutNameBody(namespace=None, name=None, uid=uid)


async def readable_by(caller: Caller, reads: Reads) -> Readable:
    if await caller.may_read_rollouts():
        return Readable(None)
    return Readable(frozenset(await caller.readable(await reads.namespaces())))
