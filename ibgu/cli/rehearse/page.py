"""The outlook of a rollout, or of two, as one HTML file to send."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from ibgu.cli.rehearse.show import approved, hold_words, never_ends
from ibgu.cli.report import charts
from ibgu.cli.report.document import document
from ibgu.cli.report.elements import Markup, element, facts, quiet, section, table
from ibgu.cli.report.words import NOTHING, counted, moment, seconds
from ibgu.core.rehearsal.outlook import Outlook
from ibgu.core.rehearsal.planned import LEFT_OUT
from ibgu.core.rehearsal.spread import Percentiles
from ibgu.core.rehearsal.timeline import LoadPoint

MAX_REGIONS = 200
"""The most values of a label that a table has."""
WRITES_PER_ACTION = 4
"""The writes of ibgu to the API server for an action (docs/performance.md, R26.7)."""
_KEY = element(
    "p",
    element("span", element("i", class_="flight"), "half of the runs have less"),
    element("span", element("i", class_="likely"), "nine of ten runs"),
    class_="key quiet",
)
_BANDS = ("nine of ten times from", "likely", "to")


class RehearsedFile(Struct, frozen=True):
    """RehearsedFile is one plan with its outlook."""

    name: str
    """The file of the manifest."""
    outlook: Outlook


def page(
    plans: Sequence[RehearsedFile], begin: datetime, image_gib: float = 0.0, label: str = ""
) -> str:
    """Returns the file. `image_gib`: the size of the image that clusters pull, 0: not known;
    `label`: the one whose values are told apart."""
    parts = [_head(plans, begin)]
    if len(plans) > 1:
        parts.append(_compared(plans, begin))
    for each in plans:
        title = element("h1", each.name) if len(plans) > 1 else Markup("")
        parts += [title, *_plan(each.outlook, begin, image_gib, label)]
    parts.append(_footer())
    return document(f"Rehearsal of {' and '.join(each.name for each in plans)}", parts)


def _head(plans: Sequence[RehearsedFile], begin: datetime) -> Markup:
    names = " and ".join(each.name for each in plans)
    first = plans[0].outlook
    return element(
        "header",
        element("h1", f"Rehearsal of {names}"),
        facts(
            (
                ("Begins", moment(begin)),
                ("Runs", f"{first.runs:,}"),
                ("Clusters", " and ".join(f"{each.outlook.clusters:,}" for each in plans)),
            )
        ),
    )


def _plan(found: Outlook, begin: datetime, image_gib: float, label: str) -> Iterator[Markup]:
    yield _ends(found, begin)
    yield _steps(found, begin)
    if found.regions:
        yield _regions(found, begin, label)
    yield _policies(found)
    yield _load(found, begin, image_gib)


def _ends(found: Outlook, begin: datetime) -> Markup:
    low, middle, high = _band(found.end, begin)
    times = [begin + timedelta(seconds=each) for each in found.ends]
    title = "Comes to stand, and never ends" if never_ends(found) else "End"
    return section(
        title,
        element(
            "div",
            *(
                element("div", element("b", when), element("span", words), class_="tile")
                for when, words in zip((low, middle, high), _BANDS, strict=True)
            ),
            class_="tiles",
        ),
        *(element("p", f"{words[:1].upper()}{words[1:]}.") for words in hold_words(found)),
        charts.spread_chart(times, f"Ends of the runs: from {low} to {high} in nine of ten"),
        quiet("Runs by their end. A run that a person has to resume ends there."),
        *(_people(found, begin)),
    )


def _people(found: Outlook, begin: datetime) -> Iterator[Markup]:
    """Yields which approvals policies ask for and when, and what is taken for granted."""
    rows = [
        (each.policy, approved(each), f"{each.share:.0%}", *_band(each.asked, begin))
        for each in found.approvals
    ]
    if rows:
        yield table(("RolloutPolicy", "Wants approved", "Asked for", *_BANDS), rows, numbers=4)
    if found.assumed:
        yield element("p", "Taken for granted:")
        yield element("ul", *(element("li", each) for each in found.assumed))


def _steps(found: Outlook, begin: datetime) -> Markup:
    rows = []
    for number, step in enumerate(found.steps, 1):
        shares = (f"{step.begun:.0%}", f"{step.timed_out:.0%}")
        means = (f"{each:,.0f}" for each in (step.succeeded, step.failed, step.never_started))
        rows.append(
            (f"{number} {' + '.join(step.actions)}", *_ranged(step.end, found, begin), *means,
             *shares)
        )  # fmt: skip
    headings = (
        "Step", "End", *_BANDS, "Succeeded", "Failed", "Never started", "Begins", "Times out",
    )  # fmt: skip
    return section(
        "Steps", table(headings, rows, numbers=8), quiet("Counts are means of the runs.")
    )


def _regions(found: Outlook, begin: datetime, label: str) -> Markup:
    shown = list(found.regions.items())[:MAX_REGIONS]
    rows = ((value or "(none)", *_ranged(ends, found, begin)) for value, ends in shown)
    more = len(found.regions) - len(shown)
    return section(
        f"By {label}",
        table(("Value", "End", *_BANDS), rows, numbers=3),
        *([quiet(f"And {counted(more, 'value')} more.")] if more else ()),
    )


def _ranged(ends: Percentiles | None, found: Outlook, begin: datetime) -> tuple[str, ...]:
    """Returns a bar on the time from the beginning to the latest likely end, and its times."""
    if ends is None:
        return ("", NOTHING, NOTHING, NOTHING)
    longest = max(found.end.p95, ends.p95, 1.0)
    low, middle, high = (each / longest for each in (ends.p5, ends.p50, ends.p95))
    times = _band(ends, begin)
    if ends.p5 < 0:  # it has ended before the rehearsal
        return ("", *times)
    return (charts.range_bar(low, middle, high, f"From {times[0]} to {times[2]}"), *times)


def _policies(found: Outlook) -> Markup:
    if not found.policies:
        return section("Policies", quiet("No RolloutPolicy holds this rollout."))
    rows = (
        (
            each.name,
            *map(_counted, (each.clusters, each.hours, each.missed, each.missed_windows)),
        )
        for each in found.policies
    )
    return section(
        "Policies",
        table(
            (
                "RolloutPolicy",
                "Clusters that wait",
                "Hours of all of them",
                "Clusters that miss their first window",
                "Windows missed by all of them",
            ),
            rows,
            numbers=4,
        ),
    )


def _counted(found: Percentiles) -> str:
    return f"{found.p50:,.0f} ({found.p5:,.0f} to {found.p95:,.0f})"


def _load(found: Outlook, begin: datetime, image_gib: float) -> Markup:
    pulls = max(each.pulls.p95 for each in found.load)
    starts = max(each.starts.p95 for each in found.load)
    size = f", {pulls * image_gib:,.0f} GiB" if image_gib else ""
    return section(
        "Load",
        element("h3", f"Clusters in flight: {found.slots:,} at most"),
        _chart(found, begin, "Clusters in flight", lambda each: each.slots),
        element("h3", f"Registry: {pulls:,.0f} pulls within a minute{size}"),
        _chart(found, begin, "Pulls within a minute", lambda each: each.pulls),
        element("h3", f"Hub: about {starts * WRITES_PER_ACTION:,.0f} writes within a minute"),
        _chart(found, begin, "Writes to the hub within a minute", _writes),
        _KEY,
        quiet(
            "Pulls are counted when they start. The hub's writes are "
            f"{WRITES_PER_ACTION} for each action that starts, as measured."
        ),
    )


def _writes(found: LoadPoint) -> Percentiles:
    starts = found.starts
    return Percentiles(*(WRITES_PER_ACTION * each for each in (starts.p5, starts.p50, starts.p95)))


def _chart(
    found: Outlook, begin: datetime, label: str, value: Callable[[LoadPoint], Percentiles]
) -> Markup:
    points = [_point(begin, each.at, value(each)) for each in found.load]
    last = begin + timedelta(seconds=max(found.ends[-1], found.load[-1].at + 1))
    return charts.band_chart([*points, charts.BandPoint(last, 0, 0, 0)], label)


def _point(begin: datetime, at: float, found: Percentiles) -> charts.BandPoint:
    return charts.BandPoint(begin + timedelta(seconds=at), found.p5, found.p50, found.p95)


def _compared(plans: Sequence[RehearsedFile], begin: datetime) -> Markup:
    both = [each.outlook for each in plans]
    bands = [_band(each.end, begin) for each in both]
    rows: list[tuple[str, ...]] = [
        ("Likely end", *(band[1] for band in bands)),
        ("Nine of ten times", *(f"{band[0]} to {band[2]}" for band in bands)),
        ("Takes, likely", *(seconds(each.end.p50) for each in both)),
        ("A person has to act", *(f"{sum(each.held.values()):.0%} of the runs" for each in both)),
        ("Clusters that succeed in the last step", *(_succeeded(each) for each in both)),
        ("Most clusters in flight", *(f"{each.slots:,}" for each in both)),
        ("Most pulls within a minute", *(f"{each.pulls.p95:,.0f}" for each in both)),
        ("Clusters wait for policies, in all", *map(_kept, both)),
    ]
    headings = ("", *(each.name for each in plans))
    return section(
        "Compared",
        table(headings, rows, numbers=len(plans), class_="compared"),
        quiet("With the same luck: the same action takes as long on the same cluster in both."),
    )


def _succeeded(found: Outlook) -> str:
    return f"{found.steps[-1].succeeded:,.0f}"


def _kept(found: Outlook) -> str:
    """Returns the hours that clusters wait for policies, of all of them."""
    return f"{sum(each.hours.p50 for each in found.policies):,.0f} h"


def _band(found: Percentiles, begin: datetime) -> tuple[str, str, str]:
    low, middle, high = (
        f"{begin + timedelta(seconds=each):%Y-%m-%d %H:%M}"
        for each in (found.p5, found.p50, found.p95)
    )
    return low, middle, high


def _footer() -> Markup:
    return element(
        "footer",
        "A model in virtual time, from measured or given times; nothing was changed. Not "
        f"rehearsed: {LEFT_OUT}. All times are UTC.",
    )
