"""The two that carry a rollout out, each as a process of its own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from msgspec import Struct

from ibgu.db.migrate import upgrade
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.postgres import EmbeddedPostgres
from ibgu.sandbox.users import USERS
from tests.benchmarks.journal.state import kept
from tests.benchmarks.process import Process, controller
from tests.benchmarks.ready import running
from tests.e2e.real_talm import USER, RealTalm
from tests.neighbours.programs import find, how_to_have_them


class ControllerProcess(Struct, frozen=True):
    process: Process
    user: str
    """The name that the hub knows it by."""
    log: Path


@asynccontextmanager
async def ibgu(hub: SandboxHub, folder: Path) -> AsyncIterator[ControllerProcess]:
    """ibgu with a Postgres of its own, which waits for its disk."""
    with kept() as data, EmbeddedPostgres(data) as postgres:
        await upgrade(postgres.url)
        async with running(controller, hub, postgres.url, folder) as leader:
            yield ControllerProcess(leader.process, USERS["ibgu"].username, leader.log)


@asynccontextmanager
async def talm(hub: SandboxHub, folder: Path) -> AsyncIterator[ControllerProcess]:
    program = find("TALM")
    if program is None:
        raise SystemExit(how_to_have_them())
    found = RealTalm(hub, program, folder)
    found.install()
    found.start()
    try:
        yield ControllerProcess(Process(found.pid), USER, found.log)
    finally:
        found.stop()


CONTROLLERS: dict[
    str, Callable[[SandboxHub, Path], AbstractAsyncContextManager[ControllerProcess]]
] = {
    "TALM": talm,
    "ibgu": ibgu,
}
