"""`ibgu stragglers`: what it prints is applied to a real API server."""

import json
import shlex
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from ibgu.api.context import Context
from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.stragglers.facts import NoProposals, RestFacts
from ibgu.cli.stragglers.report import StragglersReport
from ibgu.cli.stragglers.show import report_lines
from ibgu.client.responses import CountsResponse, ReleaseResponse, RolloutResponse
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import (
    Cause,
    CompletedAction,
    Kind,
    MemberState,
    OnRollout,
    Outcome,
    Rollout,
    RolloutState,
    StepState,
)
from ibgu.core.model.kinds import RolloutSpec
from ibgu.db import Journal
from ibgu.db.labels import LabelStore
from ibgu.db.labels import seen as seen_labels
from ibgu.sandbox.kubectl import Kubectl
from tests.api.fleet import (
    MONITOR,
    PULL,
    failed,
    finished,
    open_step,
    put,
    rollout,
    seen,
    spec,
    succeeded,
)
from tests.api.fleet import tell as commit
from tests.cli.conftest import Ibgu
from tests.db.records import NOW, member, step

LABEL = "lcm.openshift.io/ibgu-"
NAMES = ("done", "pull", "meanwhile", "monitor", "gone", "waits", "skipped")


class Scene:
    """Prep is over, Upgrade runs; every cluster is there for one reason."""

    def __init__(self, kubectl: Kubectl, journal: Journal, unique_name: Callable[[str], str]):
        self._kubectl = kubectl
        self._journal = journal
        self.namespace = unique_name("edge")
        self.names = {each: unique_name(f"{each}-site") for each in NAMES}

    def cluster(self, which: str, *labels: str, named: bool = True) -> None:
        name = self.names[which]
        given = {f"{LABEL}{label}": "" for label in labels}
        metadata = {"name": name, "labels": given | ({"name": name} if named else {})}
        self._kubectl.apply(
            {
                "apiVersion": "cluster.open-cluster-management.io/v1",
                "kind": "ManagedCluster",
                "metadata": metadata,
                "spec": {"hubAcceptsClient": True},
            }
        )

    def rollout(self, **more: Any) -> Rollout:
        """The one that is on the hub as `ran-r1`."""
        found = self._kubectl.get("ibgu", "ran-r1", "-n", self.namespace)
        uid = found["metadata"]["uid"]
        return rollout(uid, namespace=self.namespace, name="ran-r1", **more)

    async def play(self) -> None:
        self._kubectl("create", "namespace", self.namespace)
        self._kubectl.apply(manifest(self.namespace))
        self.cluster("done", "prep-completed")
        self.cluster("pull", "prep-failed")
        self.cluster("meanwhile", "prep-completed")
        self.cluster("monitor", "prep-completed", "upgrade-failed")
        self.cluster("waits", "prep-completed")
        plan = RolloutSpec(ibu_spec=spec().ibu_spec, plan=spec().plan[:2])
        one = self.rollout(spec=plan)
        await seen(self._journal, one)
        name = self.names
        prep = step(one, 0, Action.PREP, state=StepState.FINISHED, finished_at=NOW)
        await open_step(self._journal, prep)
        await put(
            self._journal,
            succeeded(prep, name["monitor"], 0),
            failed(prep, name["pull"], 1, PULL),
            failed(prep, name["meanwhile"], 2, PULL),
            failed(prep, name["gone"], 3, PULL),
            succeeded(prep, name["waits"], 4),
        )
        upgrade = await open_step(self._journal, step(one, 1, Action.UPGRADE))
        over = {"cause": Cause.UPGRADE_FAILED, "failed_action": Action.UPGRADE}
        await put(
            self._journal,
            failed(upgrade, name["monitor"], 0, MONITOR, **over),
            member(upgrade, name["waits"], 1),
        )


def manifest(namespace: str) -> dict[str, Any]:
    strategy = {"maxConcurrency": 2, "timeout": 240}
    seed = {"image": "quay.example/seed:4.17.2", "version": "4.17.2"}
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {
            "name": "ran-r1",
            "namespace": namespace,
            "annotations": {"extra.lca.openshift.io/x": "1"},
        },
        "spec": {
            "ibuSpec": {
                "seedImageRef": seed,
                "oadpContent": [{"name": "oadp-cm", "namespace": "openshift-adp"}],
            },
            "clusterLabelSelectors": [{"matchLabels": {"group": "ran"}}],
            "plan": [
                {"actions": ["Prep"], "rolloutStrategy": strategy},
                {"actions": ["Upgrade"], "rolloutStrategy": strategy},
            ],
        },
    }


@pytest.fixture
async def scene(kubectl: Kubectl, journal: Journal, unique_name: Callable[[str], str]) -> Scene:
    scene = Scene(kubectl, journal, unique_name)
    await scene.play()
    return scene


async def test_stragglers_are_grouped_by_cause_with_the_next_command(
    ibgu: Ibgu, scene: Scene
) -> None:
    found = await ibgu("stragglers", "ran-r1", "-n", scene.namespace)
    assert found.exit_code == 0, found.output
    lines = [line.strip() for line in found.stdout.splitlines()]
    assert lines[0] == f"ran-r1 ({scene.namespace}): 4 of 5 clusters are left"
    heads = [line for line in lines if line[:1] in "✗◷▶" and line]
    assert heads == [
        "✗ 1  Prep: PrecacheFailed (step 1)",
        "✗ 1  Prep: PrecacheFailed (step 1)",
        "✗ 1  Upgrade: InitMonitorTimeout (step 2)",
        "◷ 1  Upgrade: WaitingForSlot (step 2, not finished)",
    ]
    assert "(no ManagedCluster of that name is on the hub)" in lines
    assert "meanwhile" not in found.stdout
    assert not [line for line in lines if "ibgu retry" in line]
    assert "do      Check registry, mirror and free disk space of the site" in found.stdout
    only = "--cause InitMonitorTimeout --step 2 --next AbortOnFailure"
    apply = f"{only} -o yaml | kubectl apply -f -"
    assert f"ibgu stragglers ran-r1 -n {scene.namespace} {apply}" in lines
    assert f"ibgu cancel ran-r1 -n {scene.namespace} --failed" in lines


@pytest.mark.parametrize("since", [False, True])
async def test_a_label_from_before_a_failure_hides_no_cluster(
    ibgu: Ibgu, scene: Scene, journal: Journal, since: bool
) -> None:
    """The label counts once a newer rollout has completed the action since."""
    wrong = {"cause": Cause.WRONG_STATE, "started_at": None}
    prep = step(scene.rollout(), 0, Action.PREP)
    left = scene.names["meanwhile"]
    await put(journal, failed(prep, left, 2, "its Prep is of another release", **wrong))
    if since:
        newer = rollout("r2", age=-1, namespace=scene.namespace, state=RolloutState.COMPLETE)
        await seen(journal, newer)
        again = await open_step(journal, step(newer, 0, Action.PREP))
        done = CompletedAction(Action.PREP, NOW + timedelta(minutes=1))
        await put(journal, finished(again, left, 0, Outcome.SUCCEEDED, completed=(done,)))
    found = await ibgu("stragglers", "ran-r1", "-n", scene.namespace, "-o", "json")
    groups = {group["kind"]: group["clusters"] for group in json.loads(found.stdout)["groups"]}
    assert groups.get("WrongState") == (None if since else [left])


async def test_a_cluster_that_was_skipped_before_it_began_can_be_taken_again(
    ibgu: Ibgu, scene: Scene, journal: Journal
) -> None:
    prep = step(scene.rollout(), 0, Action.PREP)
    over = {"outcome": Outcome.SKIPPED, "cause": Cause.SKIPPED, "ended_at": NOW}
    scene.cluster("skipped")
    name = scene.names["skipped"]
    await put(journal, member(prep, name, 5, state=MemberState.FINISHED, **over))
    found = await ibgu("stragglers", "ran-r1", "-n", scene.namespace, "-o", "json")
    assert found.exit_code == 0, found.output
    groups = {tuple(each["clusters"]): each for each in json.loads(found.stdout)["groups"]}
    assert groups[name,]["plan"][0] == ["Prep"], groups[name,]
    text = (await ibgu("stragglers", "ran-r1", "-n", scene.namespace)).stdout
    assert "\N{EN DASH} 1  Prep: Skipped (step 1)" in text.splitlines()


async def test_each_proposed_command_is_for_its_group_alone(
    ibgu: Ibgu, scene: Scene, kubectl: Kubectl
) -> None:
    """Two failed for one cause: one has to be aborted first, the other can begin again."""
    kubectl("label", "managedcluster", scene.names["meanwhile"], f"{LABEL}prep-completed-")
    text = (await ibgu("stragglers", "ran-r1", "-n", scene.namespace)).stdout
    lines = [line.strip() for line in text.splitlines()]
    commands = [line for line in lines if "PrecacheFailed" in line and "| kubectl apply" in line]
    assert len(commands) == 2
    made = []
    for line in commands:
        command, _, apply = line.partition(" | ")
        printed = await ibgu(*shlex.split(command)[1:])
        kubectl(*shlex.split(apply)[1:], stdin=printed.stdout)
        [body] = yaml.safe_load_all(printed.stdout)
        spec = kubectl.get("ibgu", body["metadata"]["name"], "-n", scene.namespace)["spec"]
        [selector] = spec["clusterLabelSelectors"]
        actions = [item["actions"] for item in spec["plan"]]
        made.append((selector["matchExpressions"][0]["values"], actions))
    assert sorted(made) == sorted(
        [
            ([scene.names["pull"]], [["AbortOnFailure"]]),
            ([scene.names["meanwhile"]], [["Prep"], ["Upgrade"]]),
        ]
    )
    unknown = await ibgu("stragglers", "ran-r1", "-n", scene.namespace, "--next", "Abrot")
    assert (unknown.exit_code, "do you mean Abort" in unknown.stderr) == (2, True)


async def test_the_yaml_is_applied(ibgu: Ibgu, scene: Scene, kubectl: Kubectl) -> None:
    found = await ibgu("stragglers", "ran-r1", "-n", scene.namespace, "-o", "yaml")
    assert found.exit_code == 0, found.output
    assert "created" in kubectl("apply", "-f", "-", stdin=found.stdout)
    made = kubectl.get("ibgu", "ran-r1-abort-1", "-n", scene.namespace)
    assert [item["actions"] for item in made["spec"]["plan"]] == [["AbortOnFailure"]]
    [selector] = made["spec"]["clusterLabelSelectors"]
    names = sorted((scene.names["pull"], scene.names["monitor"]))
    assert sorted(selector["matchExpressions"][0]["values"]) == names
    assert made["spec"]["ibuSpec"]["oadpContent"] == [
        {"name": "oadp-cm", "namespace": "openshift-adp"}
    ]
    assert made["metadata"]["annotations"]["extra.lca.openshift.io/x"] == "1"
    again = await ibgu("stragglers", "ran-r1", "-n", scene.namespace, "-o", "yaml")
    assert yaml.safe_load(again.stdout)["metadata"]["name"] == "ran-r1-abort-2"


async def test_the_patch_is_applied(ibgu: Ibgu, scene: Scene, kubectl: Kubectl) -> None:
    text = (await ibgu("stragglers", "ran-r1", "-n", scene.namespace)).stdout
    line = next(line for line in text.splitlines() if "kubectl patch" in line)
    kubectl(*shlex.split(line)[1:])
    plan = kubectl.get("ibgu", "ran-r1", "-n", scene.namespace)["spec"]["plan"]
    assert [item["actions"] for item in plan] == [["Prep"], ["Upgrade"], ["AbortOnFailure"]]
    text = (await ibgu("stragglers", "ran-r1", "-n", scene.namespace)).stdout
    assert "kubectl patch" not in text


async def test_aborted_stragglers_are_retried_from_prep(
    ibgu: Ibgu, scene: Scene, kubectl: Kubectl, journal: Journal
) -> None:
    """A newer rollout took one of them back to Idle, and has another in its hands."""
    aborted = rollout("r2", age=-1, namespace=scene.namespace, started_at=NOW)
    await seen(journal, aborted)
    abort = await open_step(journal, step(aborted, 0, Action.ABORT_ON_FAILURE))
    await put(journal, succeeded(abort, scene.names["pull"], 0))
    done = member(abort, scene.names["done"], 2)
    acts = failed(abort, scene.names["monitor"], 1, PULL)
    await put(journal, acts, done)
    scene.cluster("pull")
    kubectl("label", "managedcluster", scene.names["pull"], f"{LABEL}prep-failed-")
    found = await ibgu("stragglers", "ran-r1", "-n", scene.namespace, "-o", "json")
    body = json.loads(found.stdout)
    assert body["elsewhere"] == {f"{scene.namespace}/ran-r2": 1}
    assert [group["state"] for group in body["groups"]] == ["ended", "aborted", "going"]
    [retry] = body["manifests"]
    assert [item["actions"] for item in retry["spec"]["plan"]] == [["Prep"], ["Upgrade"]]
    printed = await ibgu(
        "stragglers", "ran-r1", "-n", scene.namespace, "--cause", "Aborted", "-o", "yaml"
    )
    assert yaml.safe_load(printed.stdout) == retry
    kubectl("apply", "-f", "-", stdin=printed.stdout)


async def test_an_aborted_cluster_whose_retry_fails_is_in_the_retry(
    ibgu: Ibgu, scene: Scene, journal: Journal
) -> None:
    """`ibgu retry --abort-first` has appended the abort to the rollout's own plan."""
    abort = await open_step(journal, step(scene.rollout(), 2, Action.ABORT_ON_FAILURE))
    await put(journal, succeeded(abort, scene.names["pull"], 0))
    again = rollout("r2", age=-1, namespace=scene.namespace)
    await seen(journal, again)
    prep = await open_step(journal, step(again, 0, Action.PREP))
    await put(journal, failed(prep, scene.names["pull"], 0, PULL))
    args = ("stragglers", "ran-r1", "-n", scene.namespace)
    found = await ibgu(*args)
    assert f"1 more is in {scene.namespace}/ran-r2 now: ibgu stragglers ran-r2" in found.stdout
    nowhere = await ibgu(*args, "-o", "json", KUBECONFIG="/nowhere/at/all")
    assert json.loads(nowhere.stdout)["elsewhere"] == {f"{scene.namespace}/ran-r2": 1}


async def test_an_aborted_cluster_whose_retry_succeeded_is_not_left(
    ibgu: Ibgu, scene: Scene, journal: Journal
) -> None:
    abort = await open_step(journal, step(scene.rollout(), 2, Action.ABORT_ON_FAILURE))
    await put(journal, succeeded(abort, scene.names["pull"], 0))
    again = rollout("r2", age=-1, namespace=scene.namespace, state=RolloutState.COMPLETE)
    await seen(journal, again)
    prep = await open_step(journal, step(again, 0, Action.PREP))
    await put(journal, succeeded(prep, scene.names["pull"], 0))
    found = await ibgu("stragglers", "ran-r1", "-n", scene.namespace, "-o", "json")
    assert json.loads(found.stdout)["elsewhere"] == {}


async def test_clusters_cancelled_on_purpose_need_a_new_rollout(
    ibgu: Ibgu, scene: Scene, journal: Journal
) -> None:
    name = f"{scene.namespace}/ran-r2"
    newer = rollout("r2", age=-1, namespace=scene.namespace, state=RolloutState.COMPLETE)
    await seen(journal, newer)
    abort = await open_step(journal, step(newer, 0, Action.ABORT))
    await put(journal, succeeded(abort, scene.names["pull"], 0))
    args = ("stragglers", "ran-r1", "-n", scene.namespace)
    text = (await ibgu(*args)).stdout
    line = f"  1 more was cancelled on purpose by {name}: to upgrade it, create a new rollout"
    assert line in text.splitlines()
    assert "ibgu stragglers ran-r2" not in text
    body = json.loads((await ibgu(*args, "-o", "json")).stdout)
    assert (body["elsewhere"], body["cancelled"]) == ({}, {name: 1})


async def test_the_greater_uid_of_one_second_has_the_cluster(
    ibgu: Ibgu, scene: Scene, journal: Journal
) -> None:
    for uid in ("0", "zz"):
        twin = rollout(uid, namespace=scene.namespace)
        await seen(journal, twin)
        prep = await open_step(journal, step(twin, 0, Action.PREP))
        await put(journal, failed(prep, scene.names["pull" if uid == "0" else "monitor"], 0, PULL))
    found = await ibgu("stragglers", "ran-r1", "-n", scene.namespace, "-o", "json")
    assert json.loads(found.stdout)["elsewhere"] == {f"{scene.namespace}/ran-zz": 1}


@pytest.mark.parametrize("cause", ["Aborted", "NotTaken", "AbortFailed"])
async def test_a_known_cause_that_nobody_has_is_an_empty_result(
    ibgu: Ibgu, scene: Scene, cause: str
) -> None:
    found = await ibgu("stragglers", "ran-r1", "-n", scene.namespace, "--cause", cause)
    assert found.exit_code == 0, found.stderr
    assert "4 of 5 clusters are left; none of them matches" in found.stdout


async def test_a_proposed_command_keeps_the_filters(
    ibgu: Ibgu, scene: Scene, kubectl: Kubectl, context: Context
) -> None:
    """Two have failed, one is asked for: what is proposed for it leaves the other one alone."""
    name = scene.names["pull"]
    rings = [seen_labels(each, {"ring": which}) for which, each in scene.names.items()]
    await LabelStore(context.engine, context.hub).put(rings, 1)
    asked = ("stragglers", "ran-r1", "-n", scene.namespace, "-l", "ring in (pull)")
    text = (await ibgu(*asked)).stdout
    assert text.splitlines()[0] == f"ran-r1 ({scene.namespace}): 1 of 1 cluster is left"
    assert "ibgu cancel" not in text
    assert "kubectl patch" not in text
    line = next(line.strip() for line in text.splitlines() if "| kubectl apply" in line)
    command, _, apply = line.partition(" | ")
    made = await ibgu(*shlex.split(command)[1:])
    kubectl(*shlex.split(apply)[1:], stdin=made.stdout)
    [selector] = kubectl.get("ibgu", "ran-r1-abort-1", "-n", scene.namespace)["spec"][
        "clusterLabelSelectors"
    ]
    assert selector["matchExpressions"][0]["values"] == [name]
    body = json.loads((await ibgu(*asked, "-o", "json")).stdout)
    assert (body["patch"], len(body["manifests"])) == ([], 1)
    cause = ("--cause", "InitMonitorTimeout")
    text = (await ibgu("stragglers", "ran-r1", "-n", scene.namespace, *cause)).stdout
    assert "ibgu cancel" not in text


async def test_labels_that_no_cluster_of_the_rollout_has(
    ibgu: Ibgu, scene: Scene, context: Context
) -> None:
    """The command says so: "0 of 0" would read as if all were well."""
    rings = [seen_labels(each, {"ring": which}) for which, each in scene.names.items()]
    await LabelStore(context.engine, context.hub).put(rings, 1)
    for command in ("status", "stragglers"):
        args = (command, "ran-r1", "-n", scene.namespace, "-l")
        found = await ibgu(*args, "ring in (none)")
        assert found.exit_code == 5, found.output
        assert "None of the 5 clusters of ran-r1 matches -l 'ring in (none)'\n" in found.output
        assert (await ibgu(*args, "ring=pull")).exit_code == 0
    head = (await ibgu("status", *args[1:], "ring=other")).stdout.splitlines()[0]
    assert "Completed: no clusters" not in head


async def test_a_straggler_at_idle_gets_no_advice_to_abort(
    ibgu: Ibgu, scene: Scene, kubectl: Kubectl
) -> None:
    labels = (f"{LABEL}prep-completed-", f"{LABEL}upgrade-failed-")
    kubectl("label", "managedcluster", scene.names["monitor"], *labels)
    cause = ("--cause", "InitMonitorTimeout")
    text = (await ibgu("stragglers", "ran-r1", "-n", scene.namespace, *cause)).stdout
    assert "[Prep][Upgrade], by a new ImageBasedGroupUpgrade" in text
    assert "If the site is only slow" in " ".join(text.split())
    assert "AbortOnFailure" not in text


async def test_clusters_that_no_label_names(ibgu: Ibgu, scene: Scene, kubectl: Kubectl) -> None:
    name = scene.names["pull"]
    kubectl("label", "managedcluster", name, "name-")
    found = await ibgu(
        "stragglers", "ran-r1", "-n", scene.namespace, "--cause", "PrecacheFailed", "-o", "yaml"
    )
    line = found.stderr.partition("label its clusters first: ")[2]
    kubectl(*shlex.split(line)[1:])
    kubectl("apply", "-f", "-", stdin=found.stdout)
    made = kubectl.get("ibgu", "ran-r1-abort-1", "-n", scene.namespace)
    [selector] = made["spec"]["clusterLabelSelectors"]
    chosen = ",".join(f"{key}={value}" for key, value in selector["matchLabels"].items())
    assert [
        item["metadata"]["name"] for item in kubectl.get("managedclusters", "-l", chosen)["items"]
    ] == [name]


async def test_names_for_other_commands(ibgu: Ibgu, scene: Scene) -> None:
    found = await ibgu(
        "stragglers", "ran-r1", "-n", scene.namespace, "--cause", "InitMonitorTimeout", "-o", "name"
    )
    assert found.stdout == f"{scene.names['monitor']}\n"


async def test_without_the_hub_nothing_is_proposed(ibgu: Ibgu, scene: Scene) -> None:
    nowhere = {"KUBECONFIG": "/nowhere/at/all"}
    args = ("stragglers", "ran-r1", "-n", scene.namespace)
    text = await ibgu(*args, **nowhere)
    assert (
        "no commands are proposed, because the hub could not be checked: no usable kubeconfig"
        in text.stdout
    )
    assert "kubectl" not in text.stdout
    assert json.loads((await ibgu(*args, "-o", "json", **nowhere)).stdout)["manifests"] == []
    refused = await ibgu(*args, "-o", "yaml", **nowhere)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("ibgu: no manifests, because the hub could not be checked")


async def test_another_hub_proves_nothing(ibgu: Ibgu, journal: Journal, scene: Scene) -> None:
    """The kubeconfig is of a hub that has an IBGU of that name too."""
    await seen(journal, rollout("other", age=-5, namespace=scene.namespace, name="ran-r1"))
    found = await ibgu("stragglers", "ran-r1", "-n", scene.namespace, "-o", "yaml")
    assert (found.exit_code, found.stdout) == (1, "")
    assert "is not the one that ibgu knows" in found.stderr


async def test_nothing_is_left(
    ibgu: Ibgu, journal: Journal, kubectl: Kubectl, unique_name: Callable[[str], str]
) -> None:
    scene = Scene(kubectl, journal, unique_name)
    kubectl("create", "namespace", scene.namespace)
    kubectl.apply(manifest(scene.namespace))
    one = scene.rollout()
    await seen(journal, one)
    done = step(one, 0, Action.PREP, state=StepState.FINISHED, finished_at=NOW)
    await open_step(journal, done)
    await put(journal, succeeded(done, scene.names["done"], 0))
    over = replace(one, state=RolloutState.COMPLETE, completed_at=NOW + timedelta(hours=1))
    await commit(journal, OnRollout(Kind.ROLLOUT_COMPLETED, over, ""))
    found = await ibgu("stragglers", "ran-r1", "-n", scene.namespace)
    assert found.stdout == f"ran-r1 ({scene.namespace}): none of 1 cluster is left\n"
    printed = await ibgu("stragglers", "ran-r1", "-n", scene.namespace, "-o", "yaml")
    assert (printed.exit_code, printed.stdout) == (0, "")
    assert "would have nothing to do" in printed.stderr


async def test_clusters_that_no_plan_takes_further_have_a_command(
    ibgu: Ibgu, kubectl: Kubectl, journal: Journal, unique_name: Callable[[str], str]
) -> None:
    scene = Scene(kubectl, journal, unique_name)
    kubectl("create", "namespace", scene.namespace)
    kubectl.apply(manifest(scene.namespace))
    scene.cluster("monitor", "prep-completed", "upgrade-failed")
    scene.cluster("pull", "prep-failed")
    one = scene.rollout()
    await seen(journal, one)
    upgrade = await open_step(journal, step(one, 0, Action.UPGRADE))
    stays = {"cause": Cause.UPGRADE_FAILED_AFTER_PIVOT, "failed_action": Action.UPGRADE}
    abort = {"cause": Cause.ABORT_FAILED, "failed_action": Action.ABORT_ON_FAILURE}
    await put(
        journal,
        failed(upgrade, scene.names["monitor"], 0, "Failed restore CRs: a", **stays),
        failed(upgrade, scene.names["pull"], 1, "failed to remove 1 stateroots", **abort),
    )
    found = await ibgu("stragglers", "ran-r1", "-n", scene.namespace)
    assert found.exit_code == 0, found.output
    lines = [line.strip() for line in found.stdout.splitlines()]
    where = f"ran-r1 -n {scene.namespace}"
    assert f"ibgu rollback {where} {scene.names['monitor']} --failed" in lines
    again = f"{scene.names['pull']} --action AbortOnFailure"
    assert f'ibgu confirm-cleanup {where} {again} --reason "what was cleaned up"' in lines
    text = found.stdout.replace("AbortOnFailure: Stateroots", "").replace(again, "")
    assert "AbortOnFailure" not in text
    plain = json.loads((await ibgu("stragglers", *where.split(), "-o", "json")).stdout)
    assert {group["way"] for group in plain["groups"]} == {"rollback", "cleanup"}


def test_clusters_that_are_left_to_newer_rollouts_are_not_said_to_be_done() -> None:
    one = RolloutResponse(
        namespace="edge",
        name="ran",
        uid="u",
        phase="Running",
        state="running",
        created_at=NOW,
        release=ReleaseResponse(image=""),
        counts=CountsResponse(total=2),
    )
    members: Any = dict.fromkeys(("a", "b"))
    facts = RestFacts(one, (), members, (), 1)
    nobody = StragglersReport(facts, NoProposals("of a test"), (), {"edge/next": 2}, {})
    assert list(report_lines(nobody, OutputStyle(), wide=False)) == [
        "ran (edge): newer rollouts have what is left, 2 of 2 clusters",
        "  2 are in edge/next now: ibgu stragglers next -n edge",
    ]
