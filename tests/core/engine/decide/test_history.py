"""The history shows every decision that a person may ask about, and no bookkeeping."""

from ibgu.core.model import Kind, Preempt
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu

SILENT = {Kind.WAITS, Kind.PROBED, Kind.RUN_PROGRESS, Kind.STEP_RATE_LIMITED}


def test_bookkeeping_is_silent() -> None:
    assert {kind for kind in Kind if kind.silent} == SILENT


def test_a_rollout_reads_like_a_story() -> None:
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    decisions = [said.decision for said in engine.said]
    told = [found for found in decisions if not isinstance(found, Preempt)]
    story = [(found.kind.value, found.why) for found in told if not found.kind.silent]
    assert story == [
        ("RolloutSeen", "seen"),
        ("PlanAccepted", "the plan has 1 step"),
        ("StepOpened", "step 1 opens: Prep"),
        ("RolloutStarted", "the rollout starts"),
        ("StepStarted", "step 1 starts with 1 cluster"),
        ("MemberJoined", "belongs to the step"),
        ("RunIntended", "starts Prep"),
        ("RunArming", "arms Prep"),
        ("RunAccepted", "the cluster accepted Prep"),
        ("RunEnded", "Prep succeeded"),
        ("LabelsPending", "Prep succeeded"),
        ("RunDisarmed", "the stage work is disarmed"),
        ("MemberFinished", "succeeded"),
        ("StepFinished", "step 1 is finished: 1 succeeded"),
        ("RolloutCompleted", "all plan steps are completed"),
        ("LabelsUpdated", "the ManagedCluster shows them"),
    ]
