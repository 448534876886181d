"""The certifier checks a rollout of a second kind of change by what that kind's feedback proves."""

import pytest
from msgspec.structs import replace

from ibgu.core.model.names import IBGU
from ibgu.db.journal.evidence import FEEDBACK
from tests.core.engine.decide.firmware import FirmwareDriver, FirmwareNode, FirmwareProofs
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.oracle import Event, Rule
from tests.oracle.kinds import PROOFS
from tests.oracle.logs import certify, log_of, told


@pytest.fixture(scope="module")
def log() -> list[Event]:
    """Two clusters whose firmware is flashed, one that fails and is aborted, one done already."""
    names = [f"site-{number}" for number in range(1, 5)]
    engine = InMemoryEngine(*names, driver=FirmwareDriver(), node=FirmwareNode)
    nodes: dict[str, object] = {**engine.spokes}
    failing, done = nodes["site-2"], nodes["site-4"]
    assert isinstance(failing, FirmwareNode)
    assert isinstance(done, FirmwareNode)
    failing.breaks, done.phase = "checksum mismatch", "Downloaded"
    engine.apply(ibgu("a", "Stage Flash", "RevertFailed", "Keep", concurrency=2))
    engine.drive()
    return log_of(engine)


def test_the_rules_were_kept(log: list[Event]) -> None:
    findings = certify(log, proofs={IBGU: FirmwareProofs()})
    assert told(findings) == []
    assert findings.checks[Rule.PROBE] > 0
    assert findings.checks[Rule.EVIDENCE] > 0


@pytest.mark.parametrize(
    ("kind", "phase", "rule", "words"),
    [
        ("RunIntended", "Flashed", Rule.PROBE, "in a state that it does not fit: Flashed"),
        ("ActionAlreadyDone", "Idle", Rule.EVIDENCE, "was not where Stage would bring it: Idle"),
        ("RunEnded", "Idle", Rule.EVIDENCE, "Stage succeeded, but the firmware was Idle"),
    ],
)
def test_a_lie_is_found(log: list[Event], kind: str, phase: str, rule: Rule, words: str) -> None:
    index = next(index for index, event in enumerate(log) if event.kind == kind)
    lie = log[index].data["seen"][FEEDBACK] | {"phase": phase}
    data = log[index].data | {"seen": log[index].data["seen"] | {FEEDBACK: lie}}
    events = [*log[:index], replace(log[index], data=data), *log[index + 1 :]]
    [found] = certify(events, proofs={IBGU: FirmwareProofs()}).violations
    assert found.rule is rule
    assert words in found.words


def test_another_kinds_proofs_prove_nothing(log: list[Event]) -> None:
    assert not certify(log, proofs=PROOFS).valid
