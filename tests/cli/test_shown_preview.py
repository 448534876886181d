"""A preview in words: what keeps all clusters, what some of them, what is only good to know."""

from datetime import UTC, datetime

from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.preview import preview_lines
from ibgu.client.responses import PreviewResponse

NOW = datetime(2026, 11, 30, 3, tzinfo=UTC)


def test_errors_of_clusters_stand_before_warnings_with_a_symbol_of_their_own() -> None:
    found = PreviewResponse(
        selected=0,
        problems=("it has no name",),
        errors=("1 of 2 clusters are too old",),
        warnings=("late",),
    )
    assert preview_lines(found, OutputStyle(), NOW) == [
        "✗ it has no name",
        "✗ 1 of 2 clusters are too old",
        "⚠ late",
        "nothing was changed",
    ]
