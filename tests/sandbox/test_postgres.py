"""The embedded Postgres: data, databases, nothing left."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from ibgu.sandbox import postgres
from ibgu.sandbox.databases import create_database, drop_database
from ibgu.sandbox.errors import SandboxError
from ibgu.sandbox.postgres import EmbeddedPostgres


async def run(url: str, *statements: str) -> object:
    """The first column of the last statement's first row."""
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            for statement in statements:
                result = await connection.execute(text(statement))
            return result.scalar() if result.returns_rows else None
    finally:
        await engine.dispose()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that an unprivileged server can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="ibgu-test-") as path:
        Path(path).chmod(0o755)
        yield Path(path)


async def test_a_fresh_database_is_empty_and_ones_own(empty_url: str) -> None:
    count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert await run(empty_url, count) == 0
    assert await run(empty_url, "CREATE TABLE t (x int)", count) == 1


async def test_a_database_can_copy_another(postgres_url: str, empty_url: str) -> None:
    await run(empty_url, "CREATE TABLE t (x int)", "INSERT INTO t VALUES (7)")
    template = empty_url.rpartition("?")[0].rpartition("/")[2]
    copy = create_database(postgres_url, f"{template}_copy", template=template)
    assert await run(copy, "SELECT x FROM t") == 7
    drop_database(postgres_url, f"{template}_copy")
    with pytest.raises(DBAPIError, match="does not exist"):
        await run(copy, "SELECT 1")


async def test_data_in_a_given_folder_survives(folder: Path) -> None:
    data = folder / "data"
    async with EmbeddedPostgres(data) as first:
        await run(first.create_database("kept"), "CREATE TABLE t (x int)")
        assert await run(first.url, "SHOW fsync") == "on"
    async with EmbeddedPostgres(data, durable=False) as unsafe:
        assert await run(unsafe.url, "SHOW fsync") == "off"
    async with EmbeddedPostgres(data) as second:
        kept = second.url.replace("/postgres?", "/kept?")
        assert await run(kept, "SELECT count(*) FROM t") == 0
        with pytest.raises(SandboxError, match="already exists"):
            EmbeddedPostgres(data).start()


async def test_committed_rows_survive_a_killed_server(folder: Path) -> None:
    async with EmbeddedPostgres(folder / "data") as server:
        await run(server.url, "CREATE TABLE t AS SELECT 7 AS x")
        server.kill_server()
        with pytest.raises((OSError, DBAPIError)):
            await run(server.url, "SELECT 1")
        server.start_server()
        assert await run(server.url, "SELECT x FROM t") == 7
    with pytest.raises(RuntimeError, match="not running"):
        server.kill_server()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_the_error_names_a_folder_that_the_server_can_not_enter(folder: Path) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(SandboxError, match=f"can't enter {private}"):
        EmbeddedPostgres(private / "data").start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
async def test_binaries_in_a_private_folder_are_copied(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virtual environment below /root is such a folder."""
    installed = postgres._binaries().parent
    package, private = installed.parent, folder / "private"
    shutil.copytree(installed, private / package.name / installed.name, symlinks=True)
    libraries = f"{package.name}.libs"
    shutil.copytree(package.parent / libraries, private / libraries)
    private.chmod(0o700)
    binaries = private / package.name / installed.name / "bin"
    monkeypatch.setattr(postgres, "_binaries", lambda: binaries)
    async with EmbeddedPostgres() as server:
        assert await run(server.url, "SELECT 1") == 1


def test_the_error_names_the_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "find_spec", lambda _: None)
    with pytest.raises(SandboxError, match=r"pip install '\.\[sandbox\]'"):
        EmbeddedPostgres().start()
