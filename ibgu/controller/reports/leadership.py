"""Reports each lead by an Event on the Lease (R30.6)."""

from collections.abc import Callable

import structlog
from sqlalchemy.exc import DBAPIError

from ibgu.controller.reports.events import EventWriter
from ibgu.core.model.kinds import ObjectMeta
from ibgu.db.errors import JournalUnavailable, error_text
from ibgu.db.reads import Reads

log = structlog.get_logger("ibgu.controller")


async def report_leadership(
    reads: Reads, lease: Callable[[], ObjectMeta | None], event_writer: EventWriter
) -> None:
    """Writes the Event of this lead; a journal that can't be read is tolerated. A live TALM does
    not matter: the Lease is ibgu's own."""
    try:
        found, held = await reads.leadership(), lease()
    except (JournalUnavailable, DBAPIError) as error:
        log.warning("can't report the new leader", error=error_text(error))
        return
    if found is not None and held is not None:
        event_writer.leads(held, found)
