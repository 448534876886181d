"""Events for which a cycle starts at once: those that let a slot go on, and no others."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.decide import expedited
from ibgu.core.engine.state.snapshot import PayloadState, Snapshot
from ibgu.core.engine.works.evidence import answers
from ibgu.core.model import Decision, Kind, OnMember, ReasonKind, RunResult
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import sites

REPORTED = (RunResult.SUCCEEDED, RunResult.FAILED)


class Hints:
    """A watcher: decisions about a cluster by itself must have been expedited."""

    def __init__(self, engine: InMemoryEngine) -> None:
        engine.watchers.append(self)
        self.ends = self.answers = self.begins = 0

    def deciding(self) -> None: ...

    def turned(self) -> None: ...

    def decided(self, snapshot: Snapshot, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            if isinstance(decision, OnMember):
                self._check(snapshot, decision)

    def _check(self, snapshot: Snapshot, decision: OnMember) -> None:
        tracked, cluster = snapshot.tracked, decision.member.cluster
        before, work = tracked.latest(cluster), snapshot.observe(cluster).stage
        if before is None or before.step != decision.member.step:
            return
        run = decision.member.run
        if decision.kind is Kind.RUN_ENDED and before.run and before.run.open:
            assert run is not None
            assert expedited(IBU, tracked, cluster, work) is (run.result in REPORTED)
            self.ends += 1
        elif decision.kind is Kind.RUN_INTENDED and before.reason.kind is ReasonKind.PROBING:
            assert expedited(IBU, tracked, cluster, work) is (tracked.steps[before.step].free > 0)
            self.answers += 1
        elif decision.kind is Kind.RUN_ARMING and run and before.run and before.run.id == run.id:
            assert expedited(IBU, tracked, cluster, work)
            self.begins += 1


@pytest.mark.parametrize("plan", [("Prep", "Upgrade", "FinalizeUpgrade"), ("Prep Upgrade",)])
@pytest.mark.parametrize("fault", ["", "fail"])
def test_events_that_free_or_fill_a_slot_expedite_a_cycle(
    plan: tuple[str, ...], fault: str
) -> None:
    engine = sites(5, fault, Stage.UPGRADE)
    hints = Hints(engine)
    engine.payload = PayloadState(digest="digest")
    uid = engine.apply(ibgu("a", *plan, concurrency=2))
    engine.wait(minutes=300)
    assert all(step.step.finished_at for step in engine.tracked(uid).steps)
    assert hints.ends >= 10
    assert hints.answers >= 2
    assert hints.begins >= 5


def test_nobody_is_hurried_for_what_ends_nothing() -> None:
    """A cluster that has taken the run and goes on, one that is as it was, one of nobody."""
    engine = sites(1)
    uid = engine.apply(ibgu("a", "Prep Upgrade"))
    engine.until(Kind.RUN_ACCEPTED)
    tracked, work = engine.tracked(uid), engine.observe(uid, "site-1").stage
    assert work is not None
    assert not expedited(IBU, tracked, "site-1", work)
    assert not expedited(IBU, tracked, "site-1", replace(work, feedback=None))
    assert not expedited(IBU, tracked, "site-1", None)
    assert not expedited(IBU, tracked, "site-2", work)

    engine.wait(minutes=60)
    assert engine.member(uid, 0, "site-1").finished
    assert not expedited(IBU, engine.tracked(uid), "site-1", work)


@pytest.mark.parametrize("slots", [1, 2])
def test_an_answer_waits_where_no_slot_is_free(slots: int) -> None:
    engine = sites(2)
    engine.frozen.add("site-2")
    uid = engine.apply(ibgu("a", "Prep", concurrency=slots))
    engine.until(Kind.RUN_ACCEPTED)
    member, asked = engine.member(uid, 0, "site-2"), engine.observe(uid, "site-1").stage
    assert asked is not None
    assert asked.feedback is not None
    assert member.reason.kind is ReasonKind.PROBING
    assert member.probe is not None
    ibu = replace(asked.feedback, observed_generation=asked.feedback.generation)
    result = replace(
        asked,
        applied=True,
        target_applied=True,
        target_available="True",
        feedback=replace(ibu, probes=frozenset({member.probe.id})),
    )
    assert answers(result, member.probe)
    assert expedited(IBU, engine.tracked(uid), "site-2", result) is (slots > 1)
