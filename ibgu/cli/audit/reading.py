"""Opens the database of DATABASE_URL, and finds a rollout in it by its name."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from io import TextIOWrapper
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu import db
from ibgu.cli.errors import MISUSED, fail
from ibgu.cli.serve import checks
from ibgu.db.errors import error_text
from ibgu.db.reads.log import LoggedRollout, named
from ibgu.db.revision import current, problem
from ibgu.settings import Settings, SettingsError

T = TypeVar("T")


def reading(act: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    """Runs `act` with a pool of connections; an error ends the command in one line."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        return asyncio.run(_with_engine(checks.settings_of_journal(), act))
    except SettingsError as error:
        fail(str(error), MISUSED)
    except (db.JournalUnavailable, db.SchemaMismatch) as error:
        fail(str(error))
    except DBAPIError as error:
        fail(f"DATABASE_URL: {error_text(error)}")


async def _with_engine(settings: Settings, act: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    if wrong := problem(await current(settings.database_url)):
        raise db.SchemaMismatch(wrong)
    engine = db.engine(settings.database_url, pool_size=1, statement_timeout=None)
    try:
        return await act(engine)
    finally:
        await engine.dispose()


def split(name: str) -> tuple[str, str]:
    """Splits `namespace/name`; a name alone is in the namespace `default`."""
    namespace, _, rest = name.rpartition("/")
    if not rest or "/" in namespace:
        fail(f"{name!r} is no rollout: it looks like namespace/name", MISUSED)
    return namespace or "default", rest


async def find(engine: AsyncEngine, name: str, hub: str) -> LoggedRollout:
    """Returns the newest rollout of that name. Several hubs may share one database."""
    namespace, rest = split(name)
    rollouts = [
        found
        for found in await named(engine, namespace, rest)
        if hub in ("", found.hub, found.hub_name)
    ]
    if not rollouts:
        fail(f"the journal has no rollout {namespace}/{rest}{f' of hub {hub}' if hub else ''}")
    hubs = {found.hub for found in rollouts}
    if len(hubs) > 1:
        listed = ", ".join(sorted(hubs))
        fail(f"{namespace}/{rest} exists on several hubs; choose one with --hub: {listed}", MISUSED)
    return rollouts[0]
