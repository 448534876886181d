"""The parts of figures: who failed as asked, which reads are allowed, what is timed."""

import asyncio
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.sim.hub import MemoryClient, MemoryHub
from tests.benchmarks.audit import WORKS, Entry, Moments, by_sender
from tests.benchmarks.case import CHAIN, Case, ibgu, otherwise
from tests.benchmarks.process import Process
from tests.benchmarks.reads import not_allowed
from tests.benchmarks.rollout import roll_out
from tests.benchmarks.servers import Histogram, read_metrics

IBGU = "system:serviceaccount:ibgu-system:ibgu"
STAGE, PAYLOAD = "bench-0123456789ab-stage", "bench-0123456789ab-payload"


def ended(*completed: str, failed: str = "") -> dict[str, Any]:
    entry: dict[str, Any] = {"name": "site-0001"}
    if completed:
        entry["completedActions"] = [{"action": action} for action in completed]
    if failed:
        entry["failedActions"] = [{"action": failed}]
    return entry


@pytest.mark.parametrize(
    ("faults", "entry", "good"),
    [
        ((), ended("Prep", "Upgrade"), True),
        ((), ended("Prep", failed="Upgrade"), False),
        ((), ended("Prep"), False),
        ((), {"name": "another"}, False),
        (("prep.precache",), ended(failed="Prep"), True),
        (("prep.precache",), ended("Prep", "Upgrade"), False),
        (("prep.precache",), {"name": "another"}, False),
        (("upgrade.restore",), ended("Prep", failed="Upgrade"), True),
        (("upgrade.restore",), ended(failed="Prep"), False),
        (("prep.precache", "upgrade.restore"), ended(failed="Prep"), True),
        (("blocked:1s",), ended("Prep", "Upgrade"), True),
        (("blocked:1s",), ended(failed="Prep"), False),
    ],
)
@pytest.mark.parametrize("plan", [(("Prep",), ("Upgrade",)), CHAIN])
def test_failures_that_were_asked_for_are_meant(
    plan: Any, faults: tuple[str, ...], entry: dict[str, Any], good: bool
) -> None:
    found = otherwise(Case(1, 1, plan=plan, faults=faults), [entry])
    assert list(found) == ([] if good else ["site-0001"])


def entry_of(
    verb: str, resource: str, *, at: float = 0.0, user: str = IBGU, code: int = 200, name: str = ""
) -> Entry:
    return Entry(user, verb, resource, "site-0001", at, at + 0.01, code, name)


CHECK = [entry_of("get", what) for what in ("configmaps", "configmaps", "secrets")]


@pytest.mark.parametrize(
    ("case", "entries", "expected"),
    [
        (Case(501, 9), [entry_of("list", "managedclusters")] * 4, {}),
        (Case(501, 9), [entry_of("list", "managedclusters")] * 5, {("list", "managedclusters"): 1}),
        (Case(9, 9), [entry_of("list", WORKS)], {("list", WORKS): 1}),
        (Case(9, 9), [entry_of("watch", WORKS)] * 9, {}),
        (Case(9, 9), [entry_of("watch", "pods")], {("watch", "pods"): 1}),
        (Case(9, 9), [entry_of("get", WORKS)] * 2, {("get", WORKS): 2}),
        (Case(9, 9), [entry_of("patch", WORKS, code=409), entry_of("get", WORKS)], {}),
        (Case(9, 9), [entry_of("get", "leases", user="fleet")], {}),
        (Case(9, 9), [entry_of("get", WORKS, user="fleet")], {}),
        (Case(9, 9), [entry_of("patch", WORKS)] * 99, {}),
        (Case(9, 9), CHECK, {("get", "configmaps"): 2, ("get", "secrets"): 1}),
        (Case(9, 9, payload=True), CHECK * 4, {}),
        (
            Case(9, 9, payload=True),
            CHECK * 5,
            {("get", "configmaps"): 2, ("get", "secrets"): 1},
        ),
    ],
)
def test_reads_that_the_rules_allow(
    case: Case, entries: list[Entry], expected: dict[tuple[str, str], int]
) -> None:
    assert not_allowed(case, entries, IBGU, seconds=120.0) == Counter(expected)


def test_a_payload_is_no_arming_and_no_feedback_of_an_end() -> None:
    moments = Moments(
        [
            entry_of("patch", WORKS, at=1.0, name=STAGE),
            entry_of("create", WORKS, at=1.1, name=PAYLOAD),
            entry_of("patch", f"{WORKS}/status", at=3.0, user="fleet", name=PAYLOAD),
            entry_of("patch", f"{WORKS}/status", at=3.1, user="fleet", name=STAGE),
        ],
        IBGU,
        {"site-0001": [True]},
    )
    assert moments.armed("site-0001", requested=1.2) == 1.0
    assert moments.fed_back("site-0001", ended=2.9) == pytest.approx(3.11)


def test_an_end_is_fed_back_by_the_report_that_proves_it() -> None:
    reports = [
        entry_of("patch", f"{WORKS}/status", at=at, user="fleet", name=STAGE)
        for at in (1.0, 3.0, 3.1, 3.2)
    ]
    refused = replace(reports[0], received=3.05, completed=3.06, code=409)
    moments = Moments([*reports, refused], IBGU, {"site-0001": [True, False, True, False]})
    assert moments.fed_back("site-0001", ended=2.9) == pytest.approx(3.11)


@pytest.mark.parametrize("reaped", [True, False])
def test_a_dead_controller_ends_the_benchmark_with_its_last_lines(
    tmp_path: Path, reaped: bool
) -> None:
    log = tmp_path / "ibgu.log"
    log.write_text("began\nno route to the database\n")
    admin = MemoryClient(MemoryHub(now=float))
    with subprocess.Popen(["true"]) as process:
        if reaped:
            process.wait()
        rollout = roll_out(admin, ibgu(1), Process(process.pid), log)
        with pytest.raises(RuntimeError, match=r"has ended(.*\n)*no route to the database"):
            asyncio.run(rollout)


def test_requests_count_by_sender_from_the_creation_of_the_rollout_on() -> None:
    kind, status = "imagebasedgroupupgrades", f"{WORKS}/status"
    entries = [
        entry_of("list", "managedclusters", at=1.0, user="admin"),
        entry_of("create", kind, at=2.0, user="admin"),
        entry_of("patch", status, at=3.0, user="fleet"),
        entry_of("patch", status, at=4.0, user="fleet"),
        entry_of("patch", WORKS, at=5.0),
    ]
    assert by_sender(entries, kind) == {
        ("admin", "create", kind): 1,
        ("fleet", "patch", status): 2,
        (IBGU, "patch", WORKS): 1,
    }


METRICS = """\
# TYPE ibgu_turn_seconds histogram
ibgu_turn_seconds_bucket{le="0.01"} 5
ibgu_turn_seconds_bucket{le="0.1"} 15
ibgu_turn_seconds_bucket{le="+Inf"} 20
ibgu_turn_seconds_count 20
ibgu_turn_seconds_sum 30
# TYPE ibgu_hub_sent_bytes counter
ibgu_hub_sent_bytes_total{verb="patch",resource="manifestworks"} 2048
"""


@pytest.mark.parametrize(
    ("share", "seconds"), [(0.0, 0.0), (0.25, 0.01), (0.5, 0.055), (0.75, 0.1), (0.99, 0.1)]
)
def test_quantiles_are_those_of_prometheus(share: float, seconds: float) -> None:
    assert read_metrics(METRICS).turns.quantile(share) == pytest.approx(seconds)


def test_a_histogram_of_nothing_has_no_quantile() -> None:
    own = read_metrics(METRICS)
    assert own.commits == Histogram(())
    assert own.commits.quantile(0.5) == 0
    assert own.sent == {("patch", "manifestworks"): 2048}
