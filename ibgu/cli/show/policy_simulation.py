"""`ibgu policy simulate`: what policies from files would have held."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from ibgu.cli.show.output_style import OutputStyle
from ibgu.core.assurance.simulate import HeldStart, PolicyOutcome, SimulationOutcome
from ibgu.core.text.counted import counted
from ibgu.core.text.harmless import one_line
from ibgu.core.text.spans import utc

NOTE = (
    "This is a first estimate: a start that is held moves everything after it, and labels and "
    "durations are those of today. For the course that a plan would take: ibgu rehearse -f"
)
_SHOWN = 3
"""The starts of each policy that the text shows."""


class Simulated(Struct, frozen=True):
    """Simulated is what a simulation of policies on one hub has found."""

    hub: str
    outcome: SimulationOutcome
    since: datetime | None


def as_text(found: Simulated, style: OutputStyle) -> Iterator[str]:
    outcome = found.outcome
    since = f" since {utc(found.since)}" if found.since else ""
    starts = counted(outcome.starts, "start", spec=",")
    among = f"{starts} of {counted(outcome.rollouts, 'rollout', spec=',')}{since}"
    policies = counted(len(outcome.policies), "policy", "policies")
    yield f"{among}, judged by {policies}"
    for each in outcome.policies:
        yield ""
        yield from _policy(each, style)
    yield ""
    if outcome.lost:
        yield (
            f"{counted(outcome.lost, 'start', spec=',')} can't be judged: the first events of "
            "their rollouts are gone"
        )
    yield from style.under("", NOTE)


def _policy(found: PolicyOutcome, style: OutputStyle) -> Iterator[str]:
    name = style.paint(one_line(found.policy), bold=True)
    if found.held:
        starts = counted(found.held, "start", spec=",")
        what = f"{starts} of {counted(found.clusters, 'cluster', spec=',')}"
        held = style.paint(f"would have held {what}", "yellow")
        yield f"{name}  {held}: {_counted(found.reasons)}"
    else:
        yield f"{name}  would have held none"
    if found.passed:
        starts = counted(found.passed, "start", spec=",")
        words = f"{starts} passed by break glass: without it the policy holds them, or may"
        yield from style.under("  ", words)
    for each in found.first[:_SHOWN]:
        yield from style.under("  ", _start(each))
    if found.held > _SHOWN:
        yield f"  and {found.held - _SHOWN:,} more"
    if found.unjudged:
        what = f"{counted(found.unjudged, 'start', spec=',')} can't be judged"
        yield from style.under("  ", f"{what}: not known are {_counted(found.unknown)}")


def _start(found: HeldStart) -> str:
    until = f"; opens at {utc(found.until)}" if found.until else ""
    where = f"{one_line(found.cluster)} {one_line(found.action)}"
    step = f"{one_line(found.rollout)} step {found.step + 1}"
    return f"{utc(found.at)} {where} ({step}): {one_line(found.why)}{until}"


def _counted(found: Mapping[str, int]) -> str:
    return ", ".join(f"{what} ({count:,})" for what, count in found.items())


def body_of(found: Simulated) -> dict[str, Any]:
    """Returns the outcome as programs read it."""
    outcome = found.outcome
    return {
        "hub": found.hub,
        "since": found.since,
        "rollouts": outcome.rollouts,
        "starts": outcome.starts,
        "startsWithoutBeginning": outcome.lost,
        "policies": [_policy_body(each) for each in outcome.policies],
        "note": NOTE,
    }


def _policy_body(found: PolicyOutcome) -> dict[str, Any]:
    return {
        "policy": one_line(found.policy),
        "held": found.held,
        "clusters": found.clusters,
        "reasons": found.reasons,
        "passedByBreakGlass": found.passed,
        "notJudged": found.unjudged,
        "notKnown": found.unknown,
        "first": [_start_body(each) for each in found.first],
    }


def _start_body(found: HeldStart) -> dict[str, Any]:
    return {
        "rollout": one_line(found.rollout),
        "step": found.step + 1,
        "cluster": one_line(found.cluster),
        "action": one_line(found.action),
        "at": found.at,
        "rule": found.rule,
        "why": one_line(found.why),
        "until": found.until,
    }
