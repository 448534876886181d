"""The journal's server dies, fills up, or throws everybody out, in the middle of a rollout."""

import asyncio
import random
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from ibgu.db.engine import dsn
from ibgu.sandbox.databases import create_database
from ibgu.sandbox.postgres import EmbeddedPostgres
from tests.chaos.scene import Chaos

DISK = 160 * 2**20
"""Bytes; an empty server has half of it."""


@pytest.mark.slow("chaos")
async def test_postgres_is_killed(chaos: Chaos, postgres: EmbeddedPostgres) -> None:
    """kill -9 of the server, which comes back after a while, and recovers from its log."""
    rng = random.Random(chaos.seed)
    await chaos.roll_out(100, 25)
    pod = await chaos.pod()
    await chaos.leads(pod)
    for _ in range(12):
        await chaos.progress(1)
        await asyncio.sleep(rng.uniform(0.0, 2.0))
        await killed(postgres, rng.choice((0.0, 1.0, 5.0)))
    await chaos.unharmed()


async def killed(postgres: EmbeddedPostgres, away: float) -> None:
    await asyncio.to_thread(postgres.kill_server)
    await asyncio.sleep(away)
    await asyncio.to_thread(postgres.start_server)


@pytest.mark.slow("chaos")
async def test_connections_are_terminated(chaos: Chaos) -> None:
    """An administrator terminates them again and again."""
    rng = random.Random(chaos.seed)
    await chaos.roll_out(100, 25)
    pod = await chaos.pod()
    await chaos.leads(pod)
    terminated = 0
    while terminated < 200 and chaos.done < chaos.total:
        await asyncio.sleep(rng.uniform(0.0, 0.4))
        terminated += await terminate(chaos)
    await chaos.unharmed()
    assert terminated > 20


async def terminate(chaos: Chaos) -> int:
    """Returns how many sessions of ibgu were ended."""
    rows = await chaos.journal(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'ibgu' AND datname = current_database()"
    )
    return len(rows)


@pytest.mark.slow("chaos")
async def test_the_journal_can_only_be_read_for_a_while(chaos: Chaos) -> None:
    """A standby that nobody has promoted yet is like that."""
    await chaos.roll_out(60, 20)
    pod = await chaos.pod()
    await chaos.leads(pod)
    for _ in range(3):
        await chaos.progress(10)
        await read_only(chaos, "on")
        await asyncio.sleep(4)
        await read_only(chaos, "off")
    await chaos.unharmed()


async def read_only(chaos: Chaos, state: str) -> None:
    connection = await asyncpg.connect(dsn(chaos.database_url))
    try:
        name = await connection.fetchval("SELECT current_database()")
        await connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
        await connection.execute(
            f'ALTER DATABASE "{name}" SET default_transaction_read_only = {state}'
        )
    finally:
        await connection.close()
    await terminate(chaos)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of its own, in memory."""
    with tempfile.TemporaryDirectory(prefix="ibgu-chaos-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with mounted(folder):
            yield folder


@pytest.fixture
def on_small_disk(small_disk: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(small_disk / "data") as server:
        yield server


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0755", "ibgu-chaos", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs the right to mount one: run this scene as root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow("chaos")
async def test_the_disk_is_full(
    small_disk: Path, on_small_disk: EmbeddedPostgres, chaos: Chaos
) -> None:
    """The server's own; someone makes room in the end, and starts it again."""
    chaos.database_url = create_database(on_small_disk.url, "journal")
    await chaos.roll_out(100, 25)
    pod = await chaos.pod()
    await chaos.leads(pod)
    for _ in range(3):
        await chaos.progress(15)
        await filled(chaos, small_disk / "ballast")
        (small_disk / "ballast").unlink()
        await asyncio.to_thread(on_small_disk.start_server)
    await chaos.unharmed()
    assert "No space left on device" in pod.log.read_text()


async def filled(chaos: Chaos, ballast: Path) -> None:
    """Fills the disk to the last byte, until ibgu has met it, and a while longer."""
    before = full_disks(chaos)
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(2**16))
    await chaos.until(lambda: full_disks(chaos) > before, "ibgu to meet the full disk", 120)
    await asyncio.sleep(3)


def full_disks(chaos: Chaos) -> int:
    """Returns how often ibgu could not write: the disk was full, or the server had ended because of
    that.

    Where a table can't grow, Postgres refuses; where its log can't, it ends and begins again.
    """
    return chaos.pods[0].log.read_text().count("journal unavailable")
