"""Renders the head and the summary of a report: the rollout, how it ended, how long it took."""

from collections.abc import Iterator
from datetime import timedelta

from ibgu.cli.report import charts
from ibgu.cli.report.elements import Markup, element, facts, quiet, section, table
from ibgu.cli.report.facts import RolloutFacts
from ibgu.cli.report.words import counted, moment, span
from ibgu.client.responses import PlanItemResponse

_STATES = {
    "Completed": "good",
    "CompletedWithFailures": "worry",
    "Held": "worry",
    "Invalid": "bad",
}


def head(found: RolloutFacts) -> Markup:
    rollout = found.rollout
    state = element("span", rollout.phase, class_=f"state {_STATES.get(rollout.phase, '')}".strip())
    return element(
        "header",
        element("h1", f"{rollout.name} ", state),
        quiet(f"{rollout.kind} in namespace {rollout.namespace}"),
        facts(
            (
                ("Release", rollout.release.version),
                ("Image", rollout.release.image),
                ("Created", f"{moment(rollout.created_at)}"),
                ("Created by", rollout.created_by or ""),
                ("Began", moment(rollout.started_at)),
                ("Ended", moment(found.ended)),
                ("Deleted", moment(rollout.deleted_at) if rollout.deleted_at else ""),
                ("Took", f"{span(found.took)}{'' if found.over else ' until now'}"),
                ("UID", rollout.uid),
                ("Hub", found.hub),
            )
        ),
    )


def plan(found: RolloutFacts) -> Markup:
    rows = [
        (str(number), " + ".join(each.actions), f"{each.max_concurrency:,}", _minutes(each))
        for number, each in enumerate(found.rollout.plan, 1)
    ]
    return section(
        "Plan", table(("Step", "Actions", "Max concurrency", "Timeout"), rows, numbers=2)
    )


def _minutes(item: PlanItemResponse) -> str:
    return span(timedelta(minutes=item.timeout_minutes))


def summary(found: RolloutFacts) -> Markup:
    counts = found.rollout.counts
    if not counts.total:
        return section("Summary", quiet("No cluster has been in a step of this rollout."))
    unfinished = counts.waiting + counts.running
    tiles = [
        ("clusters", counts.total),
        ("succeeded", counts.succeeded),
        ("failed", counts.failed),
        ("skipped", counts.skipped),
        ("cancelled", counts.cancelled),
        ("not finished", unfinished),
    ]
    return section(
        "Summary",
        element(
            "div",
            *(_tile(f"{number:,}", name) for name, number in tiles),
            _tile(span(found.took), "from begin to end" if found.over else "until now"),
            class_="tiles",
        ),
        charts.outcome_bar(counts),
        *_notes(found),
    )


def _tile(number: str, name: str) -> Markup:
    return element("div", element("b", number), element("span", name), class_="tile")


def _notes(found: RolloutFacts) -> Iterator[Markup]:
    rollout = found.rollout
    if not found.over:
        yield element("p", f"The rollout had not ended at {moment(found.now)}.")
    if rollout.warned:
        yield element(
            "p", f"{counted(rollout.warned, 'cluster')} completed an action with a warning."
        )
