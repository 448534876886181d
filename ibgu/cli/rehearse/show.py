"""The outlook of a rollout as lines of text."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from ibgu.cli.show import symbols
from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.times import clock, with_zone
from ibgu.core.model.grants import ApprovalPoint
from ibgu.core.rehearsal.outlook import (
    ApprovalOutlook,
    Outlook,
    PolicyOutlook,
    StepOutlook,
    TripOutlook,
)
from ibgu.core.rehearsal.planned import LEFT_OUT
from ibgu.core.rehearsal.spread import Percentiles
from ibgu.core.rehearsal.step_end import Held
from ibgu.core.text.counted import counted
from ibgu.core.text.spans import duration


def outlook_lines(found: Outlook, begin: datetime, style: OutputStyle) -> Iterator[str]:
    whom = counted(found.clusters, "cluster")
    yield f"rehearsed {_times(found.runs)}: {whom}, from {with_zone(begin)}"
    yield f"ends      {_ends(found, begin)}"
    for words in hold_words(found):
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
        if policy.missed.p95:
            yield f"  {missed_words(policy)}"
    pulls = _pulls(found.pulls)
    most = counted(found.slots, "cluster")
    yield f"at most {most} in flight at once; images are pulled by {pulls}"
    for each in found.approvals:
        yield (
            f"RolloutPolicy {each.policy} wants {approved(each)} approved: asked for "
            f"{_between(each.asked, begin)}"
        )
    for words in found.assumed:
        yield f"assumed: {words}"
    yield f"not rehearsed: {LEFT_OUT}"


def _ends(found: Outlook, begin: datetime) -> str:
    if never_ends(found):
        return f"never: it comes to stand {_between(found.end, begin)}"
    return _between(found.end, begin)


def never_ends(found: Outlook) -> bool:
    """Returns whether policies keep some clusters for ever, in each run."""
    return found.held.get(Held.POLICY, 0.0) == 1


def approved(found: ApprovalOutlook) -> str:
    """Returns what a policy wants approved."""
    if found.before == ApprovalPoint.STEP:
        return f"step {found.step}"
    if found.before == ApprovalPoint.REST:
        return f"the rest of step {found.step} behind its canaries"
    return f"{found.before} of step {found.step}"


def hold_words(found: Outlook) -> Iterator[str]:
    """Yields what stops the rollout until a person acts, and how often."""
    yield from found.endless
    for trip in found.trips:
        failed, started = trip.failed, trip.started
        yield (
            f"in {trip.share:.0%} of the runs {_rule(trip)}{_of(trip.policy)} stops step "
            f"{trip.step}, with {counted(round(failed.p50), 'cluster')} failed and "
            f"{started.p50:.0f} begun ({started.p5:.0f} to {started.p95:.0f}); a person has to "
            "resume it"
        )
    waits = found.held.get(Held.POLICY, 0.0)
    if waits:
        yield (
            f"in {waits:.0%} of the runs policies never let some clusters start; ibgu policy "
            "explain NAME says why, and ibgu preview -f FILE names those of a plan that has not "
            "begun"
        )


def missed_words(policy: PolicyOutlook) -> str:
    """Returns on how many clusters windows of the policy close that they wait for."""
    missed, windows = policy.missed, policy.missed_windows
    return (
        f"{missed.p50:.0f} clusters ({missed.p5:.0f} to {missed.p95:.0f}) miss their first window, "
        f"{windows.p50:.0f} windows in all ({windows.p5:.0f} to {windows.p95:.0f})"
    )


def _rule(trip: TripOutlook) -> str:
    return "a failed canary" if trip.rule == Held.CANARIES else f"the {trip.rule}"


def _of(policy: str) -> str:
    return f" of RolloutPolicy {policy}" if policy else ""


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
    if step.over:
        at = clock(begin + timedelta(seconds=step.end.p50), begin)
        yield (
            f"{name}: ended {at}; {step.succeeded:.0f} succeeded, {step.failed:.0f} failed, "
            f"{step.never_started:.0f} never started"
        )
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


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
