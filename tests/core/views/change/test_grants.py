"""Approvals and broken glass that a person writes."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from ibgu.core.model.actions import Risk
from ibgu.core.model.grants import Approval, Grants, StepAuthor
from ibgu.core.model.kinds import JsonObject
from ibgu.core.views.change import ChangeRefused, RequestedChange, append, approve, break_glass
from ibgu.core.views.change.plan import NewStep
from tests.core.views.change.test_change import NOW, target

ONE = {"fourEyes": False}
HOUR = timedelta(hours=1)
ROLLOUT = {"kind": "ImageBasedGroupUpgrade", "name": "ran", "uid": "u1"}


def spec(change: RequestedChange, kind: str) -> JsonObject:
    assert change.grant is not None
    assert change.grant["kind"] == kind
    assert change.grant["metadata"] == {"generateName": "ran-", "namespace": "edge"}
    found: JsonObject = change.grant["spec"]
    return found


def test_an_approval_names_its_user_the_step_and_the_very_rollout() -> None:
    change = approve(target("Prep", "Upgrade FinalizeUpgrade"), 2, "FinalizeUpgrade")
    assert change.done == "olga approves FinalizeUpgrade of step 2 of ran"
    assert change.risk.lost.startswith("The clusters may go on with FinalizeUpgrade. ")
    assert spec(change, "RolloutApproval") == {
        "rollout": ROLLOUT,
        "user": "olga",
        "step": 2,
        "before": "FinalizeUpgrade",
    }
    line, manifest, end = change.kubectl.split("\n")
    assert (line, end) == ("kubectl create -f - <<'EOF'", "EOF")
    assert json.loads(manifest) == change.grant


def test_an_approval_may_have_a_comment_and_an_end() -> None:
    change = approve(target("Prep"), None, "Step", "CHG-4711", HOUR)
    assert change.done == "olga approves step 1 of ran until 2026-01-01T04:00:00Z"
    assert change.risk == Risk()
    found = spec(change, "RolloutApproval")
    assert (found["comment"], found["until"]) == ("CHG-4711", "2026-01-01T04:00:00Z")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((2, "Step"), "the plan of ran has no step 2"),
        ((0, "Step"), "the plan of ran has no step 0"),
        ((1, "Upgrade"), "step 1 of ran has no Upgrade: approve Step or Rest or Prep"),
    ],
)
def test_nothing_is_approved_that_the_plan_does_not_have(given: Any, words: str) -> None:
    with pytest.raises(ChangeRefused, match=re.escape(words)):
        approve(target("Prep"), *given)


@pytest.mark.parametrize(
    ("generation", "words"),
    [
        (2, "ran: all its steps are completed; name the step with --step"),
        (3, "ran: its status does not tell yet which step comes next; name the step with --step"),
    ],
)
def test_no_step_is_guessed_once_the_plan_is_completed(generation: int, words: str) -> None:
    completed = {
        "type": "Progressing",
        "status": "False",
        "reason": "Completed",
        "message": "All plan steps are completed",
        "observedGeneration": 2,
    }
    found = target("Prep", "Upgrade")
    found.object["metadata"]["generation"] = generation
    found.object["status"] = {"conditions": [completed]}
    with pytest.raises(ChangeRefused, match=re.escape(words)):
        approve(found, None, "Step")
    assert approve(found, 2, "Step").done == "olga approves step 2 of ran"


def test_the_step_that_comes_next_is_approved() -> None:
    waits = {
        "type": "Progressing",
        "status": "True",
        "reason": "InProgress",
        "message": "Waiting for plan step 1 to be completed",
    }
    found = target("Prep", "Upgrade")
    found.object["status"] = {"conditions": [waits]}
    assert approve(found, None, "Step").done == "olga approves step 2 of ran"


def test_broken_glass_names_gates_reason_and_end() -> None:
    change = break_glass(target("Prep"), ["RolloutPolicy/night", "ClusterHold"], "INC-7", HOUR)
    assert change.done == "ran passes RolloutPolicy/night, ClusterHold until 2026-01-01T04:00:00Z"
    assert spec(change, "BreakGlass") == {
        "rollout": ROLLOUT,
        "user": "olga",
        "gates": ["RolloutPolicy/night", "ClusterHold"],
        "reason": "INC-7",
        "until": "2026-01-01T04:00:00Z",
    }


@pytest.mark.parametrize("gate", ["night", "CircuitBreaker", "ClusterHolds"])
def test_a_name_of_no_gate_of_policies_is_refused(gate: str) -> None:
    """The answer said that the rollout passes, an alert fired, and nothing passed."""
    with pytest.raises(ChangeRefused, match=f"{gate} is no gate of policies: name RolloutPolicy/"):
        break_glass(target("Prep"), ["RolloutPolicy/night", gate], "INC-7", HOUR)


@pytest.mark.parametrize("gate", ["RolloutPolicy/nosuch", "RolloutPolicy/Night"])
def test_a_policy_that_is_not_in_force_is_refused(gate: str) -> None:
    policies: JsonObject = {"night": {}, "other": {"rollouts": {"namespaces": ["lab"]}}}
    words = (
        f"no gate {gate} can hold ran: of the gates of policies for it those in force are "
        "RolloutPolicy/night"
    )
    with pytest.raises(ChangeRefused, match=f"^{words}$"):
        break_glass(target("Prep"), [gate], "INC-7", HOUR, policies)
    with pytest.raises(ChangeRefused, match=r"policies for it none is in force$"):
        break_glass(target("Prep"), [gate], "INC-7", HOUR, {})


@pytest.mark.parametrize(
    "gate", ["RolloutPolicy/night", "RolloutPolicy/odd", "ClusterHold", "RolloutPolicies"]
)
def test_gates_that_can_hold_the_rollout_are_passed(gate: str) -> None:
    """A policy that can't be read may hold everything, and so is known by its name."""
    policies: JsonObject = {"night": {}, "odd": None, "new": {"windows": 1}}
    assert break_glass(target("Prep"), [gate], "INC-7", HOUR, policies).grant is not None


def test_no_glass_is_broken_for_a_completed_rollout() -> None:
    found = target("Prep")
    found.object["status"] = {"conditions": [{"type": "Progressing", "status": "False"}]}
    with pytest.raises(ChangeRefused, match=r"^ran is complete: no gate keeps anything of it$"):
        break_glass(found, ["ClusterHold"], "INC-7", HOUR)


@pytest.mark.parametrize(
    ("policies", "before", "words"),
    [
        ({"a": {"approval": ONE | {"before": "Step"}}}, "Step", ""),
        ({"a": {"approval": ONE | {"before": "Rest"}}}, "Rest", ""),
        ({"a": {"approval": ONE | {"before": "Action"}, "actions": ["Prep"]}}, "Prep", ""),
        ({"a": None}, "Step", ""),
        (
            {"a": {"approval": {"before": "Step"}}, "b": {"approval": {"before": "Rest"}}},
            "Prep",
            "; no policy asks for approval of Prep of step 1 now: the policies ask for approval of "
            "step 1 and the rest of step 1",
        ),
        (
            {"a": {"approval": {"before": "Step"}, "actions": ["Upgrade"]}, "b": {}},
            "Step",
            "; no policy asks for approval of step 1 now: the policies ask for approval of nothing "
            "in step 1",
        ),
    ],
)
def test_an_approval_that_no_policy_asks_for_says_so(
    policies: JsonObject, before: str, words: str
) -> None:
    done = approve(target("Prep"), 1, before, policies=policies).done
    what = {"Step": "step 1", "Rest": "the rest of step 1", "Prep": "Prep of step 1"}[before]
    assert done == f"olga approves {what} of ran{words}"


@pytest.mark.parametrize(
    ("given", "lasts", "again"),
    [
        ({}, None, False),
        ({}, HOUR, False),
        ({"until": NOW + 2 * HOUR}, HOUR, False),
        ({"until": NOW + HOUR}, 2 * HOUR, True),
        ({"until": NOW + HOUR}, None, True),
        ({"until": NOW}, None, True),
        ({"refused": "the step has changed since", "changed": True}, None, True),
        ({"before": "Rest"}, None, True),
        ({"step": 1}, None, True),
        ({"user": "nora"}, None, True),
    ],
)
def test_a_person_approves_the_same_only_once(
    given: dict[str, Any], lasts: timedelta | None, again: bool
) -> None:
    """A new approval is written where the former one does not count, or ends sooner."""
    grants = Grants((approval(**{"user": "olga"} | given),))
    change = approve(target("Prep"), 1, "Step", lasts=lasts, grants=grants)
    assert (change.grant is not None) is again
    assert change.step == 1


def test_a_second_approval_says_that_there_is_one_and_who_is_missing() -> None:
    policies: JsonObject = {"board": {"approval": ONE | {"approvers": 2}}}
    for until, words in ((None, ""), (NOW + HOUR, " until 2026-01-01T04:00:00Z")):
        grants = Grants((approval("olga", until=until),))
        change = approve(target("Prep"), 1, "Step", lasts=HOUR, policies=policies, grants=grants)
        assert change == RequestedChange(
            f"olga has approved step 1 of ran already{words}; 1 of 2: one more person must approve",
            step=1,
        )


def approval(user: str, **more: Any) -> Approval:
    given: dict[str, Any] = {"uid": user, "name": user, "user": user, "step": 0, "before": "Step"}
    return Approval(**given | more)


@pytest.mark.parametrize(
    ("asked", "grants", "words"),
    [
        ([ONE], Grants(), ""),
        ([ONE | {"approvers": 2}], Grants(), "; 1 of 2: one more person must approve"),
        ([ONE | {"approvers": 3}], Grants(), "; 1 of 3: 2 more people must approve"),
        ([ONE, ONE | {"approvers": 3}], Grants(), "; 1 of 3: 2 more people must approve"),
        ([ONE | {"approvers": 2}], Grants((approval("nora"),)), ""),
        (
            [ONE | {"approvers": 2}],
            Grants((approval("olga", until=NOW + HOUR), approval("nora", refused="too old"))),
            "; 1 of 2: one more person must approve",
        ),
        (
            [{}],
            Grants((approval("nora", before="Rest"), approval("vera", step=1))),
            "; 1 of 2 (it is not known who the step's author is): one more person must approve",
        ),
        (
            [{}],
            Grants(authors=(StepAuthor(0, "nora", changed=True), StepAuthor(1, "nora"))),
            "; 1 of 2 (it is not known who the step's author is): one more person must approve",
        ),
        ([{}], Grants((approval("nora"),)), ""),
        ([{}], Grants(authors=(StepAuthor(0, "nora"),)), ""),
        (
            [{}],
            Grants((approval("nora", until=NOW),), authors=(StepAuthor(0, "olga"),)),
            "; 0 of 1 (the step's author does not count): one more person must approve",
        ),
        ([ONE], Grants(authors=(StepAuthor(0, "olga"),)), ""),
    ],
)
def test_an_approval_counts_the_people_that_policies_still_ask_for(
    asked: list[JsonObject], grants: Grants, words: str
) -> None:
    policies = {str(i): {"approval": each} for i, each in enumerate(asked)}
    change = approve(target("Prep"), 1, "Step", policies=policies, grants=grants)
    assert change.done == f"olga approves step 1 of ran{words}"


def test_no_policy_without_actions_asks_for_approval_of_the_way_back() -> None:
    done = approve(target("Abort"), 1, "Step", policies={"a": {"approval": {"before": "Step"}}})
    assert done.done.endswith("ask for approval of nothing in step 1")


def test_an_appended_step_names_its_author() -> None:
    key, pointer = "ibgu.dev/step-2-author", "/metadata/annotations/ibgu.dev~1step-2-author"
    plain = append(target("Prep"), NewStep(("Upgrade",))).patch
    assert isinstance(plain, list)
    none = {"op": "test", "path": "/metadata/annotations", "value": None}
    assert plain[2:4] == [none, {**none, "op": "add", "value": {key: "olga"}}]
    marked = append(target("Prep", pause=""), NewStep(("Upgrade",))).patch
    assert isinstance(marked, list)
    assert marked[2] == {"op": "add", "path": pointer, "value": "olga"}
