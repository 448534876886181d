"""Every failure that a cluster can report is seen at once, with its own words and its cause."""

from structlog.testing import capture_logs

from ibgu.core.drivers import KIND_TEXTS
from ibgu.core.text.cut import MARK, MAX_BYTES
from ibgu.hub import paths
from ibgu.sim.faults import CATALOGUE
from tests.e2e.clock import ScaledTime
from tests.e2e.harness import Scene, actions
from tests.e2e.manifests import Object, ibgu, step

CIRCUIT_BREAKER_OFF = {"ibgu.dev/circuit-breaker": "off"}
MONITOR: Object = {"autoRollbackOnFailure": {"initMonitorTimeoutSeconds": 60}}


def named(scene: Scene, prefix: str) -> dict[str, str]:
    """Cluster -> fault, for the catalogue's faults of that stage, and one healthy cluster."""
    faults = [name for name in CATALOGUE if name.startswith(prefix)]
    return {f"{scene.label}-{number}": name for number, name in enumerate(["", *faults], start=1)}


async def failing(scene: Scene, faults: dict[str, str]) -> None:
    rules = [f"{fault}@{cluster}" for cluster, fault in faults.items() if fault]
    await scene.fleet(names=tuple(faults), faults=rules)
    await scene.start()


async def expect(scene: Scene, name: str, faults: dict[str, str], action: str, cause: str) -> None:
    """Every faulty cluster failed `action` for `cause` with the words that it said itself."""
    for cluster, fault in faults.items():
        entry = await scene.entry(name, cluster)
        if not fault:
            assert not actions(entry, "failed"), cluster
            continue
        (failed,) = entry["failedActions"]
        words = scene.cluster(cluster).timeline.runs[-1].message
        known = KIND_TEXTS.failure(action, words)
        why = f"{cause} ({known.name})" if known else cause
        assert (failed["action"], failed["message"]) == (action, f"{why}: {words}"), fault


async def test_every_failure_of_prep(scene: Scene) -> None:
    faults = named(scene, "prep.")
    await failing(scene, faults)
    await scene.apply(ibgu("failing", step("Prep", most=20), fleet=scene.label))
    await scene.completed("failing")
    await expect(scene, "failing", faults, "Prep", "PrepFailed")
    for cluster, fault in faults.items():
        wanted = "prep-failed" if fault else "prep-completed"
        assert await scene.labels(cluster) == {wanted: ""}
    told = [note for note in await scene.warnings("failing") if ": Prep" in note]
    assert len(told) == 5  # sparse: the status has the rest


async def test_every_failure_of_upgrade(scene: Scene) -> None:
    faults = named(scene, "upgrade.")
    await failing(scene, faults)
    plan = [step("Prep", "Upgrade", most=20), step("AbortOnFailure", most=20)]
    await scene.apply(
        ibgu("failing", plan[0], fleet=scene.label, annotations=CIRCUIT_BREAKER_OFF, **MONITOR)
    )
    await scene.completed("failing")
    await expect(scene, "failing", faults, "Upgrade", "UpgradeFailed")
    for cluster, fault in faults.items():
        outcome = "upgrade-failed" if fault else "upgrade-completed"
        assert await scene.labels(cluster) == {"prep-completed": "", outcome: ""}
        assert actions(await scene.entry("failing", cluster), "completed")[0] == "Prep"
        # They are back in their former release, so automatic import may go on.
        assert not any("auto-import" in key for key in await scene.annotations(cluster))


async def test_every_failure_of_rollback(scene: Scene) -> None:
    faults = named(scene, "rollback.")
    await failing(scene, faults)
    await scene.apply(ibgu("up", step("Prep", "Upgrade"), fleet=scene.label))
    await scene.completed("up")
    await scene.apply(ibgu("back", step("Rollback"), fleet=scene.label))
    await scene.completed("back")
    await expect(scene, "back", faults, "Rollback", "RollbackFailed")
    healthy, *failed = faults
    assert "rollback-completed" in await scene.labels(healthy)
    for cluster in failed:
        assert "rollback-failed" in await scene.labels(cluster)


async def test_a_clean_up_that_fails_while_aborting(scene: Scene) -> None:
    faults = named(scene, "idle.")
    await failing(scene, faults)
    await scene.apply(ibgu("abort", step("Prep"), step("Abort"), fleet=scene.label))
    await scene.completed("abort")
    await expect(scene, "abort", faults, "Abort", "AbortFailed")


async def test_a_clean_up_that_fails_while_finalizing(scene: Scene) -> None:
    faults = named(scene, "idle.")
    await failing(scene, faults)
    plan = step("Prep", "Upgrade", "FinalizeUpgrade")
    await scene.apply(ibgu("finalize", plan, fleet=scene.label))
    await scene.completed("finalize")
    await expect(scene, "finalize", faults, "FinalizeUpgrade", "FinalizeFailed")


async def test_a_refused_field_is_named(scene: Scene) -> None:
    await scene.fleet(count=1, delivered=["ConfigMap/openshift-adp/oadp-cm"])
    await scene.start(clock=ScaledTime(40))
    await scene.apply(ibgu("prepare", step("Prep"), fleet=scene.label))
    await scene.completed("prepare")
    oadp = [{"name": "oadp-cm", "namespace": "openshift-adp"}]
    await scene.apply(ibgu("other", step("Upgrade"), fleet=scene.label, oadpContent=oadp))
    status = await scene.completed("other")
    (failed,) = status["clusters"][0]["failedActions"]
    assert failed["action"] == "Upgrade"
    assert failed["message"].startswith("SpecRefused: the cluster refused spec.oadpContent")
    assert "upgrade-failed" in await scene.labels(f"{scene.label}-1")
    assert scene.stages(f"{scene.label}-1") == ["Prep"]


async def test_a_refused_transition(scene: Scene) -> None:
    """Somebody takes the cluster back to Idle behind ibgu's back, just before it is armed."""
    clock = ScaledTime(1)
    await scene.fleet(count=2, faults=["hangs/Upgrade"])
    await scene.start(clock=clock)
    plan = [step("Prep"), step("Upgrade", most=1)]
    await scene.apply(ibgu("refused", plan[0], fleet=scene.label))
    await scene.completed("refused")
    upgrade = plan[1] | {"rolloutStrategy": {"maxConcurrency": 1, "timeout": 16}}
    await scene.apply(ibgu("refused", plan[0], upgrade, fleet=scene.label))
    first = await scene.accepted(step=1)
    (second,) = scene.others(first)
    scene.freeze(second)
    scene.act(second, lambda cluster, now: cluster.set_stage("Idle", now))
    clock.speed = 40
    await scene.seen_in_journal("RunIntended", second, step=1)
    clock.speed = 1
    await scene.seen_in_journal("RunArmed", second, step=1)
    clock.speed = 15
    scene.freeze(second, False)
    await scene.completed("refused")
    (failed,) = (await scene.entry("refused", second))["failedActions"]
    assert failed["message"].startswith("TransitionRefused: ")
    assert "stage transition is not permitted" in failed["message"]


async def test_a_refused_payload_arms_nothing(scene: Scene) -> None:
    first, second = f"{scene.label}-1", f"{scene.label}-2"
    await scene.kubectl(
        *("create", "configmap", scene.label, "-n", "openshift-adp", "--from-literal=a=b")
    )
    await scene.fleet(count=2, faults=[f"namespace-missing@{first}"])
    await scene.start(clock=ScaledTime(40))
    oadp = [{"name": scene.label, "namespace": "openshift-adp"}]
    await scene.apply(ibgu("carry", step("Prep"), fleet=scene.label, oadpContent=oadp))
    await scene.completed("carry")
    (failed,) = (await scene.entry("carry", first))["failedActions"]
    assert failed["message"].startswith("PayloadRefused: payload refused: ")
    assert "openshift-adp" in failed["message"]
    assert scene.stages(first) == []
    assert await scene.labels(first) == {}
    assert scene.stages(second) == ["Prep"]


async def test_clusters_without_a_lifecycle_agent(scene: Scene) -> None:
    first, second = f"{scene.label}-1", f"{scene.label}-2"
    await scene.fleet(count=3, faults=[f"crd-missing@{first}", f"ibu-missing@{second}"])
    await scene.start(clock=ScaledTime(40))
    await scene.apply(ibgu("prep", step("Prep"), fleet=scene.label))
    await scene.completed("prep")
    for cluster in (first, second):
        (failed,) = (await scene.entry("prep", cluster))["failedActions"]
        words = "LifecycleAgentAbsent: Lifecycle Agent is not installed"
        assert failed["message"].startswith(words), cluster
        assert await scene.labels(cluster) == {}
    assert scene.stages(f"{scene.label}-3") == ["Prep"]


async def test_a_cluster_that_says_240_kb_is_quoted_in_4(scene: Scene) -> None:
    """The agent may write any status of its works; in journal, log, status and Events it is cut."""
    cluster = f"{scene.label}-1"
    with capture_logs() as lines:
        await failing(scene, {cluster: "hangs"})
        await scene.apply(ibgu("flooded", step("Prep"), fleet=scene.label))
        await scene.accepted()
        scene.freeze(cluster)
        await _flood(scene, cluster)
        await scene.completed("flooded")
    said = [line for line in map(str, lines) if "ééé" in line]
    assert said
    assert max(len(line.encode()) for line in said) < 2 * MAX_BYTES
    (failed,) = (await scene.entry("flooded", cluster))["failedActions"]
    assert failed["message"].startswith("PrepFailed: ééé")
    assert len(failed["message"].encode()) <= MAX_BYTES
    (row,) = await scene.journal("SELECT message FROM runs")
    assert row["message"].endswith(MARK)
    for table, words in (("members", "message"), ("runs", "message"), ("events", "why")):
        (row,) = await scene.journal(f"SELECT max(octet_length({words})) AS most FROM {table}")
        assert row["most"] <= MAX_BYTES, table
    (row,) = await scene.journal("SELECT max(octet_length(e::text)) AS most FROM events e")
    assert row["most"] < 4 * MAX_BYTES, "what the events have seen is cut too"
    assert max(len(str(event)) for event in await scene.events("flooded")) < 2 * MAX_BYTES


async def _flood(scene: Scene, cluster: str) -> None:
    """Prep has failed, says the cluster, and why in 240 KB."""
    (work,) = await scene.works(cluster)
    manifests = work["status"]["resourceStatus"]["manifests"]
    (values,) = [m["statusFeedback"]["values"] for m in manifests if m.get("statusFeedback")]
    told = {"prepCompletedStatus": "False", "prepInProgressStatus": "False"}
    told |= {"prepInProgressReason": "Failed", "prepInProgressMessage": "é" * 120_000}
    kept = [value for value in values if value["name"] not in told]
    values[:] = kept + [
        {"name": name, "fieldValue": {"type": "String", "string": text}}
        for name, text in told.items()
    ]
    path = paths.work(cluster, work["metadata"]["name"])
    body = {"status": {"resourceStatus": work["status"]["resourceStatus"]}}
    await scene.admin.request("PATCH", f"{path}/status", body=body, content_type=paths.MERGE_PATCH)
