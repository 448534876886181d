"""`ibgu status`: is it moving, what failed and why, what waits, and what to do."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from ibgu.cli.show import symbols
from ibgu.cli.show.failing import RolloutFailures, failure_lines, next_lines
from ibgu.cli.show.names import acting, held_words, reason_words
from ibgu.cli.show.output_style import PLAIN, OutputStyle
from ibgu.cli.show.rollouts import NOBODY, WAITING, phase_of, selected_nobody
from ibgu.cli.show.times import clock, duration, remaining
from ibgu.client.responses import (
    CountsResponse,
    EtaResponse,
    FailuresResponse,
    GridResponse,
    NewerRolloutResponse,
    NewerRolloutsResponse,
    ReasonCountResponse,
    RolloutResponse,
    StalledClusterResponse,
    StepResponse,
)
from ibgu.core.model.claims import ANOTHER_NAMESPACE
from ibgu.core.model.names import IBGU
from ibgu.core.text.counted import counted

_COLOURS = {
    "Pending": None,
    "Running": "blue",
    WAITING: "yellow",
    "Held": "yellow",
    "Completed": "green",
    NOBODY: "yellow",
    "CompletedWithFailures": "yellow",
    "Invalid": "red",
    "Deleted": None,
}


_BAR, _MIN_BAR = 24, 8
"""Cells of a step's bar, as many as there is room for."""
_NEWER = 3
"""Newer rollouts that are named."""
_COLOURED = {"failed": "red", "running": "blue"}


class StatusSnapshot(Struct, frozen=True):
    """StatusSnapshot is a rollout as of one moment."""

    rollout: RolloutResponse
    steps: Sequence[StepResponse]
    failures: FailuresResponse
    now: datetime
    seq: int = 0
    """The hub's newest event."""
    stalled: Sequence[StalledClusterResponse] = ()
    """Some of those that take longer than usual."""
    grid: GridResponse | None = None
    """Members of the newest step; None: clusters are not shown one by one."""
    unmatched: str = ""
    """Says that none of the rollout's clusters has the labels; empty: some have, or none were
    asked for."""
    newer: NewerRolloutsResponse | None = None
    """Newer rollouts on its clusters; None: they were not asked for."""

    @property
    def facts(self) -> object:
        """Returns all but the time, and what is derived from it."""
        steps = tuple(replace(step, eta=None) for step in self.steps)
        return (replace(self.rollout, eta=None), steps, self.failures, self.stalled, self.newer)


def body_of(seen: StatusSnapshot) -> dict[str, object]:
    """Returns the same for programs."""
    return {
        "seq": seen.seq,
        "rollout": seen.rollout,
        "steps": seen.steps,
        "failures": seen.failures,
        "newer": seen.newer,
    }


def status_lines(seen: StatusSnapshot, style: OutputStyle) -> list[str]:
    if seen.unmatched:
        return [headline(seen, style), style.paint(f"{symbols.WARNING} {seen.unmatched}", "yellow")]
    return [
        headline(seen, style),
        *broken_glass(seen, style),
        *_mistakes(seen, style),
        *whole(seen, style),
        *_newer(seen, style),
        *_nobody(seen, style),
        *_steps(seen, style),
        *_reports(seen, style),
        *hold_lines(seen, style),
        *failure_lines(failing(seen), style),
        *_stalled(seen, style),
        *next_lines(failing(seen), seen.rollout.hold.kind if seen.rollout.hold else ""),
    ]


def failing(seen: StatusSnapshot) -> RolloutFailures:
    rollout = seen.rollout
    return RolloutFailures(rollout.namespace, rollout.name, seen.failures)


def headline(seen: StatusSnapshot, style: OutputStyle) -> str:
    rollout = seen.rollout
    phase = rollout.phase if seen.unmatched else phase_of(rollout)
    parts = [style.paint(phase, _COLOURS.get(phase), bold=True)]
    if rollout.current:
        parts.append(f"step {rollout.current.step} of {len(rollout.plan)}")
    if rollout.started_at:
        end = rollout.completed_at or rollout.deleted_at
        parts.append(duration((end or seen.now) - rollout.started_at))
    if rollout.eta:
        parts.append(_ends(rollout.eta, seen.now))
    version = rollout.release.version
    target = f"  → {version}" if version else ""
    name = style.paint(rollout.name, bold=True)
    return f"{name} ({rollout.namespace}){target}   {' · '.join(parts)}"


def broken_glass(seen: StatusSnapshot, style: OutputStyle) -> list[str]:
    """Returns who lets the rollout pass gates of policies, in red."""
    return [
        style.paint(
            f"{symbols.WARNING} Break glass: {each.user} lets it pass {', '.join(each.gates)} "
            f"until {remaining(each.until, seen.now)}: {each.reason}",
            "red",
            bold=True,
        )
        for each in seen.rollout.broken_glass
    ]


def _mistakes(seen: StatusSnapshot, style: OutputStyle) -> list[str]:
    """Returns the annotations that do not do what their author expects."""
    found = seen.rollout.annotation_mistakes
    lines = [line for words in found for line in style.under(f"{symbols.WARNING} ", words)]
    return [style.paint(line, "yellow") for line in lines]


def whole(seen: StatusSnapshot, style: OutputStyle) -> list[str]:
    """Returns how many clusters of the whole rollout are in which state; the steps' own counts
    follow below."""
    counts = seen.rollout.counts
    if not counts.total:
        return []
    parts = [f"{counts.succeeded} of {counted(counts.total, 'cluster')} done"]
    parts += [
        style.paint(f"{number} {name}", _COLOURED.get(name))
        for name in ("failed", "cancelled", "skipped", "running", "waiting")
        if (number := getattr(counts, name))
    ]
    return [" · ".join(parts)]


def _newer(seen: StatusSnapshot, style: OutputStyle) -> Iterator[str]:
    """Yields which newer rollouts have gone on with its clusters: what this one has done there may
    be undone since."""
    found = seen.newer
    if found is None or not found.clusters:
        return
    total = counted(seen.rollout.counts.total, "cluster")
    words = f"newer rollouts act, or have acted, on {found.clusters} of {total}:"
    back = any(each.leads_back for each in found.items)
    yield style.paint(f"{symbols.WARNING} {words}", "yellow" if back else None)
    for each in found.items[:_NEWER]:
        now = f", {each.acting} of them now" if each.acting else ""
        yield f"  {_named(each, seen.rollout)}: {counted(each.clusters, 'cluster')}{now}"
    if len(found.items) > _NEWER:
        yield f"  and {len(found.items) - _NEWER} more"


def _named(newer: NewerRolloutResponse, rollout: RolloutResponse) -> str:
    if newer.name is None:
        return ANOTHER_NAMESPACE
    within = f" -n {newer.namespace}" if newer.namespace != rollout.namespace else ""
    return f"{newer.name}{within} ({', '.join(newer.actions)})"


def _nobody(seen: StatusSnapshot, style: OutputStyle) -> list[str]:
    """Returns a warning for a plan that selects no cluster: it ends like one that has done all."""
    rollout = seen.rollout
    if not selected_nobody(rollout):
        return []
    return [
        style.paint(
            f"{symbols.WARNING} No step has selected a cluster: nothing was done.", "yellow"
        ),
        "  Compare its spec.clusterLabelSelectors with the labels of the ManagedClusters:",
        f"  kubectl get {rollout.kind or IBGU} {rollout.name} -n {rollout.namespace} -o yaml",
        "  kubectl get managedclusters --show-labels",
    ]


def _ends(eta: EtaResponse, now: datetime) -> str:
    """Returns the estimated end of the running step, to the minute."""
    stuck = f"{counted(eta.stuck, 'cluster')} stalled"
    limit = clock(eta.limit or eta.latest, now).rpartition(":")[0]
    if eta.stuck and eta.at == eta.limit:
        return f"{stuck}; otherwise done; the limit ends it at {limit}"
    likely, earliest, latest = (
        clock(at, now).rpartition(":")[0] for at in (eta.at, eta.earliest, eta.latest)
    )
    span = f" ({earliest} to {latest})" if earliest != latest else ""
    but = f", but for {stuck}, until {limit} at most" if eta.stuck else ""
    return f"step ends ~{likely}{span}{but}"


def _steps(seen: StatusSnapshot, style: OutputStyle) -> Iterator[str]:
    for step, line in zip(seen.steps, step_lines(seen, style), strict=True):
        yield line
        yield from _reasons(step, seen.now, style)


def step_lines(seen: StatusSnapshot, style: OutputStyle) -> Iterator[str]:
    """Yields one line per step: its number, actions, bar and counts."""
    named = [f"{step.step:>3} {'+'.join(step.actions)}" for step in seen.steps]
    width = max(map(len, named), default=0)
    counted = max((len(_progress(step)) for step in seen.steps), default=0)
    for step, name in zip(seen.steps, named, strict=True):
        before, took = name.ljust(width), _took(step, seen.now)
        after = (_progress(step).rjust(counted), *_counts(step, style), took)
        plain = "  ".join(filter(None, (before, after[0], *_counts(step, PLAIN), took)))
        room = style.width - len(plain) - len("  ") if style.width else _BAR
        bar = style.bar(_ended(step.counts), step.counts.total, max(_MIN_BAR, min(room, _BAR)))
        yield "  ".join(filter(None, (before, bar, *after))).rstrip()


def _reports(seen: StatusSnapshot, style: OutputStyle) -> Iterator[str]:
    """Yields what clusters report that a person should know before the next step, or after the
    last one."""
    rollout = seen.rollout
    if rollout.warned:
        words = f"{counted(rollout.warned, 'cluster')} completed an action with a warning"
        shown = f"ibgu members {rollout.name} -n {rollout.namespace} --warned -o wide"
        yield style.paint(f"{symbols.WARNING} {words}", "yellow") + f": {shown}"
    if back := rollout.rollback:
        words = f"finalize or roll back by {remaining(back.until, seen.now)}"
        yield f"{counted(back.clusters, 'cluster')} can be rolled back: {words}"


_AT_WORK = ("Preparing", "Arming", "Running", "Rebooting", "Soaking", "Disarming")
"""Reasons of a cluster in flight while all is well; they are not shown, as on the page."""


def _reasons(step: StepResponse, now: datetime, style: OutputStyle) -> list[str]:
    """Returns the reasons with counts, and when the next one may start where rate limits or
    policies say so; then what each policy holds."""
    counts = [
        f"{each.count} {reason_words(each)}{_until(step, each, now)}{_overdue(each)}"
        f"{_for_you(each)}"
        for each in step.reasons
        if each.overdue or each.kind not in _AT_WORK
    ]
    said = [words for each in step.reasons if (words := held_words(each))]
    said += [each.message for each in step.follow_ups]
    lines = [f"reasons: {' · '.join(counts)}"] if counts else []
    return [each for words in (*lines, *said) for each in style.under("    ", words)]


def _for_you(each: ReasonCountResponse) -> str:
    """Returns that a person has to act on what the policy asks for: it looks like its other
    holds."""
    if not each.policy or each.who != "person":
        return ""
    return " (needs approval)" if each.approval else f" ({acting(each.who)})"


def _overdue(each: ReasonCountResponse) -> str:
    return f" ({symbols.WARNING} {each.overdue} overdue)" if each.overdue else ""


def _until(step: StepResponse, each: ReasonCountResponse, now: datetime) -> str:
    limit = step.rate_limit
    until = limit.until if limit is not None and limit.kind == each.kind else each.until
    return f" until {clock(until, now)}" if until else ""


def _ended(counts: CountsResponse) -> int:
    return counts.total - counts.waiting - counts.running


def _progress(step: StepResponse) -> str:
    if step.state in ("planned", "opening"):
        return step.state
    return f"{_ended(step.counts)}/{step.counts.total}"


def _counts(step: StepResponse, style: OutputStyle) -> list[str]:
    counts = step.counts
    parts = []
    if counts.succeeded:
        parts.append(style.paint(f"{symbols.SUCCEEDED} {counts.succeeded}", "green"))
    if counts.failed:
        parts.append(style.paint(f"{symbols.FAILED} {counts.failed}", "red"))
    if counts.skipped:
        parts.append(f"{symbols.SKIPPED} {counts.skipped}")
    if counts.cancelled:
        parts.append(f"{symbols.CANCELLED} {counts.cancelled}")
    if step.state == "running":
        slots = f"{symbols.RUNNING} {counts.running}/{step.max_concurrency} slots"
        parts.append(style.paint(slots, "blue"))
    if counts.waiting:
        parts.append(f"{symbols.WAITING} {counts.waiting} waiting")
    if step.stalled:
        parts.append(style.paint(f"{symbols.WARNING} {step.stalled} stalled", "yellow"))
    return parts


def _took(step: StepResponse, now: datetime) -> str:
    if not step.started_at:
        return ""
    return duration((step.finished_at or now) - step.started_at)


def hold_lines(seen: StatusSnapshot, style: OutputStyle) -> list[str]:
    hold = seen.rollout.hold
    if hold is None:
        return []
    since = duration(seen.now - hold.since)
    words = f"{hold.kind}: {hold.message} (for {since}; {acting(hold.who)})"
    held = style.under(f"{symbols.HELD} Held  ", words)
    return [style.paint(each, "yellow") for each in held]


def _stalled(seen: StatusSnapshot, style: OutputStyle) -> list[str]:
    """Returns clusters in flight for longer than usual here, the commonest case of "is it
    stuck?"."""
    if not seen.stalled:
        return []
    clusters = [_over_time(each, seen.now) for each in seen.stalled]
    more = " · …" if seen.rollout.stalled > len(clusters) else ""
    head = style.paint(f"Stalled ({seen.rollout.stalled})", "yellow", bold=True)
    return [f"{head}  {' · '.join(clusters)}{more}"]


def _over_time(each: StalledClusterResponse, now: datetime) -> str:
    usual = timedelta(seconds=each.usual)
    taking = usual + (now - each.since)
    doing = f"{each.cluster} {each.action} {each.reason}"
    return f"{doing} for {duration(taking)} (p95 {duration(usual)})"
