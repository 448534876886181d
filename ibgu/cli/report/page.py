"""Renders a report as one HTML file that needs neither network nor script."""

from ibgu.cli.report import comparison, course, failing, overview, people, waiting
from ibgu.cli.report.document import document
from ibgu.cli.report.elements import Markup, element, facts, joined, quiet, section
from ibgu.cli.report.facts import RolloutFacts, RolloutReport, SavedCertificate
from ibgu.cli.report.words import moment

_OLDER = (
    "The rollout has changed since this certificate was made, and it does not cover the changes. "
    "Make a new one."
)


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
        _certificate(found, report.certificate),
        _footer(found),
    ]


def _certificate(found: RolloutFacts, certificate: SavedCertificate | None) -> Markup:
    if certificate is None:
        return section(
            "Certificate",
            quiet(
                "This report does not prove that the rollout kept the rules. The proof needs the "
                "event log in the database:"
            ),
            element("p", element("code", f"ibgu certify {found.full_name}")),
        )
    good = certificate.verdict == "certified"
    verdict = element("span", certificate.verdict, class_=f"state {'good' if good else 'bad'}")
    key = certificate.verified_with
    signature = f"verified with {key}" if key else "not verified: this is what the file says"
    numbers = f"{certificate.events:,} (#{certificate.first} to #{certificate.last})"
    return section(
        "Certificate",
        element("p", verdict),
        *([element("p", _OLDER)] if certificate.is_older_than(found) else ()),
        facts(
            (
                ("Made", f"{certificate.at}, by ibgu {certificate.version}"),
                ("Rollout", f"{certificate.state} when it was made"),
                ("Events", numbers),
                ("SHA-256", certificate.sha256),
                ("Signature", signature),
            )
        ),
    )


def _footer(found: RolloutFacts) -> Markup:
    words = (
        f"As ibgu knew it at {moment(found.now)}. All times are UTC. p50 and p95: half, and 95 "
        "of 100 clusters, took at most so long."
    )
    return element("footer", joined((words,)))
