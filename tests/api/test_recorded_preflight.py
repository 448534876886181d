"""R46.11: what preflight had found before each step, beside what came."""

from msgspec.structs import replace

from ibgu.core.model import Kind, OnStep
from ibgu.core.model.preflight import FindingSeverity, PreflightRecord, RecordedFinding
from ibgu.db import Journal
from tests.api.conftest import Ask
from tests.api.fleet import fleet, tell
from tests.db.records import NOW

FULL = RecordedFinding("P31", FindingSeverity.ERROR, "have a full disk", ("a", "c"))
ABSENT = RecordedFinding("P13", FindingSeverity.WARNING, "ConfigMap default/oadp: was not found")


async def judged(journal: Journal) -> None:
    """Prep of c and d could not pull images; preflight had found a and c to have a full disk."""
    found = await fleet(journal)
    prep = (await journal.load()).steps[0]
    assert prep.rollout == found.uid
    record = PreflightRecord(NOW, (FULL, ABSENT), ("P6", "P7"))
    await tell(journal, OnStep(Kind.PREFLIGHT, replace(prep, preflight=record), "1 error"))


async def test_failures_are_compared_with_what_was_found_before(ask: Ask, journal: Journal) -> None:
    await judged(journal)
    answer = await ask("alice", "rollouts/default/ran-r1/preflight")
    assert answer.status_code == 200, answer.text
    [step] = answer.json()["items"]
    assert (step["step"], step["actions"], step["unknown"]) == (1, ["Prep"], ["P6", "P7"])
    assert step["findings"][0] == {
        "rule": "P31",
        "severity": "error",
        "message": "have a full disk",
        "remedy": step["findings"][0]["remedy"],
        "count": 2,
        "clusters": ["a", "c"],
    }
    assert step["findings"][0]["remedy"]
    assert step["findings"][1]["count"] == 0
    # c was found, d was not; nobody looks for what e said; a succeeded with its error.
    counts = ("failed", "found", "notChecked", "missed", "unforeseeable", "succeededInSpite")
    assert [step[name] for name in counts] == [2, 1, 0, 1, 1, 1]
    assert [(each["failure"], each["count"]) for each in step["failures"]] == [
        ("PrecacheFailed", 2),
        (None, 1),
    ]


async def test_a_rollout_without_an_evaluated_step_has_no_items(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    answer = await ask("alice", "rollouts/default/ran-r1/preflight")
    assert answer.json() == {"items": []}


async def test_only_who_may_read_the_rollout_sees_its_findings(ask: Ask, journal: Journal) -> None:
    await judged(journal)
    assert (await ask("carol", "rollouts/default/ran-r1/preflight")).status_code == 403


async def test_an_explanation_has_the_findings_on_its_cluster(ask: Ask, journal: Journal) -> None:
    await judged(journal)
    named = {"namespace": "default", "rollout": "ran-r1"}
    failed = (await ask("alice", "clusters/c/explain", **named)).json()
    assert failed["preflight"] == ["error: have a full disk [P31]"]
    other = (await ask("alice", "clusters/d/explain", **named)).json()
    assert other["preflight"] == []
    later = (await ask("alice", "clusters/a/explain", **named)).json()
    assert later["preflight"] == []
