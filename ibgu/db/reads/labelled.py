"""Expresses a label selector as a condition of SQL."""

from sqlalchemy import ColumnElement, Select, and_, any_, func, not_, select

from ibgu.core.model.kinds import LabelRequirement, LabelSelector
from ibgu.db.reads.base import texts
from ibgu.db.schema import cluster_labels

_LABELS = cluster_labels.c.labels


def matching(hub: str, cluster: ColumnElement[str], selector: LabelSelector) -> ColumnElement[bool]:
    """Returns the condition that the cluster of that name matches the selector, as in
    `core.plan.matches`; a cluster with unknown labels matches nothing.

    IS TRUE keeps Postgres from planning a join. It can't estimate how many clusters have a label:
    an estimate that is too low would join them one by one with everything else before the page is
    cut off. So all matching clusters of the hub are looked up at once and kept as a set.
    """
    return cluster.in_(labelled(hub, selector)).is_(True)


def labelled(hub: str, selector: LabelSelector) -> Select[tuple[str]]:
    """Returns the names of the matching clusters."""
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
