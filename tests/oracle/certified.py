"""Feeds the certifier from Postgres."""

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.oracle import Certifier, Findings
from tests.oracle.event_log import event_log
from tests.oracle.kinds import PROOFS
from tests.oracle.proofs import KindProofs


async def certify(engine: AsyncEngine, hub: str, *, proofs: KindProofs = PROOFS) -> Findings:
    """Certifies everything on the hub. Raises JournalUnavailable."""
    async with event_log(engine, hub) as log:
        certifier = Certifier(proofs, await log.leaders(), await log.policies())
        first = 0
        async for event in log.everything():
            first = first or event.seq
            certifier.feed(event)
        for gap in await log.gaps(first):
            certifier.missing(*gap)
        return certifier.findings()
