"""`ibgu status` without a name: all that is under way, and what waits for a person."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from ibgu.cli.show import symbols
from ibgu.cli.show.failing import cut
from ibgu.cli.show.names import reason_words
from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.rollouts import WAITING, phase_of, rollouts_table
from ibgu.cli.show.times import duration, remaining
from ibgu.client.responses import (
    LeadershipResponse,
    NeedsPersonResponse,
    RollbackDeadlineResponse,
    RolloutsResponse,
)
from ibgu.core.text.counted import counted

_MAX_MESSAGE = 160
"""Characters of a message."""
_PHASES = ("Pending", "Running", WAITING, "Held", "Completed", "CompletedWithFailures", "Invalid")
_COUNTS = ("waiting", "running", "succeeded", "failed", "skipped", "cancelled")


class Overview(Struct, frozen=True):
    """Overview is one page of rollouts, the newest ones, with what needs a person in any."""

    page: RolloutsResponse
    leadership: LeadershipResponse

    @property
    def facts(self) -> object:
        """Returns all but the time, and what is derived from it."""
        rollouts = [replace(rollout, eta=None) for rollout in self.page.items]
        needs = self.page.needs_person, self.page.rollback_deadlines
        return rollouts, needs, self.leadership


def overview_lines(seen: Overview, style: OutputStyle) -> list[str]:
    found = seen.page
    if not found.items:
        return ["no rollouts, or none that you may see", *_leader(seen.leadership, style)]
    now = datetime.now(UTC)
    return [
        *_numbers(found, style),
        *_leader(seen.leadership, style),
        *(line for each in found.needs_person or () for line in _needed(each, now, style)),
        *(_way_back(each, now, style) for each in found.rollback_deadlines or ()),
        *rollouts_table(found.items, now, wide=False, namespaces=True),
        *_older(found),
    ]


def body_of(seen: Overview) -> dict[str, object]:
    """Returns the same for programs."""
    return {
        "seq": seen.page.seq,
        "rollouts": seen.page.items,
        "nextCursor": seen.page.next_cursor,
        "needsPerson": seen.page.needs_person,
        "rollbackDeadlines": seen.page.rollback_deadlines,
        "leadership": seen.leadership,
    }


def _numbers(found: RolloutsResponse, style: OutputStyle) -> Iterator[str]:
    """Yields the sums of the rows below."""
    rollouts = counted(len(found.items), "rollout")
    newest = "the newest " if found.next_cursor else ""
    phases = Counter(phase_of(rollout) for rollout in found.items)
    yield style.paint(f"{newest}{rollouts}: {_counted(phases, _PHASES)}", bold=True)
    open_ones = [rollout for rollout in found.items if rollout.state != "complete"]
    clusters = Counter[str]()
    for rollout in open_ones:
        clusters.update({name: getattr(rollout.counts, name) for name in _COUNTS})
    if under_way := _counted(clusters, _COUNTS):
        stalled = sum(rollout.stalled for rollout in open_ones)
        warning = f"{symbols.WARNING} {stalled} stalled" if stalled else ""
        mark = f" · {style.paint(warning, 'yellow')}" if warning else ""
        yield f"under way: {under_way}{mark}"


def _older(found: RolloutsResponse) -> list[str]:
    return ["older rollouts: ibgu get rollouts -A"] if found.next_cursor else []


def _leader(found: LeadershipResponse, style: OutputStyle) -> Iterator[str]:
    if not found.remedy:
        yield f"leader: {found.words}"
        return
    yield style.paint(f"{symbols.WARNING} leader: {found.words}", "yellow")
    yield f"    → {found.remedy}"


def _counted(counts: Mapping[str, int], names: Sequence[str]) -> str:
    """Returns the counts in the order of their names; names that only a newer server knows come
    last."""
    order = [*names, *(name for name in counts if name not in names)]
    return ", ".join(f"{counts[name]} {name}" for name in order if counts.get(name))


def _needed(each: NeedsPersonResponse, now: datetime, style: OutputStyle) -> Iterator[str]:
    since = duration(max(now - each.since, timedelta(0)))
    of = f" ({counted(each.members, 'cluster')})" if each.members else ""
    words = cut(" ".join(each.message.split()), _MAX_MESSAGE)
    waited = f"has needed action for {since}{of}"
    line = f"{each.namespace}/{each.name} {waited}: {reason_words(each)}: {words}"
    for part in style.under(f"{symbols.HELD} ", line):
        yield style.paint(part, "yellow")
    yield f"    → ibgu status {each.name} -n {each.namespace}"


def _way_back(each: RollbackDeadlineResponse, now: datetime, style: OutputStyle) -> str:
    clusters = f"{counted(each.clusters, 'cluster')} can be rolled back"
    words = f"{clusters}: finalize or roll back by {remaining(each.until, now)}"
    return style.paint(f"{symbols.WARNING} {each.namespace}/{each.name}: {words}", "yellow")
