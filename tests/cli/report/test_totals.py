"""Counts over all members: durations, labels, waits, failures, what needs a person."""

import random
from statistics import quantiles

import pytest
from msgspec.structs import replace

from ibgu.cli.report.facts import group_key
from ibgu.cli.report.spread import DurationSpread
from ibgu.cli.report.totals import MAX_VALUES, NO_LABEL, OTHERS, MemberTotals, NeedKey
from tests.cli.report.samples import done, failed, group, later, waiting
from tests.db.records import NOW


def test_percentiles_are_those_of_the_standard_library() -> None:
    seconds = [random.Random(7).random() * 100 for _ in range(101)]
    spread = DurationSpread(seconds)
    inclusive = quantiles(seconds, n=100, method="inclusive")
    assert spread.p50 == pytest.approx(inclusive[49])
    assert spread.p95 == pytest.approx(inclusive[94])
    assert spread.max == max(seconds)


def test_a_single_duration_is_all_percentiles() -> None:
    spread = DurationSpread([3.0])
    assert (spread.p50, spread.p95, spread.max, len(spread)) == (3.0, 3.0, 3.0, 1)
    spread.add(5.0)
    assert (spread.p50, spread.max) == (4.0, 5.0)
    assert len(spread.merged(DurationSpread([1.0]))) == 3


def test_bins_hold_every_duration_once() -> None:
    assert DurationSpread([0, 1, 5, 9.9, 10]).bins(10) == [1, 1, 0, 0, 0, 1, 0, 0, 0, 2]
    assert DurationSpread([0, 0]).bins(3) == [2, 0, 0]


def totals(*labels: str) -> MemberTotals:
    found = MemberTotals(labels)
    for each in (
        done("a", region="north"),
        done("b", begin=30, end=50, region="south"),
        failed("c", region="north"),
        failed("d"),
        waiting("e", who="person", region="south"),
        waiting("f", who="ibgu"),
    ):
        found.add(each, ("Prep",), NOW)
    return found


def test_outcomes_and_durations_are_by_step_and_action() -> None:
    found = totals()
    assert found.outcomes[1, "Prep"] == {"succeeded": 2, "failed": 2, "waiting": 2}
    assert (len(found.took[1, "Prep"]), found.took[1, "Prep"].max) == (2, 60)
    assert found.retried[1, "Prep"] == 0


def test_members_count_under_the_values_of_their_labels() -> None:
    values = totals("region").values["region"]
    assert {value: dict(steps[1].outcomes) for value, steps in values.items()} == {
        "north": {"succeeded": 1, "failed": 1},
        "south": {"succeeded": 1, "waiting": 1},
        NO_LABEL: {"failed": 1, "waiting": 1},
    }
    assert values["south"][1].took.max == 20


def test_failures_have_the_key_of_the_apis_groups() -> None:
    assert totals("region").failures[group_key(group())] == {"region": {"north": 1, NO_LABEL: 1}}


def test_a_label_with_a_value_for_each_cluster_is_bounded() -> None:
    found = MemberTotals(("serial",))
    for number in range(MAX_VALUES + 50):
        found.add(done(f"c{number}", serial=str(number)), ("Prep",), NOW)
    values = found.values["serial"]
    assert len(values) == MAX_VALUES + 1
    assert values[OTHERS][1].outcomes.total() == 50


def test_the_longest_wait_names_its_cluster() -> None:
    wait = totals().waits[1]
    assert (wait.cluster, wait.longest, len(wait.spread)) == ("b", 30, 4)


def test_only_reasons_that_a_person_ends_need_one() -> None:
    found = totals()
    assert {key: need.clusters for key, need in found.needs.items()} == {
        NeedKey(1, "GateClosed"): ["e"]
    }


def test_a_need_names_the_first_clusters_and_counts_all() -> None:
    found = MemberTotals()
    for number in range(30):
        found.add(waiting(f"c{number}", who="person"), ("Prep",), NOW)
    [need] = found.needs.values()
    assert (need.count, need.clusters[-1], need.since) == (30, "c9", later(5))


def test_clusters_that_may_still_be_paused_are_counted() -> None:
    found = MemberTotals()
    paused = done()
    member = replace(paused.member, paused_since=NOW)
    for _ in range(12):
        found.add(replace(paused, member=member), ("Prep",), None)
    assert (found.paused_count, len(found.paused), dict(found.waits)) == (12, 10, {})
