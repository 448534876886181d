"""Noise for the REST API: it answers all of it as its OpenAPI document says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import APIOperation, Case, CheckFunction, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from ibgu.api.http.server import bind, serve
from ibgu.db import Journal
from ibgu.sandbox.hub import SandboxHub
from tests.api.conftest import app, context, engine, hub_client, journal
from tests.api.fleet import fleet

__all__ = ["app", "context", "engine", "hub_client", "journal"]


EXAMPLES = 10
"""The number of examples of each operation, of valid and of invalid input."""
ENDLESS = "/stream"
"""Answers that end when the client goes; tests/api/test_stream.py follows them."""
EXCLUDED: list[CheckFunction] = [positive_data_acceptance, negative_data_rejection]
"""A cursor is a string that only an answer can make, so most valid ones are refused; unknown
parameters are passed over, and the token is always there."""


@pytest.fixture
async def server(app: FastAPI, journal: Journal) -> AsyncIterator[str]:
    """Yields the address of a server that listens, so that its reading of HTTP takes part."""
    await fleet(journal)
    listener = bind("127.0.0.1:0")
    serving = asyncio.create_task(serve(app, listener))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


@pytest.mark.parametrize("mode", GenerationMode)
async def test_every_operation_answers_as_documented(
    server: str, sandbox_hub: SandboxHub, mode: GenerationMode
) -> None:
    headers = {"Authorization": f"Bearer {sandbox_hub.token('alice')}"}
    asked = await asyncio.to_thread(_fuzz, server, headers, mode)
    assert len(asked) > 8


def _fuzz(server: str, headers: dict[str, str], mode: GenerationMode) -> list[str]:
    schema = schemathesis.openapi.from_url(f"{server}/openapi.json")
    asked = []
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        if operation.path.endswith(ENDLESS):
            continue
        asked.append(operation.label)
        # What takes no input can't be given a wrong one.
        if mode is GenerationMode.POSITIVE or operation.query or operation.path_parameters:
            _ask(operation, headers, mode)
    return asked


def _ask(operation: APIOperation[Any, Any, Any, Any], headers: dict[str, str], mode: Any) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    def answers(case: Case[Any]) -> None:
        response = case.call(headers=headers, timeout=120)
        case.validate_response(response, headers=headers, excluded_checks=EXCLUDED)

    answers()
