"""Determines who calls, and what the hub lets them see (R36)."""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Annotated, Any

import structlog
from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from msgspec import Struct
from starlette.requests import HTTPConnection

from ibgu import telemetry
from ibgu.api.context import Context
from ibgu.api.problems import Problem, too_many, unauthenticated, unavailable
from ibgu.api.requests.async_dependency import async_dependency
from ibgu.core.model import names
from ibgu.hub import paths
from ibgu.hub.authorization.access import Access, AccessReview, User
from ibgu.hub.errors import HubError

log = structlog.get_logger("ibgu.api")

CLUSTERS = "managedclusters"

FORWARDED_TOKEN = "X-Forwarded-Access-Token"
"""The header in which oauth-proxy passes the token of the signed-in user."""


class _HubToken(HTTPBearer):
    """_HubToken is the request's own token, or else the one that a proxy in front has added."""

    async def __call__(self, request: HTTPConnection) -> HTTPAuthorizationCredentials | None:
        context: Context = request.app.state.context
        credentials = await super().__call__(request)
        if (
            credentials is None
            and context.behind_proxy
            and (token := request.headers.get(FORWARDED_TOKEN))
        ):
            return HTTPAuthorizationCredentials(scheme="Bearer", credentials=token)
        return credentials


bearer = _HubToken(
    auto_error=False,
    scheme_name="hubToken",
    description="A bearer token of the hub: `oc whoami -t`, `kubectl create token`.",
)


_NO_REVIEW = (
    "ibgu may not verify tokens on the hub: bind the ClusterRole ibgu-api to its "
    "account; `ibgu doctor` prints the command"
)


class Caller(Struct, frozen=True):
    """Caller is the user of the request's token; the token itself is not kept."""

    user: User
    access: Access

    async def may_read_rollouts(self, namespace: str = "") -> bool:
        """Returns whether the caller may read rollouts of a namespace, or ("") of all."""
        return await self._may(_rollouts_in(namespace))

    async def require_rollouts(self, namespace: str) -> None:
        await self._require(_rollouts_in(namespace))

    async def require_cluster(self, name: str) -> None:
        await self._require(AccessReview("get", paths.CLUSTER_GROUP, CLUSTERS, name=name))

    async def require_clusters(self) -> None:
        """Requires the right to list all clusters."""
        await self._require(AccessReview("list", paths.CLUSTER_GROUP, CLUSTERS))

    async def require(self, *questions: AccessReview) -> None:
        for question in questions:
            await self._require(question)

    async def lacks(self, *questions: AccessReview) -> str:
        """Returns the first missing right as a sentence; empty if none is missing."""
        for question in questions:
            if not await self._may(question):
                where = f" in namespace {question.namespace}" if question.namespace else ""
                return f"you may not {question.verb} {question.resource}{where}"
        return ""

    async def readable(self, namespaces: Iterable[str]) -> list[str]:
        asked = list(namespaces)
        answers = await asyncio.gather(*map(self.may_read_rollouts, asked))
        return [name for name, may in zip(asked, answers, strict=True) if may]

    async def _may(self, question: AccessReview) -> bool:
        return await self.access.allowed(self.user, question)

    async def _require(self, question: AccessReview) -> None:
        if not await self._may(question):
            raise forbidden(self.user, question)


def to_rollouts(
    verb: str, namespace: str = "", name: str = "", *, kind: str = names.IBGU
) -> AccessReview:
    """Returns the right to the objects that ask for rollouts of the kind. A reader of IBGUs of
    a namespace may read its rollouts of every kind: the journal and its reads are one."""
    version, plural = paths.ROLLOUT_KINDS[kind]
    group = version.partition("/")[0]
    return AccessReview(verb, group, plural, namespace=namespace, name=name)


def _rollouts_in(namespace: str) -> AccessReview:
    return to_rollouts("get", namespace)


def forbidden(user: User, question: AccessReview) -> Problem:
    """Returns the problem that names the missing right, as a sentence and by its parts."""
    what = f"{question.verb} {question.resource}.{question.group}"
    what += f" {question.name}" if question.name else ""
    what += f" in namespace {question.namespace}" if question.namespace else ""
    members = {
        name: value
        for name in ("verb", "group", "resource", "namespace", "name")
        if (value := getattr(question, name))
    }
    return Problem(
        403,
        "forbidden",
        f"{user.username} may not {what}; bind a role that allows it to this user on the hub",
        **members,
    )


async def authenticate(request: Request) -> Caller:
    """Returns whose token the request carries, without reading its body. Raises Problem."""
    context: Context = request.app.state.context
    credentials = await bearer(request)
    if credentials is None:
        raise unauthenticated(
            "a bearer token of the hub is required: send the header Authorization: Bearer <token>"
        )
    token = credentials.credentials
    if not context.access.knows(token):
        _admit(request, context)
    user = await _user(context.access, token)
    if user is None:
        raise unauthenticated(
            "the hub does not accept this token: it is wrong, expired or revoked",
            error="invalid_token",
        )
    return Caller(user, context.access)


def _admit(request: Request, context: Context) -> None:
    """Limits attempts with unknown tokens: each costs the hub a review."""
    if wait := context.unknown_tokens.take(_peer(request, context)):
        telemetry.API_REFUSED.labels("unknown-token").inc()
        raise too_many("too many new tokens at once; try again", wait)


def _peer(request: Request, context: Context) -> str:
    """Returns whose new tokens are counted together: the client's address, of IPv6 its network of
    64 bits, which one host may have for itself.

    A proxy adds at the end of X-Forwarded-For who has called it. The header counts only from the
    addresses of proxies: anybody else could name a new one each time.
    """
    peer = _address(request.client.host if request.client else "")
    named = request.headers.get("X-Forwarded-For", "").split(",")
    while peer is not None and named and any(peer in network for network in context.proxies):
        peer = _address(named.pop()) or peer
    if isinstance(peer, IPv6Address):
        return str(ip_network((peer, 64), strict=False))
    return str(peer)


def _address(words: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(words.strip())
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


async def _user(access: Access, token: str) -> User | None:
    try:
        return await access.user(token)
    except HubError as error:
        # The hub's response must not reveal the token that was checked.
        words = str(error).replace(token, "[token]")
        log.warning("the hub could not review a token", error=words)
        if error.status == HTTPStatus.FORBIDDEN:
            raise unavailable("hub-unavailable", _NO_REVIEW) from None
    raise unavailable(
        "hub-unavailable", "the hub could not verify this token; try again in a moment"
    )


async def _caller(request: Request, _: Annotated[Any, Security(bearer)]) -> Caller:
    """Returns the caller that the route has determined (`guarded.AuthenticatedRoute`); the security
    parameter is for the OpenAPI document."""
    caller: Caller = request.state.caller
    return caller


class Session:
    """Session is the caller of a streaming response, which ends when they may not have it any
    more."""

    def __init__(self, request: Request) -> None:
        self._request = request

    async def caller(self) -> Caller:
        """Returns the caller, as the hub reviewed the token at most CACHE_SECONDS ago
        (`hub.authorization.access`). Raises Problem if the token is no longer good."""
        return await authenticate(self._request)


SessionOfRequest = Annotated[Session, Depends(async_dependency(Session))]
CallerOfRequest = Annotated[Caller, Depends(_caller)]
