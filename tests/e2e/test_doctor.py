"""The doctor on a hub where ibgu has worked already."""

import pytest

from ibgu.cli.doctor import judge_journal
from ibgu.cli.doctor.examine import examine
from ibgu.cli.doctor.findings import Finding
from ibgu.cli.doctor.probe_hub import AccessQuestion
from tests.e2e.clock import ScaledTime
from tests.e2e.harness import Scene
from tests.e2e.manifests import config_map, ibgu, pull_secret, step


@pytest.fixture(autouse=True)
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that answers late on a busy machine is no finding here."""
    monkeypatch.setattr(judge_journal, "SLOW", 10_000.0)


async def test_doctor_reports_the_answers_of_the_clusters(scene: Scene) -> None:
    await scene.apply(pull_secret("default", "pull"))
    await scene.apply(config_map("openshift-adp", "oadp-cm", backup="kind: Backup"))
    await scene.fleet(count=2)
    await scene.start()
    seed = {"image": "quay.io/x:4.17", "version": "4.17.0", "pullSecretRef": {"name": "pull"}}
    oadp = [{"name": "oadp-cm", "namespace": "openshift-adp"}]
    plan = step("Prep")
    await scene.apply(ibgu("asked", plan, fleet=scene.label, seedImageRef=seed, oadpContent=oadp))
    await scene.completed("asked")
    findings = {each.check: each for each in await examine(scene.settings(), AccessQuestion())}
    assert set(_told(findings)) == {"references"}  # the chart is not installed here
    assert findings["clusters"].found == "2 ManagedClusters, 2 accepted, 2 available"
    assert findings["agents"].found == "2 of 2 clusters with a ManifestWork of ibgu have answered"
    assert findings["ConfigMaps and secrets"].found.startswith("all 2 that IBGUs refer to")
    assert findings["schema"].level == "ok"


async def test_doctor_names_clusters_without_a_lifecycle_agent(scene: Scene) -> None:
    first, second = f"{scene.label}-1", f"{scene.label}-2"
    await scene.fleet(count=3, faults=[f"crd-missing@{first}", f"ibu-missing@{second}"])
    await scene.start(clock=ScaledTime(40))
    await scene.apply(ibgu("asked", step("Prep"), fleet=scene.label))
    await scene.completed("asked")
    found = _told({each.check: each for each in await examine(scene.settings(), AccessQuestion())})
    assert set(found) == {"Lifecycle Agent", "ConfigMaps and secrets", "references"}
    assert f"2 clusters ({first}, {second})" in found["Lifecycle Agent"]


def _told(findings: dict[str, Finding]) -> dict[str, str]:
    return {check: each.found for check, each in findings.items() if each.level != "ok"}
