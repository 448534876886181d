"""`ibgu policy list` and `ibgu policy explain`: RolloutPolicies, and what they hold."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from ibgu.cli.show.names import listed
from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.table import table
from ibgu.cli.show.times import clock, duration
from ibgu.client.responses import (
    PoliciesResponse,
    PolicyDetailResponse,
    PolicyHoldResponse,
    PolicyResponse,
)
from ibgu.core.text.counted import counted

_HEADINGS = ("NAME", "HOLDS", "ROLLOUTS", "OPENS", "AGE")
_NOTHING = "-"
_ASK = (
    "To have the policy changed, ask those whom this lists: "
    "oc adm policy who-can update rolloutpolicies.ibgu.dev"
)


def policies_table(found: Sequence[PolicyResponse], now: datetime, *, wide: bool) -> list[str]:
    headings = (*_HEADINGS, "ALLOWS") if wide else _HEADINGS
    return table(headings, [_row(each, now, wide=wide) for each in found])


def _row(found: PolicyResponse, now: datetime, *, wide: bool) -> list[str]:
    opens = clock(found.opens, now) if found.opens else _NOTHING
    since = duration(now - found.since) if found.since else _NOTHING
    row = [found.name, str(found.clusters), str(found.rollouts), opens, since]
    return [*row, " ".join(found.allows) or _NOTHING] if wide else row


def notes(found: PoliciesResponse) -> Iterator[str]:
    """Yields what the table lacks."""
    if found.problem:
        yield f"The controller does not know the policies of the hub: {found.problem}."
    elif not found.items:
        yield "No RolloutPolicies are in force."
    for each in found.items:
        if each.generation is None:
            yield f"The controller can't read RolloutPolicy {each.name}: {each.message}."


def policy_lines(found: PolicyDetailResponse, now: datetime, style: OutputStyle) -> list[str]:
    lines = [_headline(found, now)]
    for sentence in found.allows:
        lines += style.under("  ", sentence)
    if not found.holds:
        return [*lines, "Holds nothing now."]
    lines.append(style.paint(f"Holds {counted(found.clusters, 'cluster')} now", bold=True))
    for hold in found.holds:
        lines += _hold_lines(hold, now, style)
    return [*lines, *style.under("", _ASK)]


def _headline(found: PolicyDetailResponse, now: datetime) -> str:
    if found.generation is None or found.since is None:
        return f"RolloutPolicy {found.name}: the controller can't read it"
    age = duration(now - found.since)
    return f"RolloutPolicy {found.name}, generation {found.generation}, in force for {age}"


def _hold_lines(hold: PolicyHoldResponse, now: datetime, style: OutputStyle) -> Iterator[str]:
    where = f"{hold.namespace}/{hold.name} step {hold.step}"
    place = " between two actions" if hold.in_flight else ""
    names = listed(hold.names, hold.clusters)
    since = duration(now - hold.since)
    have = "has" if hold.clusters == 1 else "have"
    held = f"{counted(hold.clusters, 'cluster')}{place} {have} waited for up to {since}"
    yield f"  {where}: {held} ({names})"
    yield from style.under("    why   ", hold.message)
    yield from style.under("    ends  ", hold.ends)
    yield f"    see   ibgu explain {hold.name} {hold.names[0]} -n {hold.namespace}"
