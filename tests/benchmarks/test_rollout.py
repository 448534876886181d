"""Rollouts and fail-overs on the sandbox hub run, with few clusters: no figure is judged here."""

from collections.abc import Iterable

from msgspec.structs import replace

from tests.benchmarks import failover, policies_part
from tests.benchmarks.case import CHAIN, Case
from tests.benchmarks.report import bounds
from tests.benchmarks.rollout import measure
from tests.benchmarks.rollout_figures import figures

QUICK = "1s-2s"


def _bounded(part: str, names: Iterable[str]) -> bool:
    return set(names) <= set(bounds(part))


def test_a_rollout_in_two_steps() -> None:
    result = measure(Case(6, 3, durations=QUICK), settled=False)

    assert (result.work.actions, result.failed, result.otherwise) == (12, 0, {})
    assert len(result.work.handovers) == 6
    assert 0 < min(result.work.handovers) <= max(result.work.handovers) < result.work.makespan
    assert result.work.next_actions == []
    found = figures(result)
    assert _bounded("", found)
    assert found["makespan_ratio"] > 1
    assert found["reads_not_allowed"] == 0
    assert 5 < found["work_kib_per_member"] < 30
    assert found["status_kib_per_member"] > 0
    size = result.work_bytes
    assert 1000 < size.spec < size.whole - size.status
    assert size.status > 1000
    assert all(cpu > 0 for cpu in result.around.servers.values())
    own = result.around.own
    assert 0 < own.commits.quantile(0.5) < own.turns.quantile(0.99) < 10


def test_a_chain_with_a_payload_and_failures_that_were_asked_for() -> None:
    faults = ("prep.precache@site-0002", "upgrade.restore@site-0003")
    case = Case(6, 3, "chain", plan=CHAIN, durations=QUICK, faults=faults, payload=True)
    result = measure(case, settled=False)

    assert (result.work.actions, result.failed, result.otherwise) == (11, 2, {})
    assert len(result.work.next_actions) == 5
    assert min(result.work.next_actions) > 0
    assert max(result.work.next_actions) < result.work.makespan
    assert result.requests["delete", "manifestworks"] == 6, "payloads that have done their work"
    found = figures(result)
    assert _bounded("chain", found)
    assert found["reads_not_allowed"] == 0
    assert found["work_kib_per_member"] > 30


def test_ten_policies_hold_no_rollout_that_keeps_to_them() -> None:
    case = Case(6, 3, durations=QUICK)
    under = measure(replace(case, policies=tuple(policies_part.ten())), settled=False)

    assert (under.work.actions, under.failed, under.otherwise) == (12, 0, {})
    assert _bounded("policies", policies_part.figures([under], [under]))


def test_two_controllers_relieve_each_other() -> None:
    delays = failover.measure(44, 1)

    assert [len(delays.killed), len(delays.stopped)] == [1, 1]
    assert all(0 < delay < 60 for delay in (*delays.killed, *delays.stopped))
