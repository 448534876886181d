"""Runs a process from its start to its exit code: signals, and errors in words."""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import asyncpg
import structlog
import typer
import uvloop
from sqlalchemy.exc import DBAPIError

from ibgu.api.http.server import ListenError
from ibgu.cli.errors import FAILED, MISUSED
from ibgu.cli.serve.unready import HubNotReady
from ibgu.db import JournalUnavailable, LeadershipLost, SchemaMismatch, UnreadableJournal
from ibgu.db.errors import error_text
from ibgu.hub.errors import HubError, LeaderStuck
from ibgu.settings import Settings, SettingsError
from ibgu.telemetry import configure_logging
from ibgu.tracing import MissingExtra, tracing

SIGNALS = (signal.SIGINT, signal.SIGTERM)

Main = Callable[[Settings], Coroutine[Any, Any, None]]

log = structlog.get_logger("ibgu")


class _Forward(logging.Handler):
    """_Forward passes what libraries log to our own log."""

    def emit(self, record: logging.LogRecord) -> None:
        log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


def run(read: Callable[[], Settings], main: Main, *in_words: type[Exception]) -> int:
    """Runs `main` until it ends or a signal comes; returns the exit code.

    A signal cancels it, so that it can end in order; the second one kills. `in_words` are errors,
    besides the usual ones, whose text is for a person.
    """
    try:
        settings = read()
        configure_logging(settings.log_level, settings.log_format)
        logging.basicConfig(handlers=[_Forward()], level=logging.WARNING)
        _collect_less_often()
        with tracing(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_signalled(main(settings)))
    except Exception as error:
        return _log_error(error, in_words)
    return 0


def _collect_less_often() -> None:
    """Reduces garbage collection: a controller makes little cyclic garbage and keeps many
    long-lived objects; by default a tenth of its time went into walks over its modules and
    mirrors."""
    gc.set_threshold(20_000, 20, 20)


async def _until_signalled(main: Coroutine[Any, Any, None]) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(main)
    signalled: list[signal.Signals] = []

    def stop(which: signal.Signals) -> None:
        signalled.append(which)
        for each in SIGNALS:
            loop.remove_signal_handler(each)
        log.info("stopping", signal=which.name)
        task.cancel()

    for each in SIGNALS:
        loop.add_signal_handler(each, stop, each)
    try:
        await task
    except asyncio.CancelledError:
        if not signalled:
            raise


def _log_error(error: Exception, in_words: tuple[type[Exception], ...]) -> int:
    found = [
        (str(leaf), FAILED) if isinstance(leaf, in_words) else _known(leaf)
        for leaf in _leaves(error)
    ]
    if None in found:
        log.error("ended by an internal error", exc_info=error)
        return FAILED
    lines = dict.fromkeys(line for line in found if line)
    for line, _ in lines:
        typer.echo(f"ibgu: {line}", err=True)
    return max((code for _, code in lines), default=FAILED)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _known(error: BaseException) -> tuple[str, int] | None:
    """Returns the line for a person and the exit code, for errors that are not ibgu's own."""
    match error:
        case SettingsError() | MissingExtra():
            return str(error), MISUSED
        case ListenError():
            return f"IBGU_LISTEN: {error}", MISUSED
        case HubError(reason="NoConfiguration"):
            return f"KUBECONFIG: {error.message}", MISUSED
        case HubNotReady():
            return error.words, FAILED
        case HubError():
            return f"the hub: {error}", FAILED
        case (
            JournalUnavailable()
            | SchemaMismatch()
            | UnreadableJournal()
            | LeadershipLost()
            | LeaderStuck()
        ):
            return str(error), FAILED
        case DBAPIError() | asyncpg.PostgresError() | asyncpg.InterfaceError():
            return f"DATABASE_URL: {error_text(error)}", FAILED
        case _:
            return None
