"""A label selector as a condition of SQL."""

from sqlalchemy import ColumnElement, Select, and_, any_, func, not_, select

from ibgu.core.kinds import LabelRequirement, LabelSelector
from ibgu.db.reads.base import texts
from ibgu.db.schema import cluster_labels

_LABELS = cluster_labels.c.labels


def matching(hub: str, cluster: ColumnElement[str], selector: LabelSelector) -> ColumnElement[bool]:
    """Is the cluster of that name one of those? As `core.plan.matches` says, but for clusters
    whose labels are not known: those match nothing.

    IS TRUE keeps it from being planned as a join. Nobody can guess how many have a label: guessed
    too few, they would be joined one by one with all the rest before a page is cut off. So they are
    looked at once, all of the hub, and kept as a set.
    """
    return cluster.in_(labelled(hub, selector)).is_(True)


def labelled(hub: str, selector: LabelSelector) -> Select[tuple[str]]:
    """Their names."""
    wanted = [_LABELS.contains({key: value}) for key, value in selector.match_labels.items()]
    wanted += [_holds(requirement) for requirement in selector.match_expressions]
    known = and_(cluster_labels.c.hub == hub, _LABELS.is_not(None), *wanted)
    return select(cluster_labels.c.cluster).where(known)


def _holds(requirement: LabelRequirement) -> ColumnElement[bool]:
    there: ColumnElement[bool] = _LABELS.has_key(requirement.key)
    value = _LABELS[requirement.key].astext
    within: ColumnElement[bool] = func.coalesce(value == any_(texts(requirement.values)), False)
    match requirement.operator:
        case "In":
            return within
        case "NotIn":
            return not_(within)
        case "Exists":
            return there
        case _:
            return not_(there)
