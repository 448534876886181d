"""The recall of preflight: which of the failures that came it had found before (R46.11)."""

from collections.abc import Collection, Iterable

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.engine.driver import FailureText
from ibgu.core.model import ActionName
from ibgu.core.model.preflight import PreflightRecord


class FailedClusters(Struct, frozen=True):
    """FailedClusters are the clusters of a step that failed with one message."""

    action: ActionName | None
    failure: FailureText | None
    """None: the message is not known."""
    clusters: tuple[str, ...]


class RecalledFailure(Struct, frozen=True):
    """RecalledFailure counts the clusters of one failure by what preflight had said of them."""

    action: ActionName | None
    failure: FailureText | None
    found: int = 0
    """An error or a warning of such a rule was in the step's record."""
    unknown: int = 0
    """Such a rule could not be checked."""
    missed: int = 0
    """All such rules were checked and found nothing."""

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that look for it; empty: none does."""
        return self.failure.rules if self.failure is not None else ()

    @property
    def count(self) -> int:
        return self.found + self.unknown + self.missed


class Recall(Struct, frozen=True):
    """Recall compares a step's record with what came."""

    failures: tuple[RecalledFailure, ...]
    """Most clusters first."""
    unfounded: int
    """Clusters with an error of their own that succeeded all the same."""

    def total(self, foreseeable: bool = True) -> int:
        """Returns the clusters that failed in a way that rules look for, or that none does."""
        return sum(each.count for each in self.failures if bool(each.rules) is foreseeable)


def recall(
    record: PreflightRecord, failed: Iterable[FailedClusters], succeeded: Collection[str]
) -> Recall:
    """Returns the comparison. `succeeded`: the clusters of the step that did."""
    groups: dict[tuple[ActionName | None, FailureText | None], list[str]] = {}
    for each in failed:
        groups.setdefault((each.action, each.failure), []).extend(each.clusters)
    found = [
        _of_failure(RecalledFailure(action, failure), clusters, record)
        for (action, failure), clusters in groups.items()
    ]
    found.sort(key=lambda each: -each.count)
    return Recall(tuple(found), len(record.erring().intersection(succeeded)))


def _of_failure(
    of: RecalledFailure, clusters: Collection[str], record: PreflightRecord
) -> RecalledFailure:
    found = sum(
        any(each.rule in of.rules for each in record.of_cluster(cluster)) for cluster in clusters
    )
    left = len(clusters) - found
    if not set(of.rules).isdisjoint(record.unknown):
        return replace(of, found=found, unknown=left)
    return replace(of, found=found, missed=left)
