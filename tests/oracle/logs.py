"""Event logs as the journal would write them, from the engine's decisions."""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from ibgu.core.model import Preempt
from ibgu.db.journal.history import event_rows
from ibgu.db.journal.write import document
from tests.core.engine.decide.fleet import START, InMemoryEngine
from tests.oracle import Certifier, Event, Findings, Leader, PolicyVersion
from tests.oracle.kinds import PROOFS
from tests.oracle.proofs import KindProofs


def log_of(engine: InMemoryEngine) -> list[Event]:
    found: list[Event] = []
    for said in engine.said:
        decision = said.decision
        if isinstance(decision, Preempt) or decision.kind.silent:
            continue
        rows = event_rows("hub", 1, said.at, [decision], len(found) + 1)
        found += msgspec.json.decode(document(rows), type=list[Event])
    return found


LEADERS = [Leader(epoch=1, holder="ibgu-0", since=START, after_seq=0)]


def certify(
    events: Iterable[Event],
    *,
    proofs: KindProofs = PROOFS,
    policies: Sequence[PolicyVersion] | None = None,
) -> Findings:
    certifier = Certifier(proofs, LEADERS, policies)
    for event in events:
        certifier.feed(event)
    return certifier.findings()


def without_facts(log: Iterable[Event]) -> list[Event]:
    """The log as an ibgu wrote it that kept nothing of what policies read."""
    return [
        replace(each, data={key: value for key, value in each.data.items() if key != "facts"})
        for each in log
    ]


def told(findings: Findings) -> list[str]:
    return [
        f"{found.rule}: {found.words} (#{found.event.seq} {found.event.kind}; {found.others})"
        for found in findings.violations
    ]
