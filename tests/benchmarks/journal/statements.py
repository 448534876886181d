"""Every statement that an engine sends, and how Postgres carries it out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

LARGE = frozenset({"events", "members", "runs"})
"""Tables that grow as long as the hub is there."""
LABELS = "cluster_labels"
"""The table that is as large as the fleet. A filter by labels may look at all of it: who has a
label, or has it not, is no more than a fraction of the fleet, and an index would cost each write of
labels."""
_OTHERS = ("BEGIN", "COMMIT", "ROLLBACK", "SET", "SHOW", "LISTEN")


class Statement(Struct):
    sql: str
    calls: list[tuple[str, tuple[Any, ...]]] = []
    """What each was sent for, and with which parameters."""


class Recorder:
    """`doing` names what the statements are for."""

    def __init__(self, kept: int = 40) -> None:
        """`kept`: sets of parameters, of one statement."""
        self.doing = ""
        self._kept = kept
        self.statements: dict[str, Statement] = {}

    @contextmanager
    def on(self, engine: AsyncEngine) -> Iterator[None]:
        event.listen(engine.sync_engine, "before_cursor_execute", self._note)
        try:
            yield
        finally:
            event.remove(engine.sync_engine, "before_cursor_execute", self._note)

    def _note(
        self, db: object, cursor: object, sql: str, given: Any, context: object, many: bool
    ) -> None:
        if sql.lstrip().startswith(_OTHERS):
            return
        found = self.statements.setdefault(sql, Statement(sql))
        if len(found.calls) < self._kept:
            found.calls.append((self.doing, tuple(given)))


class Scan(Struct, frozen=True):
    """One node of a plan that reads a table."""

    node: str
    table: str
    index: str
    read: int
    """Rows that it looked at, whether they were wanted or not; over all its loops."""


class Plan(Struct, frozen=True):
    doing: str
    sql: str
    milliseconds: float
    scans: tuple[Scan, ...]

    def read(self, table: str) -> int:
        return sum(scan.read for scan in self.scans if scan.table == table)

    def reads(self, table: str) -> bool:
        return any(scan.table == table for scan in self.scans)

    def sequential(self, tables: frozenset[str]) -> list[str]:
        return [
            scan.table for scan in self.scans if scan.node == "Seq Scan" and scan.table in tables
        ]


async def explain(db: AsyncConnection, statement: Statement) -> list[Plan]:
    """Returns the plan of each set of parameters with which the statement was sent."""
    found = []
    for doing, given in statement.calls:
        sql = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement.sql}"
        answer = (await db.exec_driver_sql(sql, given)).scalar_one()
        found.append(_plan(doing, statement.sql, answer))
    return found


async def generic(db: AsyncConnection, statement: Statement) -> Plan:
    """The plan for any parameters, which Postgres may keep for a connection's later calls."""
    doing, given = statement.calls[0]
    raw: Any = (await db.get_raw_connection()).driver_connection
    await raw.execute(f"SET plan_cache_mode = force_generic_plan; PREPARE asked AS {statement.sql}")
    try:
        values = ", ".join(map(_literal, given))
        execute = f"EXECUTE asked({values})" if given else "EXECUTE asked"
        answer = await raw.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {execute}")
        return _plan(f"{doing} (for any parameters)", statement.sql, answer)
    finally:
        await raw.execute("RESET plan_cache_mode; DEALLOCATE asked")


def _literal(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case bool() | int() | float():
            return str(value)
        case list() | tuple():
            return _quoted("{" + ", ".join(map(_element, value)) + "}")
    return _quoted(str(value))


def _element(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _quoted(words: str) -> str:
    return "'" + words.replace("'", "''") + "'"


def _plan(doing: str, sql: str, answer: Any) -> Plan:
    root = (msgspec.json.decode(answer) if isinstance(answer, str) else answer)[0]
    return Plan(doing, sql, root["Execution Time"], tuple(_scans(root["Plan"])))


def _scans(node: dict[str, Any]) -> Iterator[Scan]:
    if "Relation Name" in node:
        rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        rows += node.get("Rows Removed by Index Recheck", 0)
        yield Scan(
            node=node["Node Type"],
            table=node["Relation Name"],
            index=node.get("Index Name", ""),
            read=round(rows * node["Actual Loops"]),
        )
    for inner in node.get("Plans", ()):
        yield from _scans(inner)
