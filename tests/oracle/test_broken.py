"""Every rule: a history that breaks it is detected, and the event is named."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from tests.oracle import Certifier, Event, Rule, evidence, stories
from tests.oracle.breaks import (
    Break,
    again,
    at_once,
    both,
    drop,
    early,
    has,
    held,
    later,
    shows,
    sooner,
    step_held,
    tells,
)
from tests.oracle.kinds import PROOFS
from tests.oracle.logs import LEADERS, certify, told

Story = Callable[[], list[Event]]
PREP = "lcm.openshift.io/ibgu-prep-completed"
FAILED = "lcm.openshift.io/ibgu-upgrade-failed"
NOT_UNDONE: dict[str, dict[str, dict[str, object]]] = {
    "in a stage from which no cluster goes back by itself": {"ibu": {"stage": "Prep"}},
    "by what an unreachable cluster has shown last": {"cluster": {"state": "unreachable"}},
    "by a work that somebody has changed": {"work": {"edited": True}},
    "by what the agent has not seen yet": {"ibu": {"observed": 0}},
}
"""What a cluster shows whose Abort the Lifecycle Agent has not undone."""

BROKEN: list[tuple[str, Rule, Story, Break, str]] = [
    # -- history and writers
    (
        "the beginning is gone",
        Rule.HISTORY,
        stories.plain,
        drop("RolloutSeen"),
        "begins in the middle",
    ),
    (
        "numbers go back",
        Rule.HISTORY,
        stories.plain,
        has("RolloutCompleted", seq=3),
        "the event comes after number 69",
    ),
    (
        "an older leader writes",
        Rule.WRITER,
        stories.plain,
        has("RolloutStarted", epoch=2),
        "epoch 1 writes after epoch 2 had begun",
    ),
    (
        "nobody's epoch",
        Rule.WRITER,
        stories.plain,
        has("LabelsUpdated", None, 8, epoch=7),
        "no controller led in epoch 7",
    ),
    # -- order
    (
        "an action begins inside a chain after a restore",
        Rule.ORDER,
        stories.chain,
        held("Restored", "RunIntended", 1),
        "site-1 starts Upgrade while its rollout is held: Restored",
    ),
    (
        "an action is sent beside a live TALM",
        Rule.ORDER,
        stories.chain,
        held("TalmIsLive", "RunArming", 1),
        "site-1 is asked for Upgrade while its rollout is held: TalmIsLive",
    ),
    (
        "an action that is sent while its rollout is paused",
        Rule.ORDER,
        stories.plain,
        held("Paused", "RunArming"),
        "site-1 is asked for Prep while held: Paused",
    ),
    (
        "an action that is sent behind the circuit breaker",
        Rule.ORDER,
        stories.plain,
        step_held("CircuitBreaker", "RunArming", "site-1", 1),
        "site-1 is asked for Upgrade while held: CircuitBreaker",
    ),
    (
        "an Upgrade in a chain that is sent behind the circuit breaker",
        Rule.ORDER,
        stories.chain,
        step_held("CircuitBreaker", "RunArming", "site-1", 1),
        "site-1 starts Upgrade while held: CircuitBreaker",
    ),
    (
        "seen twice",
        Rule.ORDER,
        stories.plain,
        again("RolloutSeen"),
        "begins a second time",
    ),
    (
        "another plan than the one that runs",
        Rule.ORDER,
        stories.grown,
        tells("PlanAccepted", nth=1, plan=[]),
        "changes steps which have begun",
    ),
    (
        "a step that nobody planned",
        Rule.ORDER,
        stories.plain,
        tells("StepOpened", nth=1, actions=["Rollback"]),
        "step 2 opens with Rollback, which the plan does not say",
    ),
    (
        "the second step first",
        Rule.ORDER,
        stories.plain,
        has("StepOpened", step=1),
        "step 2 opens as number 1",
    ),
    (
        "two steps at once",
        Rule.ORDER,
        stories.plain,
        drop("StepFinished"),
        "step 2 opens before the step before it was finished",
    ),
    (
        "complete too early",
        Rule.ORDER,
        stories.plain,
        drop("StepFinished", nth=1),
        "complete with 2 of 2 steps begun and 1 of them not finished",
    ),
    (
        "starts after its deletion",
        Rule.ORDER,
        stories.deleted,
        again("RolloutStarted"),
        "the rollout starts after it was deleted",
    ),
    (
        "a step opens after the deletion",
        Rule.ORDER,
        stories.deleted,
        again("StepOpened", step=1),
        "step 2 opens though the rollout was deleted",
    ),
    (
        "an update without a backup",
        Rule.ORDER,
        stories.backed_up,
        drop("RunEnded", "site-1"),
        "site-1 starts Update without a Backup that succeeded in this rollout",
    ),
    (
        "an update with a backup of another cluster",
        Rule.ORDER,
        stories.backed_up,
        has("RunEnded", "site-1", cluster="site-2", cluster_uid="uid-site-2"),
        "site-1 starts Update without a Backup",
    ),
    (
        "an update with a backup that was skipped",
        Rule.ORDER,
        stories.backed_up,
        tells("RunEnded", "site-1", result="continued"),
        "site-1 starts Update without a Backup",
    ),
    (
        "an update with a backup that is too old",
        Rule.ORDER,
        stories.backed_up,
        later("RunIntended", "site-1", 1, hours=9),
        "site-1 starts Update with a Backup that is 9:0",
    ),
    (
        "an update with a backup that was recent enough when it was intended",
        Rule.ORDER,
        stories.backed_up,
        later("RunArming", "site-1", 1, hours=9),
        "site-1 is asked for Update with a Backup that is 9:0",
    ),
    (
        "a second backup after one that is not too old",
        Rule.ORDER,
        stories.backed_up_twice,
        sooner("ActionRepeated", "site-1", hours=8),
        "site-1 repeats a backup that is not too old for Update",
    ),
    (
        "a backup that is repeated before there was one",
        Rule.ORDER,
        stories.backed_up_twice,
        early("ActionRepeated", "site-1", before="RunIntended"),
        "site-1 repeats nothing though Backup is due",
    ),
    (
        "a second backup that nobody asked for",
        Rule.ORDER,
        stories.backed_up_twice,
        drop("ActionRepeated", "site-1"),
        "site-1 starts Backup, Update is due",
    ),
    (
        "an abort that is withdrawn though the cluster shows a run of somebody else",
        Rule.ORDER,
        stories.undone,
        shows("RunEnded", "site-1", 1, ibu={"run": "of nobody"}),
        "site-1: Abort withdrawn, but the run was accepted",
    ),
    (
        "an abort that is withdrawn though the cluster is at it",
        Rule.ORDER,
        stories.undone,
        shows("RunEnded", "site-1", 1, ibu={"stage": "Idle"}),
        "site-1: Abort withdrawn, but the run was accepted",
    ),
    *(
        (
            f"an abort that is withdrawn {case}",
            Rule.ORDER,
            stories.undone,
            shows("RunEnded", "site-1", 1, **seen),
            "site-1: Abort withdrawn, but the run was accepted",
        )
        for case, seen in NOT_UNDONE.items()
    ),
    (
        "a withdrawn update that a person has restored",
        Rule.ORDER,
        stories.restored_by_hand,
        tells("RunEnded", "site-1", 2, result="withdrawn"),
        "site-1: Retract withdrawn, but the run was accepted",
    ),
    (
        "an update with a backup that was imported and is too old",
        Rule.ORDER,
        stories.backed_up_and_lost,
        tells("Imported", "site-1", made={"Backup": "2025-12-31T10:00:00Z"}),
        "starts Update with a Backup that is",
    ),
    (
        "an update with a backup of which the import says nothing",
        Rule.ORDER,
        stories.backed_up_and_lost,
        tells("Imported", "site-1", made={"Backup": "yesterday"}),
        "site-1 starts Update without a Backup",
    ),
    (
        "a cluster fails for its state in a step that is held",
        Rule.ORDER,
        stories.in_a_wrong_state,
        drop("StepReleased"),
        "site-1 ended with WrongState before its action, while held: SeedImagesUnknown",
    ),
    (
        "a step opens while TALM runs",
        Rule.ORDER,
        stories.talm,
        drop("RolloutReleased"),
        "step 1 opens though the rollout is held: TalmIsLive",
    ),
    (
        "a step starts twice",
        Rule.ORDER,
        stories.plain,
        again("StepStarted"),
        "step 1 starts twice",
    ),
    (
        "a step finishes twice",
        Rule.ORDER,
        stories.plain,
        again("StepFinished"),
        "step 1 finishes, but did not run",
    ),
    (
        "a step that was never opened",
        Rule.ORDER,
        stories.plain,
        again("StepStarted", step=7),
        "StepStarted in a step that was never opened",
    ),
    (
        "out of the order of names",
        Rule.ORDER,
        stories.plain,
        tells("MemberJoined", "site-2", position=2),
        "site-2 joins step 1 after site-1, out of the order of names",
    ),
    (
        "started while the step was held",
        Rule.ORDER,
        stories.held,
        drop("StepReleased"),
        "site-2 was started while held: PayloadChanged",
    ),
    (
        "started after the deletion",
        Rule.ORDER,
        stories.deleted,
        early("RolloutDeleted", before="RunIntended"),
        "site-1 starts Prep after the rollout was deleted",
    ),
    (
        "an action in a step that is over",
        Rule.ORDER,
        stories.plain,
        again("RunIntended", "site-1", run="other"),
        "site-1 starts Prep while step 1 is finished",
    ),
    (
        "the second action first",
        Rule.ORDER,
        stories.chain,
        tells("RunIntended", action="Upgrade"),
        "site-1 starts Upgrade, Prep is due",
    ),
    (
        "two runs at a time",
        Rule.ORDER,
        stories.chain,
        early("RunIntended", nth=1, before="RunEnded"),
        "site-1 starts Upgrade before its run Prep is over",
    ),
    (
        "accepted before it was armed",
        Rule.ORDER,
        stories.chain,
        drop("RunArming"),
        "RunAccepted of a run that is intended",
    ),
    (
        "not the newest run",
        Rule.ORDER,
        stories.chain,
        has("RunAccepted", run="other"),
        "RunAccepted of a run that is not its newest",
    ),
    (
        "not the newest run armed",
        Rule.ORDER,
        stories.withdrawn,
        has("RunArmed", run="other"),
        "RunArmed of a run that is not its newest",
    ),
    (
        "not the newest run ended",
        Rule.ORDER,
        stories.plain,
        has("RunEnded", "site-1", run="other"),
        "RunEnded of a run that is not its newest",
    ),
    (
        "not the newest run to be armed",
        Rule.ORDER,
        stories.plain,
        has("RunArming", "site-1", run="other"),
        "RunArming of a run that is not its newest",
    ),
    (
        "not the newest run disarmed",
        Rule.ORDER,
        stories.plain,
        has("RunDisarmed", "site-1", run="other"),
        "RunDisarmed of a run that is not its newest",
    ),
    (
        "not the newest run reopened",
        Rule.ORDER,
        stories.reopened,
        has("RunReopened", run="other"),
        "RunReopened of a run that is not its newest",
    ),
    (
        "nobody's run",
        Rule.ORDER,
        stories.plain,
        drop("RunIntended", "site-1"),
        "RunEnded of a run that is not its newest",
    ),
    (
        "succeeded without having begun",
        Rule.ORDER,
        stories.chain,
        drop("RunAccepted"),
        "Prep succeeded, but the run was arming",
    ),
    (
        "disarmed twice",
        Rule.ORDER,
        stories.chain,
        at_once("RunDisarmed", "site-1"),
        "a work that was not armed is disarmed",
    ),
    (
        "reopened what had failed",
        Rule.ORDER,
        stories.reopened,
        tells("RunEnded", result="preempted"),
        "site-1 is reopened though its run was not withdrawn",
    ),
    (
        "waits again without a reason",
        Rule.ORDER,
        stories.withdrawn,
        tells("RunEnded", result="limit"),
        "site-1 waits again though its run was not withdrawn",
    ),
    (
        "leaves its slot before its limit",
        Rule.LIMITS,
        stories.left_its_slot,
        sooner("MemberReturned", "site-1", hours=1),
        "site-1 left its slot before its limit",
    ),
    (
        "succeeded too early",
        Rule.ORDER,
        stories.chain,
        early("MemberFinished", before="RunIntended"),
        "site-1 succeeded with Prep still to be done",
    ),
    (
        "failed at another action",
        Rule.ORDER,
        stories.plain,
        tells("MemberFinished", "site-2", nth=1, failed_action="Prep"),
        "site-2 failed Prep, but Upgrade was due",
    ),
    (
        "skipped by nobody",
        Rule.ORDER,
        stories.skipped,
        drop("ControlAccepted"),
        "site-2 was skipped, and nobody had asked for that",
    ),
    (
        "skipped by nobody at the end of the history",
        Rule.ORDER,
        stories.plain,
        again("MemberFinished", "site-3", data={"outcome": "skipped"}),
        "site-3 was skipped, and nobody had asked for that",
    ),
    (
        "skipped in the middle",
        Rule.ORDER,
        stories.deleted,
        tells("MemberFinished", "site-1", outcome="skipped"),
        "site-1 was skipped in the middle of its run",
    ),
    (
        "passed over another action",
        Rule.ORDER,
        stories.done_before,
        tells("ActionAlreadyDone", action="Upgrade"),
        "site-1 passes over Upgrade, Prep is due",
    ),
    (
        "passed over what had ended",
        Rule.ORDER,
        stories.done_before,
        again("ActionAlreadyDone"),
        "Prep is passed over while it is finished",
    ),
    (
        "a warning that is accepted after the end",
        Rule.ORDER,
        stories.warned,
        again("WarningAccepted"),
        "site-1: its warning is accepted while it is finished",
    ),
    (
        "a start against an error of preflight",
        Rule.ORDER,
        stories.refused_by_preflight,
        drop("PreflightEvaluated", nth=2),
        "site-2 starts Prep in spite of an error of preflight: P3",
    ),
    (
        "a start against an error of the plan",
        Rule.ORDER,
        stories.refused_by_preflight,
        drop("PreflightEvaluated", nth=1),
        "site-1 starts Prep in spite of an error of preflight: P11",
    ),
    (
        "a start before preflight",
        Rule.ORDER,
        stories.refused_by_preflight,
        drop("PreflightEvaluated", nth=3),
        "site-1 starts Upgrade before preflight has judged step 2",
    ),
    (
        "a start on findings from before preflight was not enforced",
        Rule.ORDER,
        stories.enforced_again,
        drop("PreflightEvaluated", nth=2),
        "site-2 starts Prep before preflight has judged step 1",
    ),
    (
        "late before its end",
        Rule.ORDER,
        stories.late,
        early("CompletedLate", before="MemberFinished"),
        "CompletedLate though it is in flight",
    ),
    (
        "a late success with an action still to come",
        Rule.ORDER,
        stories.late_in_a_chain,
        tells("CompletedLate", late="completed late, after 60 min"),
        "site-1 completed step 1 late with Upgrade still to be done",
    ),
    (
        "labels that a late completion in a chain does not ask for",
        Rule.LABELS,
        stories.late_in_a_chain,
        tells("CompletedLate", relabels=None),
        "labels of site-1 change without an outcome",
    ),
    # -- members
    (
        "a forgotten cluster",
        Rule.MEMBERS,
        stories.plain,
        drop("MemberFinished", "site-3"),
        "step 1 is finished without 1 of its clusters: site-3",
    ),
    (
        "a cluster that never joined",
        Rule.MEMBERS,
        stories.plain,
        drop("MemberJoined", "site-3"),
        "site-3 does not belong to step 1",
    ),
    (
        "fewer than it began with",
        Rule.MEMBERS,
        stories.plain,
        tells("StepStarted", total=4),
        "step 1 began with 4 clusters, and 3 joined it",
    ),
    (
        "more than it began with",
        Rule.MEMBERS,
        stories.plain,
        tells("StepStarted", total=2),
        "site-3 joins step 1 after its start, or beyond its 2 clusters",
    ),
    (
        "joined twice",
        Rule.MEMBERS,
        stories.plain,
        at_once("MemberJoined", "site-2"),
        "site-2 joins step 1 twice",
    ),
    (
        "finished twice",
        Rule.MEMBERS,
        stories.plain,
        at_once("MemberFinished", "site-3"),
        "site-3 finishes step 1 a second time",
    ),
    # -- slots and claims
    (
        "beyond maxConcurrency",
        Rule.SLOTS,
        stories.plain,
        both(
            tells("RunIntended", "site-3", slot=3),
            early("RunIntended", "site-3", before="RunEnded"),
        ),
        "3 clusters in flight, maxConcurrency is 2",
    ),
    (
        "a slot that someone has",
        Rule.SLOTS,
        stories.plain,
        tells("RunIntended", "site-2", slot=1),
        "site-2 got slot 1, which site-1 had",
    ),
    (
        "a slot that does not exist",
        Rule.SLOTS,
        stories.plain,
        tells("RunIntended", "site-1", slot=3),
        "site-1 got slot 3 of 2",
    ),
    (
        "freed while it ran",
        Rule.SLOTS,
        stories.plain,
        both(drop("RunEnded", "site-3"), drop("RunDisarmed", "site-3")),
        "the slot of site-3 was freed while its run was accepted",
    ),
    (
        "freed while it was armed",
        Rule.SLOTS,
        stories.plain,
        drop("RunDisarmed", "site-3"),
        "the slot of site-3 was freed while its run was ended, and its work may still be armed",
    ),
    (
        "two rollouts on one cluster",
        Rule.CLAIMS,
        stories.cancelled,
        early("RunIntended", nth=1, before="RunEnded"),
        "site-1 was started while fleet/a had it",
    ),
    (
        "started what was cancelled",
        Rule.CLAIMS,
        stories.cancelled,
        early("RunIntended", "site-1", before="MemberFinished"),
        "site-1 was started though fleet/b had cancelled it",
    ),
    # -- once
    (
        "the same run twice",
        Rule.ONCE,
        stories.plain,
        again("RunIntended", "site-1"),
        "begins a second time",
    ),
    (
        "an attempt too many",
        Rule.ONCE,
        stories.withdrawn,
        tells("RunIntended", nth=1, attempt=3),
        "attempt 3 of site-1 comes after 1 attempts",
    ),
    (
        "again after a failure",
        Rule.ONCE,
        stories.withdrawn,
        tells("RunEnded", result="limit"),
        "site-1 starts Prep after its run of Prep: limit",
    ),
    (
        "again after the end",
        Rule.ONCE,
        stories.plain,
        again("RunIntended", "site-2", nth=1, run="other"),
        "site-2 starts Upgrade after it had finished step 2",
    ),
    # -- probes and evidence
    (
        "started unseen",
        Rule.PROBE,
        stories.plain,
        tells("RunIntended", "site-1", seen=None),
        "site-1 starts Prep, but its state was not known",
    ),
    (
        "started while it was dark",
        Rule.PROBE,
        stories.plain,
        shows("RunIntended", "site-1", cluster={"state": "unreachable"}),
        "site-1 starts Prep, but its state was not known",
    ),
    (
        "an Upgrade before Prep",
        Rule.PROBE,
        stories.plain,
        shows("RunIntended", "site-1", 1, ibu={"conditions": {"Idle": "True Idle"}}),
        "site-1 starts Upgrade in a state that it does not fit: Idle True Idle",
    ),
    (
        "another seed",
        Rule.PROBE,
        stories.plain,
        shows("RunIntended", "site-1", 1, ibu={"seed": ["other", "1"]}),
        "site-1 starts Upgrade with another seed than the plan's: ['other', '1']",
    ),
    (
        "an Abort after the pivot",
        Rule.PROBE,
        stories.cancelled,
        shows(
            "RunIntended",
            "site-1",
            1,
            ibu={"conditions": {"UpgradeCompleted": "True Completed"}},
        ),
        "site-1 starts Abort in a state that it does not fit",
    ),
    (
        "a Rollback after its deadline",
        Rule.PROBE,
        stories.rolled_back,
        shows("RunIntended", "site-1", 2, ibu={"rollback_until": "2000-01-01T00:00:00Z"}),
        "site-1 starts Rollback, possible until 2000-01-01T00:00:00Z only",
    ),
    (
        "an action that nobody knows",
        Rule.PROBE,
        stories.plain,
        tells("RunIntended", "site-1", action="Defrag"),
        "site-1 starts Defrag in a state that it does not fit",
    ),
    (
        "sent long after its start, in another state",
        Rule.PROBE,
        stories.kept_by_the_hub,
        shows("RunArming", "site-1", 1, ibu={"conditions": {"Idle": "True Idle"}}),
        "site-1 is asked for Upgrade in a state that it does not fit: Idle True Idle",
    ),
    (
        "taken without its echo",
        Rule.EVIDENCE,
        stories.plain,
        shows("RunAccepted", "site-1", ibu={"run": "other"}),
        "site-1 has not shown that it took this run",
    ),
    (
        "stale feedback",
        Rule.EVIDENCE,
        stories.plain,
        shows("RunEnded", "site-1", ibu={"observed": 1}),
        "what was seen does not speak for this run",
    ),
    (
        "frozen feedback",
        Rule.EVIDENCE,
        stories.plain,
        shows("RunEnded", "site-1", ibu={"available": "Unknown"}),
        "what was seen does not speak for this run",
    ),
    (
        "a success that nobody reported",
        Rule.EVIDENCE,
        stories.plain,
        shows("RunEnded", "site-1", ibu={"conditions": {}}),
        "Prep succeeded, but PrepCompleted was not True",
    ),
    (
        "a clean-up that nobody reported",
        Rule.EVIDENCE,
        stories.chain,
        shows("RunEnded", "site-1", 2, ibu={"conditions": {}}),
        "FinalizeUpgrade succeeded, but Idle was not True",
    ),
    (
        "a failure that nobody reported",
        Rule.EVIDENCE,
        stories.plain,
        shows("RunEnded", "site-2", 1, ibu={"conditions": {}}),
        "Upgrade failed, but was not reported failed: no conditions",
    ),
    (
        "a failure without words",
        Rule.EVIDENCE,
        stories.plain,
        tells("RunEnded", "site-2", nth=1, words=None),
        "Upgrade failed without cause or words",
    ),
    (
        "a refusal that nobody saw",
        Rule.EVIDENCE,
        stories.timed_out,
        tells("RunEnded", result="refused"),
        "Prep refused, but no words of a TimedOut were seen",
    ),
    (
        "a refusal without its words",
        Rule.EVIDENCE,
        stories.refused,
        shows("RunEnded", "site-1", work={"error": ""}),
        "Upgrade refused, but no words of a TransitionRefused were seen",
    ),
    (
        "gone, and still there",
        Rule.EVIDENCE,
        stories.gone,
        shows("RunEnded", "site-1", cluster={"uid": "uid-site-1"}),
        "Prep gone, but the cluster was there",
    ),
    (
        "taken over, and still at it",
        Rule.EVIDENCE,
        stories.plain,
        tells("RunEnded", "site-1", result="taken over"),
        "Prep taken over, but the cluster shows this run",
    ),
    (
        "gone before it has begun, and still there",
        Rule.EVIDENCE,
        stories.skipped,
        has("MemberFinished", "site-2", cause="ClusterGone"),
        "site-2 ended with ClusterGone, but the cluster was there",
    ),
    (
        "preempted by nobody",
        Rule.CLAIMS,
        stories.plain,
        tells("RunEnded", "site-3", result="preempted"),
        "site-3 was preempted in Prep though no newer rollout had cancelled it",
    ),
    (
        "cancelled by nobody",
        Rule.CLAIMS,
        stories.skipped,
        tells("MemberFinished", "site-2", outcome="cancelled"),
        "site-2 was cancelled though no newer rollout had cancelled it",
    ),
    (
        "deleted, and still there",
        Rule.EVIDENCE,
        stories.deleted,
        drop("RolloutDeleted"),
        "Prep deleted, but the rollout was not deleted",
    ),
    (
        "a member without a cause",
        Rule.EVIDENCE,
        stories.plain,
        has("MemberFinished", "site-2", 1, cause=None),
        "site-2 failed without cause, words or what was seen",
    ),
    (
        "another cause than its run",
        Rule.EVIDENCE,
        stories.plain,
        has("MemberFinished", "site-2", 1, cause="TimedOut"),
        "site-2 ended with TimedOut, its run with UpgradeFailed",
    ),
    (
        "not there already",
        Rule.EVIDENCE,
        stories.done_before,
        shows("ActionAlreadyDone", "site-1", ibu={"conditions": {"Idle": "True Idle"}}),
        "site-1 was not where Prep would bring it: Idle True Idle",
    ),
    # -- labels
    (
        "a label that was forgotten",
        Rule.LABELS,
        stories.plain,
        drop("LabelsPending", "site-1"),
        "the labels for 'Prep succeeded' were never recorded",
    ),
    (
        "a label without an outcome",
        Rule.LABELS,
        stories.plain,
        again("LabelsPending", "site-1"),
        "labels of site-1 change without an outcome: prep-completed, prep-failed-",
    ),
    (
        "another label than the outcome's",
        Rule.LABELS,
        stories.plain,
        tells("LabelsPending", "site-2", nth=2, asked={PREP: ""}),
        "'Upgrade failed' asks for prep-completed on site-2",
    ),
    (
        "a clean-up that leaves a label",
        Rule.LABELS,
        stories.chain,
        tells("LabelsPending", nth=2, asked={PREP: ""}),
        "'FinalizeUpgrade succeeded' asks for prep-completed",
    ),
    (
        "a clean-up without an outcome",
        Rule.LABELS,
        stories.plain,
        again("LabelsPending", "site-1", data={"labels": {}, "asked": {}}),
        "labels of site-1 change without an outcome: nothing",
    ),
    (
        "a label for what came true without one",
        Rule.LABELS,
        stories.late,
        tells("CompletedLate", relabels=None),
        "labels of site-1 change without an outcome",
    ),
    (
        "a late success that is none",
        Rule.ORDER,
        stories.late,
        tells("CompletedLate", late=None),
        "site-1 completed step 1 late, which counts as a failure",
    ),
    (
        "another failure than the one that a late completion leaves",
        Rule.ORDER,
        stories.late_in_a_chain,
        tells("CompletedLate", failed_action="Prep"),
        "site-1 completed Prep late, and failed Prep: NeverStarted",
    ),
    (
        "a label that nobody asked for",
        Rule.LABELS,
        stories.plain,
        tells("LabelsUpdated", "site-3", labels={FAILED: [None, ""]}),
        f"site-3 has pending labels that no outcome asks for: {FAILED}",
    ),
    # -- limits
    (
        "another limit",
        Rule.LIMITS,
        stories.plain,
        tells("RunIntended", "site-1", limit="2026-01-01T09:00:00Z"),
        "site-1 starts with the limit 2026-01-01T09:00:00Z; it should be 2026-01-01 02:00",
    ),
    (
        "no limit",
        Rule.LIMITS,
        stories.plain,
        tells("RunIntended", "site-1", limit=None),
        "site-1 starts with the limit (none)",
    ),
    (
        "the limits of a ramp-up without one",
        Rule.LIMITS,
        stories.ramped,
        tells("ControlAccepted", controls={}),
        "site-1 starts with the limit 2026-01-01",
    ),
    (
        "more starts in a minute than the annotation allows",
        Rule.LIMITS,
        stories.rate_limited_and_paused,
        tells("ControlAccepted", controls={"ibgu.dev/starts-per-minute": "1"}),
        "site-1 is start number 2 within a minute, 1 at most",
    ),
    (
        "more in flight than the ramp-up allows",
        Rule.LIMITS,
        stories.ramped,
        drop("MemberFinished", "site-1"),
        "2 clusters in flight in a ramp-up, 1 at most once 0 have ended",
    ),
    (
        "a chain with two limits",
        Rule.LIMITS,
        stories.chain,
        tells("RunIntended", nth=1, limit="2026-01-01T09:00:00Z"),
        "site-1 goes on with another limit than it started with",
    ),
    (
        "a limit beyond that of one that starts then",
        Rule.LIMITS,
        stories.warned_in_a_chain,
        tells("RunIntended", nth=1, limit="2026-01-01T19:00:00Z"),
        "site-1 goes on with another limit than it started with",
    ),
    (
        "an earlier limit than that of one that starts then",
        Rule.LIMITS,
        stories.ramped_in_a_chain,
        tells("RunIntended", nth=1, limit="2026-01-01T00:50:00Z"),
        "site-1 goes on with another limit than it started with",
    ),
    (
        "ended before its limit",
        Rule.LIMITS,
        stories.late,
        sooner("RunEnded", "site-1", minutes=5),
        "site-1 was ended before its limit",
    ),
    (
        "given up before the deadline",
        Rule.LIMITS,
        stories.timed_out,
        sooner("MemberFinished", "site-2", minutes=5),
        "site-2 was given up before step 1's deadline",
    ),
    (
        "started after the deadline",
        Rule.LIMITS,
        stories.plain,
        tells("StepOpened", timeout_seconds=30),
        "site-3 starts Prep after step 1's deadline",
    ),
    (
        "a chain that goes on after the deadline",
        Rule.LIMITS,
        stories.chain,
        tells("StepOpened", timeout_seconds=30),
        "site-1 starts Upgrade after step 1's deadline",
    ),
    (
        "sent after the deadline",
        Rule.LIMITS,
        stories.plain,
        later("RunArming", "site-1", hours=9),
        "site-1 is asked for Prep after step 1's deadline",
    ),
    (
        "a step that never started",
        Rule.MEMBERS,
        stories.plain,
        drop("StepStarted"),
        "site-1 joins step 1 after its start, or beyond its 0 clusters",
    ),
    (
        "the clock stands while someone runs",
        Rule.LIMITS,
        stories.held,
        early("ClockStopped", before="RunEnded"),
        "the clock of step 1 stands while 1 clusters are in flight",
    ),
    (
        "an Upgrade behind the circuit breaker",
        Rule.ORDER,
        stories.stopped,
        drop("StepReleased"),
        "site-7 starts Upgrade while held: CircuitBreaker",
    ),
    (
        "an Upgrade behind the circuit breaker of the seed image",
        Rule.ORDER,
        stories.stopped_by_its_seed,
        drop("StepReleased"),
        "site-3 starts Upgrade while held: SeedCircuitBreaker",
    ),
    (
        "the clock stands while a Prep is under way",
        Rule.LIMITS,
        stories.stopped,
        early("ClockStopped", before="RunEnded"),
        "the clock of step 1 stands while 7 clusters are in flight",
    ),
    (
        "a clock that did not stand",
        Rule.LIMITS,
        stories.held,
        drop("ClockStopped"),
        "the clock of step 1 starts, but did not stand",
    ),
]


@pytest.mark.parametrize(
    ("rule", "story", "break_", "words"), [case[1:] for case in BROKEN], ids=[c[0] for c in BROKEN]
)
def test_a_broken_rule_is_found(rule: Rule, story: Story, break_: Break, words: str) -> None:
    findings = certify(break_(story()))
    found = [line for line in told(findings) if line.startswith(f"{rule}: ") and words in line]
    assert found, told(findings)
    assert not findings.valid


@pytest.mark.parametrize("story", stories.ALL, ids=lambda story: str(story.__name__))
def test_a_correct_history_is_certified(story: Story) -> None:
    findings = certify(story())
    assert told(findings) == []
    assert findings.valid


def test_an_abort_that_is_undone_again_and_again_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evidence, "MAX_RUNS", 1)
    words = "order: site-1: Abort withdrawn, but the run was accepted"
    assert told(certify(stories.undone()))[0].startswith(words)


def test_events_that_the_hub_counted_and_does_not_have_are_missed() -> None:
    certifier = Certifier(PROOFS, leaders=LEADERS)
    certifier.missing(1, 2)
    for event in stories.plain():
        certifier.feed(event)
    certifier.missing(12, 14)
    findings = certifier.findings()
    assert told(findings) == [
        "history: the events 12 to 14 are missing from the hub's history (#71 LabelsUpdated; ())"
    ]
    assert not findings.valid


def test_many_violations_are_counted_and_a_few_are_listed() -> None:
    log = stories.plain()
    findings = certify([*log, *[replace(log[-1], seq=0)] * 60])
    assert findings.broken[Rule.HISTORY] > 50
    assert sum(found.rule is Rule.HISTORY for found in findings.violations) == 20


def test_every_rule_can_be_broken() -> None:
    """`test_policies.py` has what breaks policies, beside what keeps them."""
    assert {case[1] for case in BROKEN} == set(Rule) - {Rule.POLICIES}
