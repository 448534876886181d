"""A rehearsal beside what came, as one HTML file to keep."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from ibgu.cli.rehearse.beside import Course, outcome
from ibgu.cli.report import charts
from ibgu.cli.report.document import document
from ibgu.cli.report.elements import Markup, element, facts, quiet, section, table
from ibgu.cli.report.words import NOTHING, moment
from ibgu.core.rehearsal.beside import Beside, StepBeside
from ibgu.core.rehearsal.spread import Percentiles

_KEY = element(
    "p",
    element("span", element("i", class_="flight"), "half of the runs have less"),
    element("span", element("i", class_="likely"), "nine of ten runs"),
    element("span", element("i", class_="real"), "what came"),
    class_="key quiet",
)
_HEADINGS = (
    "Step", "Begins, nine of ten times", "Began", "Ends, nine of ten times", "Ended",
    "Succeed", "Succeeded", "Fail", "Failed",
)  # fmt: skip


def beside_page(name: str, found: Course, beside: Beside, runs: int) -> str:
    """Returns the file."""
    return document(f"Rehearsal of {name} beside what came", [*_parts(name, found, beside, runs)])


def _parts(name: str, found: Course, beside: Beside, runs: int) -> Iterator[Markup]:
    begin = found.begin
    yield element(
        "header",
        element("h1", f"Rehearsal of {name} beside what came"),
        facts(
            (
                ("Began", moment(begin)),
                ("Runs", f"{runs:,}"),
                ("Ends, nine of ten times", _band(beside.ends, begin)),
                ("End", outcome(beside.ends, beside.ended, begin)),
            )
        ),
    )
    yield section(
        "Clusters done, of all steps",
        charts.band_chart(
            [
                charts.BandPoint(
                    begin + timedelta(seconds=each.at),
                    each.rehearsed.p5,
                    each.rehearsed.p50,
                    each.rehearsed.p95,
                )
                for each in beside.curve
            ],
            "Clusters done over time, as rehearsed and as it came",
            [
                (begin + timedelta(seconds=each.at), float(each.real))
                for each in beside.curve
                if each.real is not None
            ],
        ),
        _KEY,
    )
    rows = [_row(number, each, begin) for number, each in enumerate(beside.steps, 1)]
    yield section("Steps", table(_HEADINGS, rows, numbers=4))
    held = [
        (moment(each.since), moment(each.until) if each.until else "lasts", each.message)
        for each in found.holds
    ]
    if held:
        yield section("Held", table(("From", "Until", "By"), held))
    yield section(
        "Taken for granted", element("ul", *(element("li", each) for each in found.assumed))
    )
    yield quiet("Succeed and Fail are means of the runs. All times are UTC.")


def _row(number: int, step: StepBeside, begin: datetime) -> tuple[str, ...]:
    return (
        f"{number} {' + '.join(step.actions)}",
        _band(step.begins, begin),
        _time(step.began, begin),
        _band(step.ends, begin),
        _time(step.ended, begin),
        f"{step.succeeds:,.0f}",
        f"{step.succeeded:,}",
        f"{step.fails:,.0f}",
        f"{step.failed:,}",
    )


def _time(at: float | None, begin: datetime) -> str:
    return NOTHING if at is None else f"{begin + timedelta(seconds=at):%Y-%m-%d %H:%M}"


def _band(found: Percentiles | None, begin: datetime) -> str:
    if found is None:
        return NOTHING
    return f"{_time(found.p5, begin)} to {_time(found.p95, begin)}"
