"""Names of rollouts reach nobody who may not read their namespace.

The journal's sentences name the rollout that has a cluster, or has cancelled it: it may be of any
namespace. Whatever an answer is about, they are replaced in the answer as it goes out.
"""

import re
from collections.abc import Collection

from msgspec import Struct

from ibgu.api.access import Caller
from ibgu.api.schemas.members import RolloutName
from ibgu.db.reads import Reads

ANOTHER = "a rollout of another namespace"
_BEFORE = (b"cancelled by ", b"takes it over from ")
_AFTER = b" works on the cluster"


def _name(number: int, begin: bytes) -> bytes:
    return (
        rb"(?P<before%d>%s)?%s(?P<namespace%d>[a-z0-9][-a-z0-9]{0,62})/[a-z0-9][-.a-z0-9]{0,252}"
        rb"(?P<after%d>%s)?" % (number, b"|".join(_BEFORE), begin, number, number, _AFTER)
    )


_NAMED = re.compile(
    rb"(?P<escape>\\(?:u[0-9a-fA-F]{4}|.))(?:%s)?|%s" % (_name(1, b""), _name(2, rb"(?<![-.\w/])"))
)
"""In JSON. A name is looked for at the begin of a word only: else a hostile message takes long. An
escape is passed over as a whole: its letter is no part of the name behind it."""


class Names(Struct, frozen=True):
    """Which names a caller may hear; None: all."""

    readable: Collection[str] | None

    def may(self, namespace: str) -> bool:
        return self.readable is None or namespace in self.readable

    def full(self, namespace: str, name: str) -> str:
        return f"{namespace}/{name}" if self.may(namespace) else ANOTHER

    def of(self, namespace: str, name: str, uid: str) -> RolloutName:
        if self.may(namespace):
            return RolloutName(namespace=namespace, name=name, uid=uid)
        return RolloutName(namespace=None, name=None, uid=uid)

    def within(self, body: bytes) -> bytes:
        """The body, with ANOTHER for the names in it that the caller may not hear."""
        return _NAMED.sub(self._told, body)

    def _told(self, found: re.Match[bytes]) -> bytes:
        parts = found.groupdict(default=b"")
        before, after = parts["before1"] + parts["before2"], parts["after1"] + parts["after2"]
        namespace = parts["namespace1"] + parts["namespace2"]
        if not (before or after) or self.may(namespace.decode()):
            return found[0]
        return parts["escape"] + before + ANOTHER.encode() + after


async def names_for(caller: Caller, reads: Reads) -> Names:
    if await caller.may_read_rollouts():
        return Names(None)
    return Names(frozenset(await caller.readable(await reads.namespaces())))


async def discreet(body: bytes, caller: Caller, reads: Reads) -> bytes:
    """An answer, or a part of a stream, as the caller may read it."""
    if not any(words in body for words in (*_BEFORE, _AFTER)):
        return body
    return (await names_for(caller, reads)).within(body)
