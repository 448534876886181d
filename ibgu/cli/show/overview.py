"""`ibgu status` without a name: all that is under way, and what waits for a person."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from ibgu.cli.show import symbols
from ibgu.cli.show.failing import cut
from ibgu.cli.show.paper import Paper
from ibgu.cli.show.rollouts import rollouts_table
from ibgu.cli.show.times import duration
from ibgu.client.responses import (
    LeadershipResponse,
    NeedsPersonResponse,
    RolloutResponse,
    SummaryResponse,
)

_WORDS = 160
"""Characters of a message."""


class Overview(Struct, frozen=True):
    summary: SummaryResponse
    rollouts: Sequence[RolloutResponse]
    leadership: LeadershipResponse

    @property
    def facts(self) -> object:
        """Returns all but the time."""
        told = self.summary
        numbers = (told.rollouts, told.members, told.stalled, told.needs_person)
        return (*numbers, self.rollouts, self.leadership)


def overview_lines(seen: Overview, paper: Paper) -> list[str]:
    if not seen.rollouts:
        return ["there are no rollouts, or you may see none", *_leader(seen.leadership, paper)]
    now = seen.summary.now
    return [
        *_numbers(seen, paper),
        *_leader(seen.leadership, paper),
        *(line for each in seen.summary.needs_person for line in _needed(each, now, paper)),
        *rollouts_table(seen.rollouts, now, wide=False, namespaces=True),
    ]


def body_of(seen: Overview) -> dict[str, object]:
    """Returns the same for programs."""
    return {
        "summary": seen.summary,
        "rollouts": seen.rollouts,
        "leadership": seen.leadership,
    }


def _numbers(seen: Overview, paper: Paper) -> Iterator[str]:
    summary, count = seen.summary, len(seen.rollouts)
    noun = "rollout" if count == 1 else "rollouts"
    yield paper.paint(f"{count} {noun}: {_counted(summary.rollouts)}", bold=True)
    if under_way := _counted(summary.members):
        stalled = f"{symbols.WARNING} {summary.stalled} stalled" if summary.stalled else ""
        mark = f" · {paper.paint(stalled, 'yellow')}" if stalled else ""
        yield f"under way: {under_way}{mark}"


def _leader(found: LeadershipResponse, paper: Paper) -> Iterator[str]:
    if not found.remedy:
        yield f"leader: {found.words}"
        return
    yield paper.paint(f"{symbols.WARNING} leader: {found.words}", "yellow")
    yield f"    → {found.remedy}"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _needed(each: NeedsPersonResponse, now: datetime, paper: Paper) -> Iterator[str]:
    since = duration(now - each.since)
    of = f" ({each.members} clusters)" if each.members else ""
    words = cut(" ".join(each.message.split()), _WORDS)
    line = (
        f"{each.namespace}/{each.name} waits for a person since {since}{of}: {each.kind}: {words}"
    )
    yield paper.paint(f"{symbols.HELD} {line}", "yellow")
    yield f"    → ibgu status {each.name} -n {each.namespace}"
