"""Puts one question to one source, by one request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import aiohttp

from ibgu.controller.notify import Secrets, SecretUnavailable, http_session, secrets_of
from ibgu.core.drivers.canary_health import metrics
from ibgu.core.drivers.canary_health.metrics import UnusableAnswer
from ibgu.core.engine.state.health_observations import HealthFinding, MetricQuestion
from ibgu.core.model import ClusterView
from ibgu.core.notify import HealthSource, redacted
from ibgu.core.text.harmless import one_line

_SHOWN = 200
"""Characters that are shown of an error."""


class SourceClient:
    """SourceClient follows no redirect: what is meant for one source goes to no other."""

    def __init__(self, source: HealthSource, session: aiohttp.ClientSession) -> None:
        self._source = source
        self._session = session

    async def metric(
        self, question: MetricQuestion, cluster: ClusterView, points: int
    ) -> HealthFinding:
        """Returns what the query says of the cluster; `points`: how many points in time before now
        it is about. Raises UnusableAnswer."""
        async with self._secrets() as secrets:
            url = secrets.url.rstrip("/") + metrics.PATH
            asked = metrics.parameters(question, cluster, points)
            given = {"Accept-Encoding": "identity", "Accept": "application/json"}
            if secrets.token:
                given["Authorization"] = f"Bearer {secrets.token}"
            async with self._session.get(
                url, params=asked, headers=given, allow_redirects=False
            ) as response:
                body = await _bounded(response, metrics.MAX_BYTES)
                if response.status != HTTPStatus.OK:
                    said = redacted(metrics.refusal(body), secrets.hidden)
                    raise UnusableAnswer(f"{response.status}{f': {said}' if said else ''}")
                return metrics.judged(question, body, points)

    @asynccontextmanager
    async def _secrets(self) -> AsyncIterator[Secrets]:
        """Yields what a request needs, for as long as one may take, and makes of every error one
        that can be shown."""
        hidden: tuple[str, ...] = ()
        name, seconds = self._source.name, self._source.timeout_seconds
        try:
            secrets = secrets_of(self._source)
            hidden = secrets.hidden
            # Not aiohttp's own limit: it can swallow a cancellation (see `ibgu.hub.client`).
            async with asyncio.timeout(seconds):
                yield secrets
        except SecretUnavailable as error:
            raise UnusableAnswer(f"the source {name} can't be asked: {error}") from error
        except TimeoutError as error:
            words = f"the source {name} did not answer within {seconds:g} s"
            raise UnusableAnswer(words) from error
        except UnusableAnswer as error:
            raise UnusableAnswer(f"the source {name} answered {error}") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            said = one_line(redacted(str(error) or type(error).__name__, hidden))[:_SHOWN]
            raise UnusableAnswer(f"the source {name} can't be reached: {said}") from error


@asynccontextmanager
async def source_client(source: HealthSource, connections: int) -> AsyncIterator[SourceClient]:
    """Yields a client with connections of its own, so that no other source waits for it. Raises
    UnusableAnswer."""
    try:
        async with http_session(source.ca_file, connections) as session:
            yield SourceClient(source, session)
    except SecretUnavailable as error:
        raise UnusableAnswer(f"the source {source.name} can't be asked: {error}") from error


async def _bounded(response: aiohttp.ClientResponse, maximum: int) -> bytes:
    """Returns the body. Raises UnusableAnswer if it has more bytes than that."""
    try:
        await response.content.readexactly(maximum + 1)
    except asyncio.IncompleteReadError as error:
        return error.partial
    raise UnusableAnswer(f"more than {maximum} bytes")
