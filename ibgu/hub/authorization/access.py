"""Asks the hub's API server who a bearer token is, and what that user may do.

Tokens stay in memory only as long as the request; the cache knows them by a keyed hash.
"""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from hashlib import blake2b
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import asdict

from ibgu.core.model.accounts import holder_of
from ibgu.flowcontrol.ttl import TtlCache
from ibgu.hub import paths
from ibgu.hub.decode import decode_one
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub

CACHE_SECONDS = 30.0
"""Seconds for which an answer is kept. A stream continues with one of this age until it asks again,
so that a revoked token or right is honoured for 60 seconds at most."""
SERVED_SECONDS = 5.0
"""Seconds for which the presence of the CRD is kept."""
ACCEPTED = 10_000
"""The most tokens remembered as accepted."""


class User(Struct, frozen=True):
    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: dict[str, tuple[str, ...]] = {}

    @property
    def counted_as(self) -> str:
        """The name in limits."""
        return holder_of(self.username)


class AccessReview(Struct, frozen=True):
    """AccessReview asks whether the user may do `verb` to this; an empty namespace or name means
    all."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


class _TokenStatus(Struct):
    authenticated: bool = False
    user: User = User()


class _TokenReview(Struct):
    status: _TokenStatus


class _AccessStatus(Struct):
    allowed: bool = False
    denied: bool = False


class _AccessReview(Struct):
    status: _AccessStatus


class CallersHub(Hub, Protocol):
    """CallersHub is a connection that callers may use, each with their own token."""

    def as_caller(self, token: str) -> AbstractAsyncContextManager[Hub]: ...


class Access:
    def __init__(
        self,
        client: CallersHub,
        *,
        ttl: float = CACHE_SECONDS,
        clock: Callable[[], float] | None = None,
    ) -> None:
        clock = clock or asyncio.get_running_loop().time
        self._client = client
        self._hash_key = secrets.token_bytes(32)
        self._users: TtlCache[bytes, User | None] = TtlCache(ttl, clock)
        self._answers: TtlCache[tuple[bytes, AccessReview], bool] = TtlCache(ttl, clock)
        self._accepted: OrderedDict[bytes, None] = OrderedDict()
        self._served: TtlCache[str, bool] = TtlCache(SERVED_SECONDS, clock)

    def hub_of(self, token: str) -> AbstractAsyncContextManager[Hub]:
        """Yields the hub with the rights of the token; nothing of it is kept."""
        return self._client.as_caller(token)

    def knows(self, token: str) -> bool:
        """Returns whether the hub accepted this token before, or was asked about it just now."""
        key = self._hash(token)
        return key in self._accepted or self._users.answers(key)

    async def user(self, token: str) -> User | None:
        """Returns the token's user; None if it has none. Raises HubError if the hub does not
        answer."""
        key = self._hash(token)
        user = await self._users.get(key, lambda: self._review(token))
        self._remember(key, accepted=user is not None)
        return user

    def _remember(self, key: bytes, *, accepted: bool) -> None:
        self._accepted.pop(key, None)
        if accepted:
            self._accepted[key] = None
            if len(self._accepted) > ACCEPTED:
                self._accepted.popitem(last=False)

    async def allowed(self, user: User, question: AccessReview) -> bool:
        """Returns whether the user has the right. Raises HubError if the hub does not answer."""
        who = self._hash(repr(user))
        return await self._answers.get((who, question), lambda: self._ask(user, question))

    async def serves_rollouts(self) -> bool:
        """Returns whether the CRD of ImageBasedGroupUpgrade is installed. Raises HubError if the
        hub does not answer."""
        return await self._served.get(paths.IBGU_RESOURCES, self._look_for_rollouts)

    async def _look_for_rollouts(self) -> bool:
        try:
            await self._client.request("GET", paths.IBGU_RESOURCES)
        except HubError as error:
            if error.not_found:
                return False
            raise
        return True

    def _hash(self, text: str) -> bytes:
        return blake2b(text.encode(), key=self._hash_key, digest_size=32).digest()

    async def _review(self, token: str) -> User | None:
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token},
        }
        answer = await self._client.request("POST", paths.TOKEN_REVIEWS, body=body)
        status = decode_one(paths.TOKEN_REVIEWS, answer, _TokenReview).status
        return status.user if status.authenticated else None

    async def _ask(self, user: User, question: AccessReview) -> bool:
        attributes: dict[str, Any] = {k: v for k, v in asdict(question).items() if v}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": user.username,
                "uid": user.uid,
                "groups": user.groups,
                "extra": user.extra,
                "resourceAttributes": attributes,
            },
        }
        answer = await self._client.request("POST", paths.SUBJECT_ACCESS_REVIEWS, body=body)
        status = decode_one(paths.SUBJECT_ACCESS_REVIEWS, answer, _AccessReview).status
        return status.allowed and not status.denied


class _UserInfo(Struct):
    username: str = ""


class _Reviewed(Struct, rename="camel"):
    user_info: _UserInfo


class _SelfReview(Struct):
    status: _Reviewed


async def whoami(client: Hub) -> str:
    """Returns the caller's own name; empty if the hub is too old to say. Raises HubError."""
    path = paths.SELF_SUBJECT_REVIEWS
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        answer = await client.request("POST", path, body=body, verb="review")
    except HubError as error:
        if not error.not_found:
            raise
        return ""
    return decode_one(path, answer, _SelfReview).status.user_info.username
