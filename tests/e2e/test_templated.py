"""One ConfigMap with hub templates serves clusters with different values."""

import asyncio

from tests.e2e.clock import ScaledTime
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, config_map, ibgu, step
from tests.e2e.test_content import config_map as carried

ADP = "openshift-adp"
BACKUP = """kind: Backup
metadata:
  labels:
    region: {{hub .ManagedClusterLabels.region hub}}
  annotations:
    address: '{{hub fromConfigMap "" "DATA" (printf "%s-ip" .ManagedClusterName) hub}}'
    note: {{hub fromConfigMap "default" "DATA" "note" | quote hub}}
"""
NOTE = 'a: "b"\n---\nkind: Secret'


def templated(scene: Scene, reads: str, *, most: int = 3) -> Object:
    made = ibgu(
        "templated",
        step("Prep", most=most),
        fleet=scene.label,
        oadpContent=[{"name": scene.label, "namespace": ADP}],
    )
    made["metadata"]["annotations"] = {"ibgu.dev/template-config-maps": reads}
    return made


async def prepared(scene: Scene) -> str:
    """Brings templates and values to the hub; returns the name of the ConfigMap of values."""
    data = f"{scene.label}-data"
    addresses = {f"{cluster}-ip": f"10.0.0.{n}" for n, cluster in enumerate(scene.others())}
    await scene.apply(config_map(ADP, scene.label, backup=BACKUP.replace("DATA", data), plain="x"))
    await scene.apply(config_map("default", data, note=NOTE, **addresses))
    return data


def rendered(region: str, address: str) -> str:
    return f"""kind: Backup
metadata:
  labels:
    region: {region}
  annotations:
    address: '{address}'
    note: "a\\u003a \\u0022b\\u0022\\u000a---\\u000akind\\u003a Secret"
"""


async def labelled(scene: Scene, cluster: str, region: str) -> None:
    await scene.kubectl("label", "managedcluster", cluster, f"region={region}")


async def test_each_cluster_gets_its_values_and_one_without_a_label_is_named(scene: Scene) -> None:
    await scene.fleet(count=3, scale=0.03, durations="20s")
    data = await prepared(scene)
    first, second, bare = scene.others()
    await labelled(scene, first, "eu")
    await labelled(scene, second, "us")
    await scene.start(clock=ScaledTime(20))
    await scene.apply(templated(scene, data))
    await scene.seen_in_journal("MemberFinished", bare)
    await scene.completed("templated")
    for n, (cluster, region) in enumerate([(first, "eu"), (second, "us")]):
        found = carried(scene, cluster, scene.label)["data"]
        assert found == {"backup": rendered(region, f"10.0.0.{n}"), "plain": "x"}
        assert scene.stages(cluster) == ["Prep"]
    assert scene.stages(bare) == []
    assert [w["metadata"]["name"][-5:] for w in await scene.works(bare)] == ["stage"]
    status = str(await scene.status("templated"))
    assert f"ConfigMap {ADP}/{scene.label} backup, line 4, column 13: the cluster has no" in status
    assert "10.0.0" not in status


async def test_a_changed_value_holds_new_starts_until_a_person_resumes(scene: Scene) -> None:
    await scene.fleet(count=2, faults=["blocked:1000s"])
    data = await prepared(scene)
    for cluster in scene.others():
        await labelled(scene, cluster, "eu")
    await scene.start()
    await scene.apply(templated(scene, data, most=1))
    first = await scene.accepted()
    scene.freeze(first)
    (second,) = scene.others(first)
    changed = {"note": NOTE, f"{first}-ip": "10.0.9.1", f"{second}-ip": "10.0.9.2"}
    await scene.apply(config_map("default", data, **changed))
    await asyncio.sleep(6)  # ibgu looks every second
    scene.freeze(first, False)
    await scene.phase("templated", "Held")
    assert "has changed" in (await scene.condition("templated", "Held"))["message"]
    assert scene.stages(second) == []
    await scene.annotate("templated", "ibgu.dev/resume=1")
    await scene.completed("templated")
    assert carried(scene, second, scene.label)["data"]["backup"] == rendered("eu", "10.0.9.2")
    assert "10.0.9" not in carried(scene, first, scene.label)["data"]["backup"]


async def test_templates_read_nothing_that_the_ibgu_does_not_name(scene: Scene) -> None:
    """A person who writes the ConfigMap with templates must not read others by ibgu's rights."""
    await scene.fleet(count=1)
    data = await prepared(scene)
    (cluster,) = scene.others()
    await labelled(scene, cluster, "eu")
    await scene.start()
    await scene.apply(templated(scene, "other"))
    await scene.phase("templated", "Held")
    held = (await scene.condition("templated", "Held"))["message"]
    assert "ibgu.dev/template-config-maps names ConfigMap default/other, which is not" in held
    await scene.kubectl("annotate", "ibgu", "templated", "ibgu.dev/template-config-maps-")
    await _held_with(scene, f"does not name ConfigMap '{data}'")
    assert await scene.works(cluster) == []
    await scene.annotate("templated", f"ibgu.dev/template-config-maps={data}")
    await scene.completed("templated")


async def _held_with(scene: Scene, words: str) -> None:
    async def held() -> bool:
        return words in (await scene.condition("templated", "Held"))["message"]

    await scene.until(held, words)
