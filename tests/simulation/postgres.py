"""Provides a migrated database."""

import asyncio
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from ibgu.db.migrate import upgrade
from ibgu.sandbox.databases import create_database, drop_database
from ibgu.sandbox.postgres import EmbeddedPostgres


@contextmanager
def server() -> Iterator[str]:
    """Yields the server of DATABASE_URL, or else an embedded one."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    with EmbeddedPostgres() as postgres:
        yield postgres.url


@contextmanager
def database(server_url: str) -> Iterator[str]:
    """Yields the database's URL, also inside a loop; drops it afterwards."""
    name = f"ibgu_migrated_{os.getpid()}_{time.time_ns()}"
    url = create_database(server_url, name)
    try:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, upgrade(url)).result()
        yield url
    finally:
        drop_database(server_url, name)
