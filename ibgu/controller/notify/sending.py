"""Sends one request to one receiver."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version

import aiohttp

from ibgu.controller.notify.secrets import Secrets, SecretUnavailable, secrets_of
from ibgu.core.notify import (
    DeliveryResponse,
    NotificationRequest,
    Receiver,
    headers,
    redacted,
    retry_after,
)

QUOTED = 300
"""Characters of a refusal that are quoted, at most."""
_AGENT = f"ibgu/{version('ibgu')}"


class Sender:
    """Sender has connections of its own, so that no other receiver waits for it."""

    def __init__(self, receiver: Receiver, session: aiohttp.ClientSession) -> None:
        self._receiver = receiver
        self._session = session

    async def send(self, request: NotificationRequest) -> DeliveryResponse:
        """Sends the request; errors of the network, the receiver or a missing secret are returned,
        not raised."""
        try:
            secrets = secrets_of(self._receiver)
        except SecretUnavailable as error:
            return DeliveryResponse(0, str(error))
        try:
            # Not aiohttp's own limit: it can swallow a cancellation (see `ibgu.hub.client`).
            async with asyncio.timeout(self._receiver.timeout_seconds):
                return await self._post(request, secrets)
        except TimeoutError:
            return DeliveryResponse(0, f"no answer within {self._receiver.timeout_seconds:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return DeliveryResponse(0, redacted(str(error) or type(error).__name__, secrets.hidden))

    async def _post(self, request: NotificationRequest, secrets: Secrets) -> DeliveryResponse:
        """Posts the request. A redirect counts as a refusal: what is signed for one receiver goes
        to no other."""
        given = {"Content-Type": request.content_type, "Accept-Encoding": "identity"}
        if secrets.token:
            given["Authorization"] = f"Bearer {secrets.token}"
        given |= headers(secrets.signing, request.id, datetime.now(UTC), request.body)
        if not secrets.signing:
            del given["webhook-signature"]
        url = secrets.url.rstrip("/") + request.path if request.path else secrets.url
        async with self._session.post(
            url, data=request.body, headers=given, allow_redirects=False
        ) as response:
            answer = DeliveryResponse(
                response.status, "", retry_after(response.headers.get("Retry-After", ""))
            )
            return answer if answer.delivered else await _refused(response, answer, secrets)


async def _refused(
    response: aiohttp.ClientResponse, answer: DeliveryResponse, secrets: Secrets
) -> DeliveryResponse:
    said = (await response.content.read(QUOTED * 4)).decode(errors="replace")
    words = " ".join(redacted(said, secrets.hidden).split())[:QUOTED]
    return DeliveryResponse(answer.status, words or (response.reason or ""), answer.retry_after)


@asynccontextmanager
async def sender(receiver: Receiver) -> AsyncIterator[Sender]:
    """Yields a sender for the receiver. Raises SecretUnavailable."""
    async with http_session(receiver.ca_file, connections=2) as session:
        yield Sender(receiver, session)


@asynccontextmanager
async def http_session(ca_file: str, connections: int) -> AsyncIterator[aiohttp.ClientSession]:
    """Yields a session that uses the proxies of the environment (HTTPS_PROXY, NO_PROXY), and trusts
    what the file says. Raises SecretUnavailable."""
    try:
        trust = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        words = error.strerror or "holds no certificates"
        raise SecretUnavailable(f"caFile: {ca_file}: {words}") from error
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=trust, limit=connections),
        timeout=aiohttp.ClientTimeout(),
        headers={"User-Agent": _AGENT},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=True,
    ) as session:
        yield session
