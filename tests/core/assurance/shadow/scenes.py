"""A run of TALM's, observed again and again."""

from datetime import UTC, datetime, timedelta
from typing import Any

from ibgu.core.assurance.shadow import ShadowRun, TalmObservation, begin, follow
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model.kinds import RolloutSpec
from ibgu.core.talm import TalmGroup, TalmWork, groups_of, view_talm_work
from tests.core.engine.decide.builders import plan_of
from tests.core.talm.objects import as_cgu, as_work, cgu, ended, work

START = datetime(2026, 1, 1, tzinfo=UTC)

__all__ = ["START", "Watch", "at", "ended", "group", "seen_work"]


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def seen_work(action: Action = Action.PREP, cluster: str = "s1", **given: Any) -> TalmWork:
    return view_talm_work(as_work(work(cluster, action, **given)))


def group(*actions: str, concurrency: int = 2, timeout: int = 60, **given: Any) -> TalmGroup:
    steps = list(actions or ("Prep",))
    spec = RolloutSpec(plan=plan_of([" ".join(steps)], concurrency=concurrency, timeout=timeout))
    given.setdefault("batches", [["s1", "s2"], ["s3"]])
    given.setdefault("batch", 1)
    (found,) = groups_of("a", spec, [as_cgu(cgu("a", 0, *steps, **given))])
    return found


class Watch:
    """Follows one run; each look says what has changed since the last one."""

    def __init__(self, action: Action = Action.PREP, *steps: str) -> None:
        self.action = action
        self.steps = steps or (str(action),)
        self.run: ShadowRun = begin("uid", 0, action, seen_work(action), START)
        self._work: dict[str, Any] = {}
        self._group: dict[str, Any] = {}
        self._reachable = True

    def probe(
        self,
        minutes: float,
        *,
        talm: dict[str, Any] | None = None,
        reachable: bool | None = None,
        gone: bool = False,
        talm_says: str = "",
        **work: Any,
    ) -> ShadowRun:
        """`talm` changes the ClusterGroupUpgrade, `work` the ManifestWork."""
        self._work |= work
        self._group |= talm or {}
        self._reachable = self._reachable if reachable is None else reachable
        seen = TalmObservation(
            work=None if gone else seen_work(self.action, **self._work),
            group=group(*self.steps, **self._group),
            reachable=self._reachable,
            words=talm_says,
        )
        self.run = follow(self.run, seen, at(minutes))
        assert follow(self.run, seen, at(minutes)) == self.run, "the same look says nothing new"
        return self.run

    @property
    def told(self) -> list[str]:
        return [note.text for note in self.run.notes]
