"""One cycle as the controller runs it, in a draft that is undone."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from ibgu.core.engine.decide import DecisionResult, decide
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import ClusterView


def drafted(
    snapshot: Snapshot,
    touched: Iterable[str],
    now: datetime,
    listed: Sequence[ClusterView] | None = None,
) -> DecisionResult:
    """The decisions of the cycle, those of joining members last."""
    with snapshot.fleet.draft() as apply:
        result = decide(apply, snapshot, touched, now, listed)
    return replace(result, decisions=result.decisions + result.joining, joining=[])
