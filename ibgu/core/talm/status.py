"""Reads the status of an IBGU as TALM writes it."""

from msgspec import DecodeError, Struct, ValidationError, json

from ibgu.core.model.kinds import RolloutObject


class _ActionStatus(Struct, frozen=True):
    action: str = ""


class _ClusterStatus(Struct, frozen=True, rename="camel"):
    name: str = ""
    completed_actions: list[_ActionStatus] = []
    failed_actions: list[_ActionStatus] = []


class TalmStatus(Struct, frozen=True):
    """The IBGU's status as TALM writes it."""

    clusters: list[_ClusterStatus] = []

    def ended(self) -> set[tuple[str, str]]:
        """Returns (cluster, action) that TALM shows as completed or failed."""
        return {
            (cluster.name, each.action)
            for cluster in self.clusters
            for each in (*cluster.completed_actions, *cluster.failed_actions)
        }


def status_of(found: RolloutObject) -> TalmStatus:
    """Returns the status; empty if it is not as TALM writes it."""
    try:
        return json.decode(found.status, type=TalmStatus)
    except (DecodeError, ValidationError):
        return TalmStatus()
