"""Collects all that the hub shows of one rollout, without the journal."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain

from msgspec import Struct

from ibgu.core.drivers import declared
from ibgu.core.engine.works.trace import Trace, traces_of
from ibgu.core.model import ClusterView, WorkView
from ibgu.core.model.kinds import RolloutObject
from ibgu.core.model.names import payload_name, stage_name
from ibgu.core.model.shown import HubObject
from ibgu.core.recover.former_status import FormerStatus, read_status
from ibgu.core.recover.placing import Plan


class FoundRollout(Struct, frozen=True):
    object: RolloutObject
    plan: Plan
    """The plan; empty if it can't be read."""
    status: FormerStatus
    traces: dict[str, Trace]
    """Keyed by cluster name."""
    cluster: Callable[[str], ClusterView | None]
    payloads: tuple[str, ...] = ()
    """The digests of what payload works carry to the clusters; empty ones are left out."""

    @property
    def begun(self) -> bool:
        """Whether ibgu has acted on the IBGU, or it is complete, no matter who completed it."""
        return bool(self.traces) or self.status.begun


def find(
    obj: RolloutObject,
    works: Iterable[HubObject[WorkView]],
    cluster: Callable[[str], ClusterView | None],
) -> FoundRollout:
    """Collects the signs; `works`: the rollout's works, `cluster`: returns a ManagedCluster by
    name.

    Only works of the name that ibgu gives to this rollout's count. A cluster's agent may change the
    labels of its works, but not their names.
    """
    ours = defaultdict[str, list[HubObject[WorkView]]](list)
    for work in works:
        ours[work.metadata.name].append(work)
    uid, name = obj.metadata.uid, obj.metadata.name
    traces = traces_of(ours[stage_name(uid, name)])
    digests = (work.view.digest for work in ours[payload_name(uid, name)])
    payloads = tuple(filter(None, digests))
    return FoundRollout(obj, _plan(obj), read_status(obj), traces, cluster, payloads)


def _plan(obj: RolloutObject) -> Plan:
    plan = [tuple(item.actions) for item in obj.spec.plan]
    return plan if all(map(declared, chain.from_iterable(plan))) else []
