"""Judges the database."""

from collections.abc import Iterator

from ibgu.cli.doctor.facts import JournalFacts, NotTried
from ibgu.cli.doctor.findings import Finding, error, ok, skipped, warning
from ibgu.core.views.leadership import REMEDY, Leadership
from ibgu.db.health import CHANGES, Health
from ibgu.db.revision import problem as schema_problem

OLDEST = 14
"""The oldest Postgres that ibgu works with."""
SLOW = 20.0
"""Milliseconds of a round trip; every decision waits for a commit."""
CONNECTIONS = 20
"""Two pools: the controller's and the API's."""


def judge_journal(journal: JournalFacts, *, reads_only: bool = False) -> Iterator[Finding]:
    """Returns the findings; `reads_only`: for the REST API, whose user may have no other right."""
    if isinstance(journal, NotTried):
        yield skipped("database", journal.why, "DATABASE_URL names the journal's Postgres")
    elif not isinstance(journal, Health):
        yield error("database", journal.why, "check DATABASE_URL, the server, and its pg_hba.conf")
    else:
        yield _server(journal)
        yield _schema(journal, reads_only=reads_only)
        if journal.unreadable:
            yield _unreadable(journal)
        if journal.free_connections < CONNECTIONS:
            yield _connections(journal)
        yield from map(_leader, journal.leaderships)


def _server(health: Health) -> Finding:
    major, minor = divmod(health.version, 10000)
    words = f"Postgres {major}.{minor}"
    if major < OLDEST:
        return error("database", f"{words} is too old", f"ibgu needs Postgres {OLDEST} or newer")
    if health.read_only:
        do = "set DATABASE_URL to the primary, and default_transaction_read_only to off"
        return error("database", f"{words} rejects writes: it is a standby, or read-only", do)
    words += f", answers in {health.milliseconds:.1f} ms"
    if health.milliseconds > SLOW:
        return warning(
            "database", words, "move the database closer to ibgu: every decision waits for it"
        )
    return ok("database", words)


def _schema(health: Health, *, reads_only: bool) -> Finding:
    wrong = schema_problem(health.revision)
    if health.revision is None and not (health.may_create or reads_only):
        words = "it has no tables of ibgu, and this user may not create them"
        return error(
            "schema", words, "GRANT CREATE ON SCHEMA public TO the user, then run ibgu migrate"
        )
    if wrong:
        words, _, do = wrong.partition(": ")
        return error("schema", words, do)
    if health.denied:
        verb, needs = ("read", "SELECT") if reads_only else ("change", ", ".join(CHANGES))
        words = f"this user may not {verb}, or does not find: {', '.join(health.denied)}"
        return error("schema", words, f"GRANT {needs} ON them TO the user, or make it their owner")
    return ok("schema", f"{health.revision}, as this version of ibgu needs it")


def _unreadable(health: Health) -> Finding:
    first, *more = health.unreadable
    words = f"records can't be read: {first}{f', and of {len(more)} more' if more else ''}"
    do = (
        "see “Records that can't be read” in docs/recovery.md; these rollouts stay "
        "stopped until then"
    )
    return error("records", words, do)


def _connections(health: Health) -> Finding:
    words = f"only {max(0, health.free_connections)} connections are free"
    do = f"raise max_connections: controller and API take up to {CONNECTIONS}"
    return warning("connections", words, do)


def _leader(found: Leadership) -> Finding:
    if found.flaps:
        return warning("leader", found.words, REMEDY)
    return ok("leader", found.words)
