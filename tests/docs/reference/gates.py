"""docs/reference/gates.md: what may keep a cluster from starting, as each gate declares it."""

from collections.abc import Callable

from ibgu.core.drivers import traits
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.gates import GATES, Gate
from ibgu.core.model import ReasonKind
from tests.docs.reference.markdown import document

INTRO = f"""\
A gate is a check that can keep clusters from starting ([R18](../rules.md#r18)). ibgu asks the gates
in the order of this page, and the first closed one is the reason that you see. A gate of a rollout
or a step keeps all clusters that wait in it. A gate of a member keeps that cluster alone, and those
behind it may overtake it.

These are ibgu's own gates. Gates of policies come after those that hold, and before the rate
limits. They give the reason [{ReasonKind.GATE}](reasons.md#{ReasonKind.GATE.lower()}) with their
name, and never hold {", ".join(sorted(filter(lambda each: traits(each).leads_back, Action)))}."""


def page() -> str:
    return document("Gates", INTRO, *map(_entry, GATES))


def _entry(gate: Gate) -> str:
    rows = {
        "Keeps": f"every waiting cluster of a {gate.scope}" if _shared(gate) else "one cluster",
        "Holds": _actions(gate.keeps, _where(gate)),
        "Guards chained actions": _actions(gate.guards),
        "Reads": ", ".join(sorted(gate.needs)),
        "Reasons": ", ".join(f"[{kind}](reasons.md#{kind.lower()})" for kind in gate.reasons),
    }
    table = ["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows.items())]
    return "\n".join([f"## {gate.name}", "", *table])


def _shared(gate: Gate) -> bool:
    return gate.scope != "member"


def _where(gate: Gate) -> str:
    if gate.ahead:
        return "an action of the step is "
    return "the first action of the step is " if _shared(gate) else ""


def _actions(chosen: Callable[[str], bool], where: str = "") -> str:
    found = [action for action in Action if chosen(action)]
    if found == list(Action):
        return "every action"
    return f"{where}{' or '.join(found)}" if found else "none"
