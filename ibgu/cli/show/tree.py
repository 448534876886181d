"""`ibgu tree`: every step, and below it its members, grouped by why they are where they are."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from ibgu.cli.show import symbols
from ibgu.cli.show.failing import cut, message_of
from ibgu.cli.show.names import held_words, listed
from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.status import StatusSnapshot, headline, hold_lines, step_lines, whole
from ibgu.cli.show.times import duration
from ibgu.client.responses import GridResponse, StepResponse

_MAX_MESSAGE = 70
"""Characters of a message."""


class MemberGroup(Struct, frozen=True):
    """MemberGroup holds members of one step that are in their state for the same reason."""

    symbol: str
    what: str
    count: int
    clusters: tuple[str, ...] = ()
    """The members that are not finished; else the first ones."""
    words: str = ""
    since: datetime | None = None
    """Since when the longest one has been there."""


def tree_lines(seen: StatusSnapshot, style: OutputStyle) -> list[str]:
    lines = [headline(seen, style), *whole(seen, style), *hold_lines(seen, style)]
    steps = list(zip(seen.steps, step_lines(seen, style), strict=True))
    for index, (step, line) in enumerate(steps):
        last = index == len(steps) - 1
        lines.append(f"{'└─' if last else '├─'}{line}")
        lines += _branches(groups_of(seen, step), "  " if last else "│ ", style, seen.now)
    return lines


def body_of(seen: StatusSnapshot) -> dict[str, object]:
    """Returns the same for programs."""
    steps = [
        to_builtins(step) | {"groups": to_builtins(groups_of(seen, step))} for step in seen.steps
    ]
    return {"seq": seen.seq, "rollout": seen.rollout, "steps": steps}


def groups_of(seen: StatusSnapshot, step: StepResponse) -> list[MemberGroup]:
    """Returns the groups; only the newest step has unfinished clusters."""
    grid = seen.grid
    going = _unfinished(grid, step) if grid and grid.step == step.step else []
    return [*_over(step), *going, *_failed(seen, step)]


def _over(step: StepResponse) -> Iterator[MemberGroup]:
    if step.counts.succeeded:
        yield MemberGroup(symbols.SUCCEEDED, "succeeded", step.counts.succeeded)
    if step.counts.skipped:
        yield MemberGroup(symbols.SKIPPED, "skipped", step.counts.skipped)
    if step.counts.cancelled:
        yield MemberGroup(symbols.CANCELLED, "cancelled", step.counts.cancelled)


def _unfinished(grid: GridResponse, step: StepResponse) -> list[MemberGroup]:
    """Returns groups of unfinished clusters, the largest first; those that policies keep with what
    each policy holds."""
    messages: dict[str, list[str]] = {}
    for each in step.reasons:
        if words := held_words(each):
            messages.setdefault(each.kind, []).append(words)
    alike: dict[tuple[str, str], list[int]] = {}
    for index, (state, reason) in enumerate(zip(grid.states, grid.reasons, strict=True)):
        if reason is not None:
            alike.setdefault((state, reason), []).append(index)
    groups = [
        replace(_alike(grid, state, reason, places), words="; ".join(messages.get(reason, ())))
        for (state, reason), places in alike.items()
    ]
    return sorted(groups, key=lambda group: (-group.count, group.what))


def _alike(grid: GridResponse, state: str, reason: str, places: Sequence[int]) -> MemberGroup:
    return MemberGroup(
        symbols.OF_WORDS.get(state, symbols.WAITING),
        reason,
        len(places),
        tuple(grid.clusters[place] for place in places),
        since=min((at for place in places if (at := grid.since[place])), default=None),
    )


def _failed(seen: StatusSnapshot, step: StepResponse) -> Iterator[MemberGroup]:
    for group in seen.failures.items:
        if group.step == step.step:
            named = group.failure or group.cause or group.outcome
            what = f"{group.action}: {named}" if group.action else named
            words = message_of(group)
            yield MemberGroup(symbols.FAILED, what, group.count, group.clusters, words)


def _branches(
    groups: Sequence[MemberGroup], indent: str, style: OutputStyle, now: datetime
) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*map(_columns, groups), strict=True)]
    for index, group in enumerate(groups):
        branch = "└─" if index == len(groups) - 1 else "├─"
        count, what = _columns(group)
        head = f"{group.symbol} {count.rjust(widths[0])}  {what.ljust(widths[1])}"
        colour = symbols.COLOURS.get(group.symbol)
        rest = "  ".join(filter(None, chain(_tail(group, now))))
        room = style.room(f"{indent}  {branch} {head}  ", len(rest))
        yield f"{indent}  {branch} {style.paint(head, colour)}  {cut(rest, room)}".rstrip()


def _columns(group: MemberGroup) -> tuple[str, str]:
    return str(group.count), group.what


def _tail(group: MemberGroup, now: datetime) -> Iterator[str]:
    yield listed(group.clusters, group.count)
    if group.since:
        yield f"longest {duration(now - group.since)}"
    yield cut(group.words, _MAX_MESSAGE)
