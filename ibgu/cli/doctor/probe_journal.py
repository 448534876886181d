"""Asks the database."""

from sqlalchemy.exc import DBAPIError

from ibgu.cli.doctor.facts import JournalFacts, NotTried, Unknown
from ibgu.db import InvalidDatabaseUrl, JournalUnavailable
from ibgu.db.errors import WAITS, error_text
from ibgu.db.health import health


async def probe_journal(url: str, *, reads_only: bool) -> JournalFacts:
    if not url:
        return NotTried("DATABASE_URL is not set")
    try:
        return await health(url, reads_only=reads_only)
    except (InvalidDatabaseUrl, JournalUnavailable) as error:
        return Unknown(str(error).removesuffix(WAITS))
    except DBAPIError as error:
        return Unknown(f"the database refuses: {error_text(error)}")
