"""Feeds the certifier from Postgres."""

from collections.abc import AsyncIterator
from datetime import datetime

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.oracle import Certifier, Event, Findings, wanted_of_others
from tests.oracle.event_log import event_log
from tests.oracle.kinds import PROOFS
from tests.oracle.proofs import KindProofs


class Certified(Struct, frozen=True):
    findings: Findings
    at: datetime
    """The moment that was read, by the database's clock."""
    leaders: dict[int, str]
    """Leaders by epoch: epoch -> identity."""


async def certify(
    engine: AsyncEngine, hub: str, rollout: str | None = None, *, proofs: KindProofs = PROOFS
) -> Certified:
    """Certifies one rollout, or everything on the hub. Raises JournalUnavailable."""
    async with event_log(engine, hub) as log:
        known = await log.leaders()
        policies = await log.policies()
        certifier = Certifier(proofs, None if rollout is None else [rollout], known, policies)
        if rollout is None:
            first = await _feed(certifier, log.everything())
        elif policies:
            first = await _feed_beside(certifier, log.beside(rollout, wanted_of_others(policies)))
        else:
            first = await _feed(certifier, log.around(rollout))
        for gap in await log.gaps(first):
            certifier.missing(*gap)
        findings = certifier.findings()
        names = {leader.epoch: leader.holder for leader in known}
        wrote = {epoch: names.get(epoch, "unknown") for epoch in findings.epochs}
        return Certified(findings, await log.now(), wrote)


async def _feed_beside(certifier: Certifier, events: AsyncIterator[tuple[Event, bool]]) -> int:
    """Feeds the events, of which some are of other clusters, and returns the number of the first
    that is not; 0 if there are none."""
    first = 0
    async for event, near in events:
        if near:
            first = first or event.seq
            certifier.feed(event)
        else:
            certifier.count(event)
    return first


async def _feed(certifier: Certifier, events: AsyncIterator[Event]) -> int:
    """Feeds the events, and returns the number of the first; 0 if there are none."""
    first = 0
    async for event in events:
        first = first or event.seq
        certifier.feed(event)
    return first
