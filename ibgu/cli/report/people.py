"""Renders what people did in a rollout, and what is left for them to do."""

from collections.abc import Iterator

from ibgu.cli.report.elements import Markup, element, joined, quiet, section, table
from ibgu.cli.report.facts import RolloutFacts
from ibgu.cli.report.holds import actor
from ibgu.cli.report.waiting import unknown_past
from ibgu.cli.report.words import NOTHING, clusters, counted, moment
from ibgu.client.responses import ReasonResponse
from ibgu.core.model import Kind

MAX_CHANGES = 200
_ALWAYS = (Kind.ROLLOUT_SEEN, Kind.PLAN_ACCEPTED)
"""What is listed even if nobody knows who did it."""


def changes(found: RolloutFacts) -> Markup:
    """Returns who changed the rollout, and what came of it."""
    entries = [each for each in found.activity if each.who or each.via or each.kind in _ALWAYS]
    rows = [
        (
            moment(each.at),
            actor(each) or NOTHING,
            each.title + (f" (step {each.step})" if each.step else ""),
            each.text,
        )
        for each in reversed(entries[:MAX_CHANGES])
    ]
    if not rows:
        words = quiet("No change by a person is recorded.")
        return section("Changes", words, *unknown_past(found))
    return section(
        "Changes",
        table(("When", "Who", "Change", "Result"), rows),
        *(
            [quiet(f"The newest {MAX_CHANGES} of {len(entries):,} changes.")]
            if entries[MAX_CHANGES:]
            else ()
        ),
        *unknown_past(found),
        quiet(
            "The names are those of requests to ibgu's REST API and of field managers on the hub. "
            "Where the admission policy ibgu-grants is not installed, anyone who may write the "
            "object can claim another one. The hub's audit log is the proof."
        ),
    )


def needs(found: RolloutFacts) -> Markup:
    """Returns what needs a person now."""
    items = [*_of_rollout(found), *_of_members(found)]
    if not items:
        return section("What needs a person", quiet("Nothing, as far as ibgu knows."))
    return section("What needs a person", element("ul", *(element("li", each) for each in items)))


def _of_rollout(found: RolloutFacts) -> Iterator[Markup]:
    rollout = found.rollout
    if rollout.hold and _acts(rollout.hold) and not found.over:
        yield joined(
            (f"The rollout is held since {moment(rollout.hold.since)}: ", rollout.hold.message)
        )
    if rollout.counts.failed:
        yield joined(
            (
                f"{counted(rollout.counts.failed, 'cluster')} failed: see Failures. To list what "
                "is left and how to go on, run ",
                element("code", f"ibgu stragglers {rollout.name} -n {rollout.namespace}"),
                ".",
            )
        )
    if rollout.rollback:
        yield joined(
            (
                f"{counted(rollout.rollback.clusters, 'cluster')} can be rolled back, the first "
                f"until {moment(rollout.rollback.until)}: finalize or roll back before.",
            )
        )


def _acts(reason: ReasonResponse) -> bool:
    return reason.who == "person" or reason.overdue is not None


def _of_members(found: RolloutFacts) -> Iterator[Markup]:
    totals = found.totals
    for key, need in sorted(totals.needs.items(), key=lambda each: each[0]):
        yield joined(
            (
                f"Step {key.step}, {key.kind}: {counted(need.count, 'cluster')} since "
                f"{moment(need.since)} ({clusters(need.clusters, need.count)}). ",
                need.message,
            )
        )
    if totals.paused_count:
        names = clusters(totals.paused, totals.paused_count)
        yield joined(
            (f"Parts of {counted(totals.paused_count, 'cluster')} may still be paused: {names}.",)
        )
