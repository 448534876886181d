"""Renders what held a rollout, and how long its clusters waited for their start."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

from ibgu.cli.report.elements import Markup, element, quiet, section, table
from ibgu.cli.report.facts import RolloutFacts
from ibgu.cli.report.holds import RecordedHold, holds
from ibgu.cli.report.words import NOTHING, moment, seconds, span

MAX_HOLDS = 10


def waits(found: RolloutFacts) -> Markup:
    return section(
        "Waits and holds",
        *_holds(found, holds(found.activity)),
        *unknown_past(found),
        *_now(found),
        *_starts(found),
    )


def unknown_past(found: RolloutFacts) -> Iterator[Markup]:
    """Yields a note if the rollout's oldest activity is unknown."""
    if not found.whole_activity:
        yield quiet(
            "The oldest activity is missing: it was deleted by its age, or there is more than a "
            "report includes."
        )


def _holds(found: RolloutFacts, known: list[RecordedHold]) -> Iterator[Markup]:
    now = found.ended or found.now
    if not known:
        yield quiet("No hold of the rollout or of one of its steps is recorded.")
        return
    sums: defaultdict[str, timedelta] = defaultdict(timedelta)
    for hold in known:
        sums[hold.kind] += hold.lasted(now)
    ordered = sorted(sums.items(), key=lambda each: -each[1])
    yield element("p", ", ".join(f"{kind}: {span(lasted)}" for kind, lasted in ordered))
    longest = sorted(known, key=lambda hold: -hold.lasted(now))
    rows = [
        (
            "rollout" if hold.step is None else f"step {hold.step}",
            f"{hold.kind}: {hold.message}",
            moment(hold.since),
            moment(hold.until) if hold.until else "lasts",
            hold.ended_by or NOTHING,
            span(hold.lasted(now)),
        )
        for hold in longest[:MAX_HOLDS]
    ]
    headings = ("Held", "By", "From", "Until", "Ended by", "Lasted")
    yield table(headings, rows, numbers=1)
    if len(known) > MAX_HOLDS:
        yield quiet(f"The {MAX_HOLDS} longest of {len(known):,} holds.")


def _now(found: RolloutFacts) -> Iterator[Markup]:
    """Yields what the unfinished clusters wait for, such as a policy: ibgu keeps no record of that
    once it is over."""
    rows = [
        (str(step.step), reason.kind, reason.who, f"{reason.count:,}", f"{reason.overdue:,}")
        for step in found.steps
        for reason in step.reasons
    ]
    if rows:
        yield element("h3", "Unfinished clusters, by what they wait for")
        yield table(("Step", "Reason", "Who must act", "Clusters", "Overdue"), rows, numbers=2)


def _starts(found: RolloutFacts) -> Iterator[Markup]:
    rows = []
    for step, wait in sorted(found.totals.waits.items()):
        spread = wait.spread
        longest = f"{seconds(spread.max)} ({wait.cluster})"
        measured = (seconds(spread.p50), seconds(spread.p95), longest)
        rows.append((str(step), f"{len(spread):,}", *measured))
    if rows:
        yield element("h3", "From the start of a step to the start on a cluster")
        yield table(("Step", "Clusters started", "p50", "p95", "Longest"), rows, numbers=4)
