"""Content of an upgrade from a person's files to the clusters, unchanged on the way."""

import asyncio
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from ibgu.cli.app import app
from ibgu.sim.spoke.objects import Key
from tests.core.drivers.ibu.preflight.content import EXTRA, LSO, LVMS, SAMPLES
from tests.e2e.harness import Scene
from tests.e2e.manifests import ibgu, step

LCA = "openshift-lifecycle-agent"


async def run(*words: str | Path) -> str:
    done = await asyncio.to_thread(CliRunner().invoke, app, list(map(str, words)))
    assert done.exit_code == 0, done.output
    return str(done.stdout)


def copied(folder: Path, files: tuple[str, ...]) -> Path:
    folder.mkdir()
    for each in files:
        (folder / each).write_bytes((SAMPLES / each).read_bytes())
    return folder


async def packed(folder: Path, name: str, storage: str) -> Path:
    await run("oadp", "lint", folder, "--storage", storage, "--pull-secret")
    file = folder.with_suffix(".yaml")
    await run("oadp", "pack", folder, "--name", name, "--storage", storage, "-o", file)
    return file


async def test_packed_files_are_byte_equal_on_the_clusters(scene: Scene, tmp_path: Path) -> None:
    content = {"lvms": LVMS, "lso": LSO}
    names = {storage: f"{scene.label}-{storage}" for storage in content}
    await scene.fleet(count=2)
    await scene.start()
    for storage, files in content.items():
        file = await packed(copied(tmp_path / storage, files), names[storage], storage)
        await scene.kubectl("apply", "-f", str(file))
    # What the hub has is as right as the files were.
    for storage, files in content.items():
        found = await scene.kubectl(
            "get", "cm", names[storage], "-n", "openshift-adp", "-o", "yaml"
        )
        on_hub = tmp_path / f"{storage}-on-hub.yaml"
        on_hub.write_text(str(found))
        told = await run("oadp", "lint", on_hub, "--storage", storage)
        assert told == f"no findings in {2 * len(files)} documents\n"
    await scene.kubectl("apply", "-f", str(await packed_extra(tmp_path / "extra", scene.label)))
    refs = [{"name": names["lvms"], "namespace": "openshift-adp"}]
    extra = [{"name": scene.label, "namespace": LCA}]
    await scene.apply(
        ibgu("content", step("Prep"), fleet=scene.label, oadpContent=refs, extraManifests=extra)
    )
    await scene.completed("content")
    expected = {name: (SAMPLES / name).read_bytes() for name in LVMS}
    for cluster in scene.others():
        data = config_map(scene, cluster, names["lvms"])["data"]
        assert {key: text.encode() for key, text in data.items()} == expected
        # The cluster's ConfigMap is what lint has read: nothing is lost on the way.
        on_cluster = tmp_path / f"{cluster}.yaml"
        on_cluster.write_text(yaml.safe_dump(config_map(scene, cluster, names["lvms"])))
        assert await run("oadp", "lint", on_cluster) == "no findings in 8 documents\n"
        extra_there = config_map(scene, cluster, scene.label, LCA)["data"]
        assert {key: text.encode() for key, text in extra_there.items()} == {
            EXTRA: (SAMPLES / EXTRA).read_bytes()
        }


async def packed_extra(folder: Path, name: str) -> Path:
    folder, file = copied(folder, (EXTRA,)), folder.with_suffix(".yaml")
    await run("manifests", "lint", folder, "--target", "4.17.2")
    await run("manifests", "pack", folder, "--name", name, "--target", "4.17.2", "-o", file)
    return file


def config_map(
    scene: Scene, cluster: str, name: str, namespace: str = "openshift-adp"
) -> dict[str, Any]:
    key = Key("", "ConfigMap", namespace, name)
    body = dict(scene.cluster(cluster).spoke.objects[key])
    return {"apiVersion": "v1", "kind": "ConfigMap", **body}
