"""The commands that change a rollout: through REST, and on the hub itself."""

import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Cause, StepState
from ibgu.db import Journal
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from tests.api.fleet import failed, fleet, open_step, put, seen
from tests.api.test_changes import admin, clusters, ibgus, known, made, manifest, on_hub
from tests.cli.conftest import Ibgu
from tests.db.records import step

__all__ = ["admin", "clusters", "made"]
Made = Callable[..., Awaitable[str]]
PLAN = ("Prep", "Upgrade", "FinalizeUpgrade")


@pytest.mark.parametrize("direct", [(), ("--direct",)])
async def test_pause_and_resume(
    ibgu: Ibgu, made: Made, journal: Journal, admin: HubClient, direct: tuple[str, ...]
) -> None:
    await fleet(journal, await made(*PLAN), name="ran-x1")
    tried = await ibgu("pause", "ran-x1", "--dry-run", *direct, user="olga")
    assert tried.exit_code == 0, tried.output
    assert tried.stdout.startswith(
        "dry run, nothing was changed; without --dry-run: olga pauses ran-x1: nothing new "
    )
    paused = await ibgu("pause", "ran-x1", "--why", "mirror", *direct, user="olga")
    assert paused.stdout.splitlines() == [
        "olga pauses ran-x1: nothing new starts, clusters in flight finish",
        "the same with kubectl:",
        "kubectl -n default annotate imagebasedgroupupgrade ran-x1 'ibgu.dev/pause=olga: mirror' "
        "--overwrite",
    ]
    assert (await on_hub(admin)).metadata.annotations["ibgu.dev/pause"] == "olga: mirror"
    again = await ibgu("pause", "ran-x1", "--dry-run", *direct, user="olga")
    assert again.stdout == "dry run, nothing was changed: ran-x1 is paused already (olga: mirror)\n"
    resumed = await ibgu("resume", "ran-x1", "--yes", "-o", "json", *direct, user="olga")
    said = "ran-x1 is no longer paused; if the circuit breaker," if direct else "ran-x1 goes on"
    assert json.loads(resumed.stdout)["done"].startswith(said)
    marks = (await on_hub(admin)).metadata.annotations
    assert not {"ibgu.dev/pause", "ibgu.dev/resume"} & set(marks)
    refused = await ibgu("pause", "ran-x1", *direct, user="alice")
    assert refused.exit_code == 1
    assert 'User "alice" cannot patch resource' in refused.stderr


@pytest.mark.parametrize("direct", [(), ("--direct",)])
async def test_add_step_appends_a_valid_step_only(
    ibgu: Ibgu, made: Made, journal: Journal, admin: HubClient, direct: tuple[str, ...]
) -> None:
    await seen(journal, known(await made("Prep")))
    added = await ibgu("add-step", "ran-x1", "Upgrade", "--timeout", "90", *direct, user="olga")
    assert added.stdout.startswith("Upgrade is step 2 of ran-x1"), added.output
    assert (await on_hub(admin)).spec.plan[1].rollout_strategy.timeout == 90
    wrong = await ibgu("add-step", "ran-x1", "Prep", *direct, user="olga")
    assert wrong.exit_code == 1
    assert "what may follow [Prep][Upgrade]: [FinalizeUpgrade]" in wrong.stderr
    args = ("add-step", "ran-x1", "AbortOnFailure", "--yes", "-o", "yaml")
    aborted = await ibgu(*args, *direct, user="olga")
    assert yaml.safe_load(aborted.stdout)["done"].startswith("AbortOnFailure is step 3")


@pytest.mark.parametrize("direct", [(), ("--direct",)])
async def test_skip_annotates_the_rollout(
    ibgu: Ibgu, made: Made, journal: Journal, admin: HubClient, direct: tuple[str, ...]
) -> None:
    await fleet(journal, await made(*PLAN), name="ran-x1")
    assert (await ibgu("skip", "ran-x1", "b", "--yes", *direct, user="olga")).exit_code == 0
    assert (await on_hub(admin)).metadata.annotations["ibgu.dev/skip"].endswith("Z,b")
    assert (await ibgu("skip", "ran-x1", "--waiting", "--yes", *direct, user="olga")).exit_code == 0
    assert (await on_hub(admin)).metadata.annotations["ibgu.dev/skip"].startswith("waiting,")
    assert (await ibgu("skip", "ran-x1", *direct, user="olga")).exit_code == 2
    assert (await ibgu("skip", "ran-x1", "--waiting", "--if-waiting")).exit_code == 2


async def test_a_cluster_that_can_not_exist_is_refused_in_plain_words(
    ibgu: Ibgu, journal: Journal
) -> None:
    await fleet(journal, name="ran-x1")
    found = await ibgu("skip", "ran-x1", "Site_7", "--yes", user="olga")
    assert found.exit_code == 2
    assert found.stderr == (
        "ibgu: CLUSTER 1: must be a name: lowercase letters, digits, hyphens and dots, with a "
        "letter or digit at both ends\n"
    )
    assert "String should" not in found.stderr


async def test_a_skip_of_who_does_not_wait_says_so_and_does_nothing(
    ibgu: Ibgu, made: Made, journal: Journal, admin: HubClient
) -> None:
    await fleet(journal, await made(*PLAN), name="ran-x1")
    refused = await ibgu("skip", "ran-x1", "a", "b", "nowhere", "--yes", user="olga")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.endswith(
        "in flight (Upgrade): a; not in step 2: nowhere; 1 other waits; --if-waiting skips those "
        "that wait\n"
    )
    assert "ibgu.dev/skip" not in (await on_hub(admin)).metadata.annotations
    some = await ibgu("skip", "ran-x1", "a", "b", "nowhere", "--if-waiting", "--yes", user="olga")
    assert some.exit_code == 0, some.output
    assert some.stdout.startswith("b will be skipped if it still waits")
    assert "left out: in flight (Upgrade): a; not in step 2: nowhere" in some.stdout


async def test_a_skip_on_the_hub_itself_goes_by_the_status(
    ibgu: Ibgu, made: Made, admin: HubClient
) -> None:
    await made(*PLAN)
    running = {"name": "a", "currentAction": {"action": "Upgrade"}}
    progressing = {
        "type": "Progressing",
        "status": "True",
        "reason": "InProgress",
        "message": "Waiting",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    body = {"status": {"clusters": [running, {"name": "b"}], "conditions": [progressing]}}
    await admin.request(
        "PATCH",
        paths.ibgu_status("default", "ran-x1"),
        body=body,
        content_type=paths.MERGE_PATCH,
    )
    refused = await ibgu("skip", "ran-x1", "a", "b", "nowhere", "--direct", "--yes", user="olga")
    assert refused.exit_code == 1
    assert "in flight (Upgrade): a; in no step: nowhere" in refused.stderr
    assert (await ibgu("skip", "ran-x1", "b", "--direct", "--yes", user="olga")).exit_code == 0


async def test_skip_by_reason_and_adopt_need_the_journal(
    ibgu: Ibgu, made: Made, journal: Journal
) -> None:
    await fleet(journal, await made(*PLAN), name="ran-x1")
    by_reason = await ibgu("skip", "ran-x1", "--reason", "ClaimedByOther", "--yes", user="olga")
    assert by_reason.stdout.startswith("g will be skipped if it still waits"), by_reason.output
    assert (await ibgu("skip", "ran-x1", "--reason", "Busy", "--direct")).exit_code == 2
    adopted = await ibgu("adopt", "ran-x1", "--yes", user="olga")
    assert adopted.stderr == ("ibgu: TALM left nothing unfinished; there is nothing to adopt\n")
    assert (await ibgu("adopt", "ran-x1", "--yes", "--direct", user="olga")).exit_code == 0


@pytest.mark.usefixtures("clusters")
async def test_retry_creates_an_ibgu_for_the_failed_clusters(
    ibgu: Ibgu, made: Made, journal: Journal, admin: HubClient
) -> None:
    one = known(await made("Prep", "Upgrade"))
    one = replace(one, spec=replace(one.spec, plan=one.spec.plan[:2]))
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP, state=StepState.FINISHED))
    await put(journal, failed(prep, "x1-a", 0, "no", cause=Cause.PAYLOAD_REFUSED))
    nobody = await ibgu("retry", "ran-x1", "other", user="olga")
    assert "it has no cluster of that name: other" in nobody.stderr
    done = await ibgu("retry", "ran-x1", "--no-wait", user="olga")
    assert "takes 1 failed cluster of ran-x1 through the plan again" in done.stdout, done.output
    assert len(await ibgus(admin)) == 2


@pytest.mark.parametrize("command", [("pause",), ("skip", "--yes", "--waiting"), ("adopt",)])
async def test_a_rollout_that_is_not_on_the_hub_is_said_to_be_absent(
    ibgu: Ibgu, made: Made, admin: HubClient, command: tuple[str, ...]
) -> None:
    await made(*PLAN)
    name, *options = command
    mistyped = await ibgu(name, "rna-x1", *options, "--direct", user="olga")
    assert mistyped.exit_code == 1
    absent = "ibgu: there is no rollout {} in namespace default on the hub: it was deleted, or "
    assert mistyped.stderr == absent.format("rna-x1") + "never created; do you mean ran-x1?\n"
    await admin.request(
        "DELETE", paths.rollout_object("ImageBasedGroupUpgrade", "default", "ran-x1")
    )
    deleted = await ibgu(name, "ran-x1", *options, "--direct", user="olga")
    assert (deleted.exit_code, deleted.stdout) == (1, "")
    assert deleted.stderr == absent.format("ran-x1") + "never created\n"


async def test_an_unreachable_ibgu_suggests_direct(ibgu: Ibgu) -> None:
    found = await ibgu("pause", "ran-x1", IBGU_SERVER="http://127.0.0.1:9")
    assert found.exit_code == 1
    assert "--direct makes the change on the hub itself" in found.stderr


@pytest.fixture(autouse=True)
def log() -> Iterator[None]:
    """Silences the API's log, which runs in the same process and so on the same output."""
    with structlog.testing.capture_logs():
        yield


# -- preview -----------------------------------------------------------------------------------


def write(path: Path, *documents: Any) -> str:
    path.write_text(yaml.safe_dump_all(documents))
    return str(path)


@pytest.mark.usefixtures("clusters")
async def test_preview_of_a_manifest(ibgu: Ibgu, tmp_path: Path) -> None:
    body = manifest("Prep", "Upgrade")
    names = {"key": "name", "operator": "In", "values": ["x1-a", "x1-b"]}
    body["spec"]["clusterLabelSelectors"] = [{"matchExpressions": [names]}]
    del body["metadata"]["namespace"]
    file = write(tmp_path / "plan.yaml", {"kind": "Namespace"}, body)
    found = await ibgu("preview", "-f", file, user="olga")
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    assert lines[0] == "selects 2 clusters"
    assert lines[1] == (
        "step 1 Prep     2 clusters in 1 wave · 240 min a site · not measured here yet"
    )
    assert lines[-1] == "nothing was changed"
    assert lines[-3].startswith("ends      at latest ")
    assert lines[-2] == "  would rest on: times of Prep, Upgrade, measured too rarely here"
    as_json = json.loads((await ibgu("preview", "-f", file, "-o", "json", user="olga")).stdout)
    assert [each["step"] for each in as_json["steps"]] == [1, 2]


@pytest.mark.usefixtures("clusters")
async def test_preview_of_a_rate_limited_manifest(ibgu: Ibgu, tmp_path: Path) -> None:
    body = manifest("Prep")
    names = {"key": "name", "operator": "In", "values": ["x1-a", "x1-b"]}
    body["spec"]["clusterLabelSelectors"] = [{"matchExpressions": [names]}]
    body["spec"]["plan"][0]["rolloutStrategy"] = {"maxConcurrency": 2, "timeout": 240}
    limits = {"starts-per-minute": "1", "ramp-up": "true", "start-jitter": "90"}
    body["metadata"]["annotations"] = {
        f"ibgu.dev/{key.replace('_', '-')}": value for key, value in limits.items()
    }
    found = await ibgu("preview", "-f", write(tmp_path / "plan.yaml", body), user="olga")
    assert found.stdout.splitlines()[1:3] == [
        "step 1 Prep  2 clusters in 2 waves of 1 to 2 · 120 min a site · not measured here yet",
        "       rate limits: at most 1 starts a minute, ramp-up 1, 2, 4, …, each put off by up to "
        "1 min 30 s",
    ]


async def test_preview_of_steps_to_append(ibgu: Ibgu, made: Made, journal: Journal) -> None:
    await seen(journal, known(await made("Prep"), generation=1))
    args = ("preview", "ran-x1", "--append", "Rollback", "--timeout", "30")
    found = await ibgu(*args, user="olga")
    assert found.exit_code == 1
    assert found.stdout.startswith("✗ spec.plan: invalid combinations of actions")
    as_yaml = yaml.safe_load((await ibgu(*args, "-o", "yaml", user="olga")).stdout)
    assert as_yaml["valid"] is False


async def test_a_plan_whose_steps_have_all_begun_has_nothing_to_preview(
    ibgu: Ibgu, made: Made, journal: Journal
) -> None:
    begun = known(await made("Prep"), generation=1)
    await seen(journal, begun)
    for index, action in enumerate((Action.PREP, Action.UPGRADE, Action.FINALIZE_UPGRADE)):
        await open_step(journal, step(begun, index, action))
    found = await ibgu("preview", "ran-x1", user="olga")
    assert found.exit_code == 0, found.output
    assert found.stdout.splitlines() == [
        "every step of the plan has begun; to preview a further one, use --append",
        "nothing was changed",
    ]


async def test_bounds_without_a_step_to_append_are_refused(ibgu: Ibgu, tmp_path: Path) -> None:
    file = write(tmp_path / "plan.yaml", manifest("Prep"))
    for asked in (("-f", file), ("ran-x1",)):
        found = await ibgu("preview", *asked, "--timeout", "300", user="olga")
        assert found.exit_code == 2, found.output
        assert "are of the steps of --append" in " ".join(found.stderr.split())


async def test_a_preview_that_selects_nobody_is_no_success(ibgu: Ibgu, tmp_path: Path) -> None:
    file = write(tmp_path / "plan.yaml", manifest("Prep"))
    found = await ibgu("preview", "-f", file, user="olga")
    assert found.exit_code == 5, found.output
    lines = found.stdout.splitlines()
    assert lines[0] == "⚠ selects no cluster: nothing to do"
    assert lines[-1] == "nothing was changed"
    as_json = await ibgu("preview", "-f", file, "-o", "json", user="olga")
    assert (as_json.exit_code, json.loads(as_json.stdout)["selected"]) == (5, 0)


async def test_previews_of_invalid_input_are_refused(ibgu: Ibgu, tmp_path: Path) -> None:
    for args in ((), ("x", "-f", "y"), ("-f", "y", "--append", "Upgrade")):
        assert (await ibgu("preview", *args)).exit_code == 2
    none = await ibgu("preview", "-f", write(tmp_path / "none.yaml", {"kind": "Other"}))
    assert "contains 0 objects of kind ImageBasedGroupUpgrade or FleetUpdate" in none.stderr
    body = manifest("Prep")
    body["spec"]["plan"][0]["rolloutStrategy"]["maxConcurrency"] = "two"
    typed = await ibgu("preview", "-f", write(tmp_path / "typed.yaml", body), user="olga")
    assert typed.exit_code == 2
    assert typed.stderr == (
        "ibgu: the manifest: spec.plan[0].rolloutStrategy.maxConcurrency must be a whole number, "
        "not a text\n"
    )
    unknown = await ibgu("preview", "ran-x1", "--append", "Prep,Upgrde")
    assert (unknown.exit_code, "do you mean Upgrade" in unknown.stderr) == (2, True)
    gone = await ibgu("preview", "-f", str(tmp_path / "gone.yaml"))
    assert gone.stderr.startswith("ibgu: can't read")
