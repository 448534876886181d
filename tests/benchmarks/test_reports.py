"""Reports of agents, by what they change."""

from typing import Any

from tests.benchmarks.reports import Report, Reports


def status(generation: int, **values: str) -> dict[str, Any]:
    told = [{"name": name, "fieldValue": {"string": text}} for name, text in values.items()]
    role: dict[str, Any] = {"statusFeedback": {}}
    ibu = {"statusFeedback": {"values": told}}
    condition = {"type": "Applied", "observedGeneration": generation}
    return {"conditions": [condition], "resourceStatus": {"manifests": [role, ibu]}}


def test_each_report_counts_as_what_it_changes() -> None:
    reports = Reports()
    for generation, values in (
        (1, {}),
        (1, {"stage": "Prep"}),
        (2, {"stage": "Prep"}),
        (2, {"stage": "Prep", "prepInProgressMessage": "In progress"}),
        (2, {"stage": "Prep", "prepInProgressMessage": "Precache job in progress"}),
        (2, {"stage": "Prep", "prepInProgressMessage": "failed", "prepCompletedStatus": "False"}),
    ):
        reports.note("site-0001", status(generation, **values))
    assert reports.found == {Report.CONDITIONS: 2, Report.WORDS: 2, Report.VALUES: 2}


def test_reports_of_two_works_are_compared_each_with_its_own() -> None:
    reports = Reports()
    for work in ("site-0001", "site-0002"):
        reports.note(work, status(1, stage="Prep"))
    assert reports.found == {Report.VALUES: 2}


def test_a_status_without_manifests_has_no_values() -> None:
    reports = Reports()
    reports.note("site-0001", {"conditions": []})
    assert reports.found == {Report.CONDITIONS: 1}
