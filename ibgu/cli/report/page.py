"""Renders a report as one HTML file that needs neither network nor script."""

from ibgu.cli.report import comparison, course, failing, overview, people, waiting
from ibgu.cli.report.document import document
from ibgu.cli.report.elements import Markup, element, joined
from ibgu.cli.report.facts import RolloutFacts, RolloutReport
from ibgu.cli.report.words import moment


def page(report: RolloutReport) -> str:
    """Returns the file."""
    return document(f"Report on {report.found.full_name}", _parts(report))


def _parts(report: RolloutReport) -> list[Markup]:
    found = report.found
    return [
        overview.head(found),
        overview.summary(found),
        people.needs(found),
        *([comparison.comparison(found, report.against)] if report.against else ()),
        overview.plan(found),
        course.steps(found),
        *([course.labels(found)] if found.totals.labels else ()),
        failing.failures(found),
        waiting.waits(found),
        people.changes(found),
        _footer(found),
    ]


def _footer(found: RolloutFacts) -> Markup:
    words = (
        f"As ibgu knew it at {moment(found.now)}. All times are UTC. p50 and p95: half, and 95 "
        "of 100 clusters, took at most so long."
    )
    return element("footer", joined((words,)))
