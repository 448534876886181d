"""The clusters of the hub by their labels, which the event log does not have: those of today count
for the past as well."""

from collections.abc import Collection, Mapping

from msgspec import Struct

from ibgu.core.assurance.certify.policy_selectors import EVERY_CLUSTER
from ibgu.core.engine.timing.windows import zone_of
from ibgu.core.model import names
from ibgu.core.model.rollout_policy import PolicyClusters
from ibgu.core.plan.policies import selects_cluster


class LabelledClusters(Struct, frozen=True):
    """LabelledClusters are the clusters whose labels are known."""

    labels: Mapping[str, Mapping[str, str]] = {}
    """The labels of each cluster, also of those that have left the hub."""
    on_hub: Collection[str] = ()
    """The clusters that are on the hub now."""

    def selected(self, selection: PolicyClusters, cluster: str) -> bool | None:
        """Returns whether a policy selects the cluster; None: its labels are not known."""
        if selection == EVERY_CLUSTER:
            return True
        found = self.labels.get(cluster)
        return None if found is None else selects_cluster(selection, found)

    def count(self, selection: PolicyClusters) -> int:
        """Returns how many clusters of the hub a policy selects."""
        return sum(self.selected(selection, each) is True for each in self.on_hub)

    def value(self, cluster: str, label: str) -> str | None:
        """Returns the label's value, empty if the cluster lacks it; None: its labels are not
        known."""
        found = self.labels.get(cluster)
        return None if found is None else found.get(label, "")

    def zone(self, cluster: str) -> str:
        """Returns the time zone of the cluster's label; empty: it has none that is known."""
        found = (self.value(cluster, names.TIME_ZONE) or "").replace(".", "/")
        return found if found and zone_of(found) is not None else ""
