"""The fleet's connection to the hub, which knows what its reports prove."""

from typing import Any

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.observe.ibu_state import IbuState, ibu_state
from ibgu.core.drivers.ibu.observe.ibu_view import ibu_of
from ibgu.core.engine.works import view_work
from ibgu.core.model import WorkView
from ibgu.core.model.kinds import ManifestWork
from ibgu.core.model.names import STAGE
from ibgu.hub.client import HubClient
from ibgu.hub.decode import decode_one
from tests.benchmarks.reports import Reports

_REPORT = f"-{STAGE}/status"


class Agents(HubClient):
    """`rests`: of each report about a stage work that the hub took, by cluster and in their order,
    whether the end of a stage was proven by it and not before (R7.2).

    After a reboot a cluster tells in several reports that it is through; those before the last
    free no slot.

    `reports`: what the same reports changed.
    """

    def __init__(self, *connection: Any) -> None:
        super().__init__(*connection)
        self.rests: dict[str, list[bool]] = {}
        self.reports = Reports()
        self._known: dict[str, WorkView] = {}

    async def request(self, method: str, path: str, **options: Any) -> bytes:
        answer = await super().request(method, path, **options)
        if method == "PATCH" and path.endswith(_REPORT):
            self._note(decode_one(path, answer, ManifestWork))
            self.reports.note(path, options["body"]["status"])
        return answer

    def _note(self, work: ManifestWork) -> None:
        cluster, view = work.metadata.namespace, view_work(IBU, work)
        rests = comes_to_rest(self._known.get(cluster, view), view)
        self.rests.setdefault(cluster, []).append(rests)
        self._known[cluster] = view


_MOVING = {IbuState.UNKNOWN, IbuState.PREPARING, IbuState.UPGRADING, IbuState.ROLLING_BACK}


def comes_to_rest(before: WorkView, after: WorkView) -> bool:
    """A stage may have ended just now, in words that count.

    After a reboot the cluster often tells that it is through some milliseconds before the agent
    tells that this is of the newest version; only both together prove anything (R7.2).
    """
    rests = _resting(after)
    return rests is not None and rests is not _resting(before)


def _resting(work: WorkView) -> IbuState | None:
    """None: it moves, or nothing is known that counts."""
    ibu = ibu_of(work)
    if ibu is None or not work.up_to_date or not ibu.current:
        return None
    stands = ibu_state(ibu)
    return None if stands in _MOVING else stands
