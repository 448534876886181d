"""The risk of a change: what can't be undone, so that it is not requested by accident."""

from collections.abc import Iterable, Sequence

from ibgu.core.drivers import declared, traits
from ibgu.core.model.actions import ActionName, Danger, Risk

SKIP = Risk(
    Danger.DESTRUCTIVE,
    "The clusters stay out of this step, and of later steps that need it; to upgrade them, create "
    "another rollout.",
)
ADOPT = Risk(
    Danger.IRREVERSIBLE,
    "The ClusterGroupUpgrades and ManifestWorks of TALM for this rollout are deleted, and TALM "
    "can't continue it.",
)

BREAK_GLASS = Risk(
    Danger.IRREVERSIBLE,
    "Starts that a policy forbids happen at once, and are not taken back when the gates close.",
)

_ORDER = tuple(Danger)


def risk_of(actions: Iterable[ActionName]) -> Risk:
    """Returns a step's risk: its most dangerous action, and what each of its actions deletes."""
    risks = [traits(action).risk for action in actions]
    worst = max((risk.danger for risk in risks), key=rank_of)
    return Risk(worst, " ".join(risk.lost for risk in risks if risk.lost))


def rank_of(danger: Danger) -> int:
    return _ORDER.index(danger)


def danger_of(actions: Iterable[ActionName]) -> int:
    """Returns the rank of a step's most dangerous action, to sort by."""
    return rank_of(risk_of(actions).danger)


def risk_of_approval(before: str, actions: Sequence[str]) -> Risk:
    """Returns the risk of what may start in a step of these actions. A cluster goes on as far as
    nothing else keeps it, so the risk of an action is also that of those behind it; `Step` and
    `Rest` open all of them."""
    first = actions.index(before) if before in actions else 0
    return risk_of_going_on("The clusters may go on with", actions[first:])


def risk_of_going_on(words: str, actions: Iterable[str]) -> Risk:
    """Returns the risk of a change after which clusters go through these actions.

    `words` begin the sentence that names the irreversible ones. Unknown actions have no risk, as
    they never begin.
    """
    begun = filter(declared, dict.fromkeys(actions))
    lasting = [action for action in begun if traits(action).risk.lost]
    if not lasting:
        return Risk()
    risk = risk_of(lasting)
    return Risk(risk.danger, f"{words} {' and '.join(lasting)}. {risk.lost}")
