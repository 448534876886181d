"""The outlook of a rollout as lines of text."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from ibgu.cli.show import symbols
from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.times import clock
from ibgu.core.rehearsal.outlook import Outlook, Percentiles, StepOutlook
from ibgu.core.text.spans import duration

_LEFT_OUT = "canaries, failure budgets, breakers and demands of policies, and other rollouts"


def outlook_lines(found: Outlook, begin: datetime, style: OutputStyle) -> Iterator[str]:
    yield f"rehearsed {_times(found.runs)}: {_clusters(found.clusters)}, from {_utc(begin)}"
    yield f"ends      {_between(found.end, begin)}"
    for who, share in found.held.items():
        words = f"in {share:.0%} of the runs a person has to act: held by the {who}"
        yield style.paint(f"{symbols.WARNING} {words}", "yellow")
    for number, step in enumerate(found.steps, 1):
        yield from _step(number, step, begin, style)
    for region, ends in found.regions.items():
        yield f"{region or '(without the label)'}: ends {_between(ends, begin)}"
    for policy in found.policies:
        clusters, hours = policy.clusters, policy.hours
        yield (
            f"policy {policy.name} keeps {clusters.p50:.0f} clusters ({clusters.p5:.0f} to "
            f"{clusters.p95:.0f}) waiting, {hours.p50:.0f} h in all ({hours.p5:.0f} to "
            f"{hours.p95:.0f})"
        )
    pulls = _pulls(found.pulls)
    yield f"at most {_clusters(found.slots)} in flight at once; images are pulled by {pulls}"
    yield f"not rehearsed: {_LEFT_OUT}"


def difference(first: Outlook, second: Outlook) -> str:
    """Returns in words how much later the second plan ends than the first one."""
    later = second.end.p50 - first.end.p50
    words = duration(timedelta(seconds=abs(later)))
    if round(later) == 0:
        return "both plans end at the same time"
    return f"the second plan ends {words} {'later' if later > 0 else 'earlier'}"


def _step(number: int, step: StepOutlook, begin: datetime, style: OutputStyle) -> Iterator[str]:
    name = f"step {number} {'+'.join(step.actions)}"
    if step.end is None:
        yield f"{name}: begins in no run"
        return
    yield (
        f"{name}: ends {_between(step.end, begin)}; {step.succeeded:.0f} succeed, "
        f"{step.failed:.0f} fail, {step.never_started:.0f} never start"
    )
    if step.timed_out:
        words = f"its timeout ends it in {step.timed_out:.0%} of the runs"
        yield style.paint(f"  {symbols.WARNING} {words}", "yellow")


def _between(spread: Percentiles, begin: datetime) -> str:
    at: Callable[[float], str] = lambda seconds: clock(begin + timedelta(seconds=seconds), begin)  # noqa: E731
    return f"likely {at(spread.p50)}, nine of ten times from {at(spread.p5)} to {at(spread.p95)}"


def _pulls(spread: Percentiles) -> str:
    return f"{spread.p50:.0f} clusters within a minute at the peak ({spread.p95:.0f} at worst)"


def _clusters(count: int) -> str:
    return "1 cluster" if count == 1 else f"{count} clusters"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M UTC}"
