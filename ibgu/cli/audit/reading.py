"""Opens the database of DATABASE_URL, and finds a rollout in it by its name."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from io import TextIOWrapper
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu import db
from ibgu.cli.errors import MISUSED, fail
from ibgu.cli.serve import checks
from ibgu.core.text.alike import MAX_COMPARED, do_you_mean
from ibgu.db.errors import error_text
from ibgu.db.reads.log import LoggedRollout, named, names_in
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
    namespace, short = split(name)
    full = f"{namespace}/{short}"
    found = _of_hub(await named(engine, namespace, short), hub)
    if not found:
        known = await names_in(engine, namespace, hub, MAX_COMPARED)
        fail(f"{_none(f'rollout {full}', hub)}{do_you_mean(short, known)}")
    return _of_one(found, f"{full} exists on several hubs")[0]


async def find_all(engine: AsyncEngine, namespace: str, hub: str) -> Sequence[LoggedRollout]:
    """Returns all rollouts of the namespace, newest first; empty: of every namespace."""
    what = f"rollout in the namespace {namespace}" if namespace else "rollout"
    found = _of_hub(await named(engine, namespace), hub)
    if not found:
        fail(_none(what, hub))
    return _of_one(found, "the journal has rollouts of several hubs")


def _of_hub(found: Sequence[LoggedRollout], hub: str) -> Sequence[LoggedRollout]:
    return [each for each in found if hub in ("", each.hub, each.hub_name)]


def _none(what: str, hub: str) -> str:
    return f"the journal has no {what}{f' of hub {hub}' if hub else ''}"


def _of_one(found: Sequence[LoggedRollout], several: str) -> Sequence[LoggedRollout]:
    """Returns the rollouts. Ends the command if they are of several hubs."""
    hubs = {each.hub for each in found}
    if len(hubs) > 1:
        fail(f"{several}; choose one with --hub: {', '.join(sorted(hubs))}", MISUSED)
    return found
