"""Leadership says which controller leads, since when, and how often that has changed."""

from datetime import UTC, datetime

import pytest

from ibgu.core.views.leadership import FLAPS, Leadership

AT = datetime(2026, 11, 20, 2, 14, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "changes", "words"),
    [
        (None, 0, "pod-1 took the lead at 2026-11-20 02:14:07 UTC"),
        ("pod-0", 0, "pod-1 took the lead from pod-0 at 2026-11-20 02:14:07 UTC"),
        (
            "pod-0",
            1,
            "pod-1 took the lead from pod-0 at 2026-11-20 02:14:07 UTC; leadership has changed "
            "once in the last 10 minutes",
        ),
        (
            "pod-1",
            7,
            "pod-1 took the lead again at 2026-11-20 02:14:07 UTC; leadership has changed 7 times "
            "in the last 10 minutes",
        ),
    ],
)
def test_leadership_is_described_with_its_changes(
    before: str | None, changes: int, words: str
) -> None:
    assert Leadership("pod-1", 9, AT, before, changes).words == words


@pytest.mark.parametrize(("changes", "flaps"), [(FLAPS, False), (FLAPS + 1, True)])
def test_more_than_five_changes_are_too_many(changes: int, flaps: bool) -> None:
    assert Leadership("pod-1", 9, AT, "pod-0", changes).flaps is flaps
