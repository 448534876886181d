"""Sends a sample to each receiver, once."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from time import perf_counter

from ibgu.controller.notify import SecretUnavailable, sender
from ibgu.core.notify import ALERT_LASTS, Format, Receiver, sample
from ibgu.core.text.spans import duration

HUB = "test"


async def try_all(receivers: Sequence[Receiver]) -> list[tuple[str, bool, str]]:
    """Returns name, success and the response in words of each receiver."""
    return list(await asyncio.gather(*(_try(receiver) for receiver in receivers)))


async def _try(receiver: Receiver) -> tuple[str, bool, str]:
    began = perf_counter()
    try:
        async with sender(receiver) as way:
            answer = await way.send(sample(receiver, HUB, datetime.now(UTC)))
    except SecretUnavailable as error:
        return receiver.name, False, str(error)
    words = f"{answer.status or ''} {answer.words}".strip()
    if answer.delivered:
        words = f"{words} in {(perf_counter() - began) * 1000:.0f} ms{_fires(receiver)}"
    return receiver.name, answer.delivered, words


def _fires(receiver: Receiver) -> str:
    """Returns what the receiver makes of the sample, where that takes a while."""
    if receiver.format is not Format.ALERTMANAGER:
        return ""
    lasts = duration(ALERT_LASTS)
    return f"; the alert IbguClustersFailed of ibgu-test/test fires, and resolves after {lasts}"
