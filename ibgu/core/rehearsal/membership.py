"""The clusters of each step, by the labels that the steps before it leave (R2)."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from ibgu.core.model import ActionName, ClusterView, traits
from ibgu.core.plan import matcher, select
from ibgu.core.rehearsal.model import RehearsedPlan
from ibgu.core.text.natural import natural_key

Marks = frozenset[str]
"""The labels of the rollout's kind that a cluster has."""


class Membership:
    """Membership asks the core's own selection, once for each cluster and each of the few sets of
    labels that the kind may leave on it; runs look the answer up."""

    def __init__(self, plan: RehearsedPlan) -> None:
        self._plan = plan
        actions = [action for step in plan.steps for action in step.actions]
        self._prefix = traits(actions[0]).label_prefix
        self.clusters = _candidates(plan, actions)
        """The clusters that may become members, in R4's order."""
        self.marks: list[Marks] = [
            frozenset(key for key in each.labels if key.startswith(self._prefix))
            for each in self.clusters
        ]
        """Those at the beginning."""
        self._known: dict[tuple[int, Marks], dict[int, bool]] = {}
        self._after: dict[tuple[Marks, ActionName, bool], Marks] = {}

    def members(self, step: int, marks: list[Marks]) -> list[int]:
        """Returns the clusters of the step, by their places among the clusters."""
        known = self._known
        missing = [
            index
            for index, each in enumerate(marks)
            if index not in known.setdefault((step, each), {})
        ]
        if missing:
            self._ask(step, marks, missing)
        return [index for index, each in enumerate(marks) if known[step, each][index]]

    def _ask(self, step: int, marks: list[Marks], missing: list[int]) -> None:
        plan, first = self._plan, self._plan.steps[step].actions[0]
        views = [self._marked(self.clusters[index], marks[index]) for index in missing]
        found = select(views, plan.selectors, first, {}, frozenset(), plan.scope)
        names = {each.name for each in found}
        for index in missing:
            self._known[step, marks[index]][index] = self.clusters[index].name in names

    def _marked(self, cluster: ClusterView, marks: Marks) -> ClusterView:
        others = {k: v for k, v in cluster.labels.items() if not k.startswith(self._prefix)}
        return replace(cluster, labels=others | dict.fromkeys(marks, ""))

    def after(self, marks: Marks, action: ActionName, *, success: bool) -> Marks:
        """Returns the labels after the end of an action (R13)."""
        key = (marks, action, success)
        if key not in self._after:
            self._after[key] = _after(marks, action, success=success)
        return self._after[key]


def _after(marks: Marks, action: ActionName, *, success: bool) -> Marks:
    known = traits(action)
    if not success:
        return marks | {known.failed_label}
    return (
        frozenset()
        if known.clears_labels
        else marks - {known.failed_label} | {known.completed_label}
    )


def _candidates(plan: RehearsedPlan, actions: Iterable[ActionName]) -> list[ClusterView]:
    """Returns the clusters that the selectors match, now or with a label that the plan leaves, and
    the members of steps that have begun."""
    chosen = matcher(plan.selectors)
    added = list(_labels(actions))

    def ever(cluster: ClusterView) -> bool:
        labels = cluster.labels
        return chosen(labels) or any(chosen({**labels, key: ""}) for key in added)

    begun = {each.cluster for step in plan.begun for each in step.members}
    found = [
        each for each in plan.clusters if each.name in begun or (not each.local and ever(each))
    ]
    return sorted(found, key=lambda cluster: natural_key(cluster.name))


def _labels(actions: Iterable[ActionName]) -> Iterator[str]:
    for action in actions:
        yield traits(action).completed_label
        yield traits(action).failed_label
