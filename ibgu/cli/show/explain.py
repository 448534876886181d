"""`ibgu explain`: prints the sentences of REST in the style of the output."""

from datetime import datetime
from itertools import chain

from ibgu.cli.show import symbols
from ibgu.cli.show.evidence import evidence_lines
from ibgu.cli.show.names import acting
from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.times import clock, remaining
from ibgu.client.responses import ExplainedResponse

_COLOURS = {
    "running": "blue",
    "rebooting": "blue",
    "succeeded": "green",
    "failed": "red",
    "cancelled": "red",
    "held": "yellow",
    "takenOver": "yellow",
}


def explain_lines(found: ExplainedResponse, now: datetime, style: OutputStyle) -> list[str]:
    facts = {
        "why": _why(found),
        "words": found.words,
        "means": found.means,
        "do": found.do,
        "guide": found.guide,
        "overdue": found.overdue and f"since {clock(found.overdue, now)}",
        "ends": _ends(found),
        "until": _time(found.until, now),
        "late": found.late,
        "newer": "; ".join(found.newer),
        "warning": found.warning,
        "rollback": _way_back(found.rollback_until, now),
        "paused": found.paused_since and f"since {clock(found.paused_since, now)}",
        "found": found.preflight and f"by preflight: {'; '.join(found.preflight)}",
        "asked": "; ".join(found.follow_ups),
        "limit": _time(found.limit, now),
        "history": " · ".join(f"{clock(each.at, now)} {each.text}" for each in found.history),
    }
    fact_lines = [style.under(f"{name:<8} ", text) for name, text in facts.items() if text]
    shown = evidence_lines(found.evidence, now, style) if found.evidence else []
    return [_headline(found, style), *chain.from_iterable(fact_lines), *shown]


def _headline(found: ExplainedResponse, style: OutputStyle) -> str:
    symbol = symbols.OF_WORDS.get(found.state, symbols.WAITING)
    state = style.paint(f"{symbol} {found.headline}", _COLOURS.get(found.state), bold=True)
    return f"{found.cluster} · {found.rollout} · step {found.step} · {state}"


def _why(found: ExplainedResponse) -> str:
    kind = f"   [{found.kind}]" if found.kind else ""
    return f"{found.why or ''}{kind}".strip()


def _ends(found: ExplainedResponse) -> str:
    if not found.ends:
        return ""
    # What a policy's limits keep waits until others have ended: nothing is asked of it.
    others = found.policy is not None and found.who == "cluster"
    who = "waits for other clusters" if others else acting(found.who or "")
    return f"{found.ends}   ({who})" if who else found.ends


def _time(at: datetime | None, now: datetime) -> str:
    return remaining(at, now) if at else ""


def _way_back(until: datetime | None, now: datetime) -> str:
    return f"finalize or roll back by {remaining(until, now)}" if until else ""
