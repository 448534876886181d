"""A preview in words: what keeps all clusters, what some of them, what is only good to know."""

from datetime import UTC, datetime, timedelta

from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.preview import preview_lines
from ibgu.cli.show.times import clock
from ibgu.client.responses import EndsResponse, ExcludedResponse, PreviewResponse

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


def test_the_end_is_a_range_with_its_basis_and_clusters_out_of_reach() -> None:
    ends = EndsResponse(
        likely=NOW,
        slow=NOW + timedelta(minutes=30),
        latest=NOW + timedelta(hours=1),
        basis=("Prep measured 12 times here", "no cluster fails"),
        unreached=(ExcludedResponse(why="no zone", count=4, clusters=("a", "b", "c", "d")),),
    )
    found = PreviewResponse(selected=9, problems=("x",), ends=ends)
    first, second, third = (clock(NOW + timedelta(minutes=each), NOW) for each in (0, 30, 60))
    assert preview_lines(found, OutputStyle(), NOW)[1:] == [
        f"ends      likely {first} to {second}, at latest {third}",
        "  rests on: Prep measured 12 times here; no cluster fails",
        "  does not reach 4: no zone (a, b, c, …)",
        "nothing was changed",
    ]


def test_an_end_that_is_not_known_says_what_it_would_rest_on() -> None:
    ends = EndsResponse(likely=None, basis=("times of Prep, measured too rarely here",))
    found = PreviewResponse(selected=1, problems=("x",), ends=ends)
    assert preview_lines(found, OutputStyle(), NOW)[1:3] == [
        "ends      at a time that is not known",
        "  would rest on: times of Prep, measured too rarely here",
    ]
