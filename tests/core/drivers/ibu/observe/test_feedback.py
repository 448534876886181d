"""Feedback beside conditions: the warning of Prep, and the rollback deadline."""

from datetime import UTC, datetime

import pytest

from ibgu.core.drivers.ibu.feedback import PATHS
from ibgu.core.drivers.ibu.observe.feedback import view_ibu
from ibgu.core.model.kinds import FeedbackValue, FieldValue
from ibgu.core.text.cut import MAX_BYTES

WARNING = "Thing[1] - CRD not deployed on cluster"
PREPARED = {"prepCompletedStatus": "True", "warning": WARNING}


def values(**told: str) -> list[FeedbackValue]:
    found = told.items()
    return [FeedbackValue(name, FieldValue(type="String", string=each)) for name, each in found]


def test_the_paths_are_those_of_the_lifecycle_agent() -> None:
    annotation = r"extra-manifest\.lca\.openshift\.io/validation-warning"
    assert PATHS["warning"] == f".metadata.annotations.{annotation}"
    assert PATHS["rollbackUntil"] == ".status.rollbackAvailabilityExpiration"


@pytest.mark.parametrize(
    ("told", "warning"),
    [
        ({}, ""),
        ({"warning": WARNING}, ""),
        (PREPARED, WARNING),
        ({**PREPARED, "prepCompletedStatus": "False"}, ""),
        ({**PREPARED, "upgradeInProgressStatus": "True"}, ""),
        ({**PREPARED, "upgradeCompletedStatus": "False"}, ""),
        ({"prepCompletedStatus": "True"}, ""),
    ],
)
def test_a_warning_counts_from_the_end_of_prep_until_upgrade(
    told: dict[str, str], warning: str
) -> None:
    assert view_ibu(values(**told)).warning == warning


def test_a_long_warning_is_cut() -> None:
    found = view_ibu(values(**{**PREPARED, "warning": "x" * 100_000})).warning
    assert len(found.encode()) <= MAX_BYTES


@pytest.mark.parametrize(
    ("told", "until"),
    [
        ("2026-12-20T10:00:00Z", datetime(2026, 12, 20, 10, tzinfo=UTC)),
        ("", None),
        ("soon", None),
        ("2026-12-20T10:00:00", None),
        ("9999-12-31T23:59:59Z", None),
    ],
)
def test_the_deadline_is_a_time_or_none(told: str, until: datetime | None) -> None:
    assert view_ibu(values(rollbackUntil=told)).rollback_until == until
