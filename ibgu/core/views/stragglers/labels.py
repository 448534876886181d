"""Reads from a cluster's labels how far it is, and what can start there."""

from collections.abc import Mapping

from ibgu.core.drivers import traits
from ibgu.core.model import ActionName


def done(action: ActionName, labels: Mapping[str, str]) -> bool:
    """Whether the cluster has got there since: late, by hand or by another rollout."""
    known = traits(action)
    if known.clears_labels:
        return not any(label.startswith(known.label_prefix) for label in labels)
    done = known.completed_label in labels and known.failed_label not in labels
    if not known.implied_by:
        return done
    later = traits(known.implied_by)
    return (done or later.completed_label in labels) and later.failed_label not in labels


def unmet(action: ActionName, labels: Mapping[str, str]) -> str:
    """Returns the label needs of `action` that are not met; empty: none."""
    need = traits(action).need
    if need.any_of and not any(label in labels for label in need.any_of):
        return f"the label {' or '.join(need.any_of)} is missing"
    held = next((label for label in need.none_of if label in labels), "")
    return held and f"the label {held} is there"
