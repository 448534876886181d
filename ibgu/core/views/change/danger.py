"""The risk of a change: what can't be undone, so that nobody requests it by accident."""

from collections.abc import Collection, Iterable
from enum import StrEnum

from msgspec import Struct

from ibgu.core.model import Action


class Danger(StrEnum):
    """Ranks of danger in display order: a reader from the top meets the mildest first."""

    REVERSIBLE = "reversible"
    IRREVERSIBLE = "irreversible"
    """The way back is lost, and nothing else."""
    DESTRUCTIVE = "destructive"
    """The change deletes what the clusters have, or what was requested for them."""


class Risk(Struct, frozen=True):
    danger: Danger = Danger.REVERSIBLE
    lost: str = ""
    """What can't be undone, in a sentence; empty: nothing."""


RISKS: dict[Action, Risk] = {
    Action.PREP: Risk(),
    Action.UPGRADE: Risk(),
    Action.FINALIZE_UPGRADE: Risk(
        Danger.IRREVERSIBLE,
        "The release from before the upgrade is deleted from each cluster, and Rollback is no "
        "longer possible.",
    ),
    Action.FINALIZE_ROLLBACK: Risk(
        Danger.IRREVERSIBLE,
        "The release that was rolled back is deleted from each cluster; to get it again, run Prep "
        "and Upgrade.",
    ),
    Action.ROLLBACK: Risk(
        Danger.DESTRUCTIVE,
        "Each cluster restarts with the release and the data from before its upgrade, and what it "
        "has stored since is lost.",
    ),
    Action.ABORT: Risk(
        Danger.DESTRUCTIVE,
        "The prepared release is deleted from each cluster, Upgrades that have not restarted the "
        "cluster yet are cancelled, and older rollouts are cancelled on these clusters.",
    ),
    Action.ABORT_ON_FAILURE: Risk(
        Danger.DESTRUCTIVE,
        "The prepared release is deleted from each failed cluster, together with the traces of the "
        "failure, also where another rollout made it fail; to upgrade it, run Prep again.",
    ),
}

SKIP = Risk(
    Danger.DESTRUCTIVE,
    "The clusters are left out of this step for good; to upgrade them, create another rollout.",
)
ADOPT = Risk(
    Danger.IRREVERSIBLE,
    "The ClusterGroupUpgrades and ManifestWorks of TALM for this rollout are deleted, and TALM "
    "can't continue it.",
)

_ORDER = tuple(Danger)


def risk_of(actions: Iterable[Action]) -> Risk:
    """Returns a step's risk: its most dangerous action, and what each of its actions deletes."""
    risks = [RISKS[action] for action in actions]
    worst = max((risk.danger for risk in risks), key=rank_of)
    return Risk(worst, " ".join(risk.lost for risk in risks if risk.lost))


def rank_of(danger: Danger) -> int:
    return _ORDER.index(danger)


def danger_of(actions: Iterable[Action]) -> int:
    """Returns the rank of a step's most dangerous action, to sort by."""
    return rank_of(risk_of(actions).danger)


def risk_of_going_on(words: str, actions: Collection[str]) -> Risk:
    """Returns the risk of a change after which clusters go through these actions.

    `words` begin the sentence that names the irreversible ones. Unknown actions have no risk, as
    they never begin.
    """
    lasting = [each for each in RISKS if each in actions and RISKS[each].lost]
    if not lasting:
        return Risk()
    risk = risk_of(lasting)
    return Risk(risk.danger, f"{words} {' and '.join(lasting)}. {risk.lost}")
