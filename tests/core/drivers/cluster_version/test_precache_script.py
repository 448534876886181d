"""The script of a pre-cache's Job, run on a node's files."""

import json
import shutil
from pathlib import Path

import pytest

from ibgu.core.drivers.cluster_version.precache.manifests import precache_job
from ibgu.core.drivers.node_jobs.jobs import environment
from ibgu.core.model.kinds import PreCache
from tests.core.drivers.cluster_version.node_files import Node
from tests.core.drivers.cluster_version.test_backup_script import complaints
from tests.core.drivers.cluster_version.version_samples import NEW

pytestmark = pytest.mark.skipif(
    not shutil.which("jq"), reason="needs jq, as a node has it: apt-get install jq"
)
PLAIN = PreCache(NEW)
GIB = 1024 * 1024
SIZE = str(200 * GIB)
NAMES = ("etcd", "azure-disk-csi-driver", "azure-cloud-controller", "console", "cli")
_ETCD_ENV = "etc/kubernetes/static-pod-resources/etcd-certs/configmaps/etcd-scripts/etcd.env"


def image(name: str) -> str:
    return f"quay.example/art@sha256:{name}"


@pytest.fixture
def node(tmp_path: Path) -> Node:
    node = Node(tmp_path)
    tags = [{"name": name, "from": {"name": image(name)}} for name in NAMES]
    # Two names of a release often stand for one image.
    tags.append({"name": "cli-artifacts", "from": {"name": image("cli")}})
    node.write("mounted/release-manifests/image-references", json.dumps({"spec": {"tags": tags}}))
    node.write("etc/kubernetes/kubelet.conf", "kind: KubeletConfiguration\n")
    return node


def pulled(node: Node) -> set[str]:
    found = {each.name.replace("_", "/") for each in (node.root / "images").iterdir()}
    assert NEW in found
    return found - {NEW}


def unreachable(node: Node, *images: str) -> None:
    for each in images:
        node.write(f"unreachable/{each.replace('/', '_')}", "")


def test_every_image_of_the_release_is_pulled_once(node: Node) -> None:
    code, lines = node.precache(PLAIN, NEW, SIZE_KIB=SIZE)
    assert (code, lines[-1]) == (0, "pulled 5 of 5 images, 174079 MiB left")
    assert pulled(node) == set(map(image, NAMES))
    calls = [call for call in node.calls() if call.startswith("podman pull")]
    assert len(calls) == 6
    assert all(f"--authfile {node.root}/var/lib/kubelet/config.json" in call for call in calls)


def test_progress_is_reported(node: Node) -> None:
    lines = node.precache(PLAIN, NEW, SIZE_KIB=SIZE)[1]
    assert lines[0] == "pulls the release image"
    assert any(line.startswith("pulled ") and line.endswith(" of 5 images") for line in lines)


def test_patterns_leave_out_names_of_the_release(node: Node) -> None:
    precache = PreCache(NEW, exclude_patterns=["^azure-", "console$"])
    assert node.precache(precache, NEW, SIZE_KIB=SIZE)[0] == 0
    assert pulled(node) == {image("etcd"), image("cli")}


def test_a_pattern_that_is_none_is_refused_before_anything_is_pulled(node: Node) -> None:
    patterns = PreCache(NEW, exclude_patterns=["azure", "[console"])
    code, lines = node.precache(patterns, NEW, SIZE_KIB=SIZE)
    assert code == 9
    assert lines[-1].startswith("excludePatterns: grep: ")
    assert not [call for call in node.calls() if call.startswith("podman pull")]


def test_patterns_that_leave_nothing_are_refused(node: Node) -> None:
    code, lines = node.precache(PreCache(NEW, exclude_patterns=["."]), NEW, SIZE_KIB=SIZE)
    assert (code, lines[-1]) == (5, "the patterns leave no image of the release")


def test_an_image_that_is_there_is_not_pulled_again(node: Node) -> None:
    node.precache(PLAIN, NEW, SIZE_KIB=SIZE)
    node.calls()
    assert node.precache(PLAIN, NEW, SIZE_KIB=SIZE)[0] == 0
    pulls = [call for call in node.calls() if call.startswith("podman pull")]
    assert [call.split()[-1] for call in pulls] == [NEW]


@pytest.mark.parametrize(
    ("kubelet", "most"),
    [
        ("kind: KubeletConfiguration\n", 85),
        ("imageGCHighThresholdPercent: 60\n", 60),
        ('{\n  "imageGCHighThresholdPercent": 60,\n  "kind": "x"\n}\n', 60),
        ('{"kind":"x","imageGCHighThresholdPercent":60}', 60),
    ],
)
def test_the_disk_needs_space_below_the_threshold_of_kubelet(
    node: Node, kubelet: str, most: int
) -> None:
    node.write("etc/kubernetes/kubelet.conf", kubelet)
    enough = str((2 * most - 35) * GIB)
    assert node.precache(PLAIN, NEW, SIZE_KIB=SIZE, USED_KIB=enough)[0] == 0
    shutil.rmtree(node.root / "images")
    full = str((2 * most - 35) * GIB + 1024)
    code, lines = node.precache(PLAIN, NEW, SIZE_KIB=SIZE, USED_KIB=full)
    assert (code, lines[-1]) == (
        3,
        f"the disk of images has 35839 MiB left below the {most}% from which kubelet removes "
        "images, and 35840 MiB are needed",
    )


def test_a_pre_cache_that_is_repeated_needs_space_for_what_is_missing_alone(node: Node) -> None:
    unreachable(node, image("etcd"))
    assert node.precache(PLAIN, NEW, SIZE_KIB=SIZE)[0] == 7
    (node.root / "unreachable" / image("etcd").replace("/", "_")).unlink()
    code, lines = node.precache(PLAIN, NEW, SIZE_KIB=SIZE, USED_KIB=str(163 * GIB + 1024))
    assert code == 3
    assert lines[-1].endswith("and 7168 MiB are needed")
    assert node.precache(PLAIN, NEW, SIZE_KIB=SIZE, USED_KIB=str(163 * GIB))[0] == 0
    assert pulled(node) == set(map(image, NAMES))


def test_the_needed_space_is_a_setting(node: Node) -> None:
    used = str(165 * GIB)
    assert node.precache(PLAIN, NEW, SIZE_KIB=SIZE, USED_KIB=used)[0] == 3
    precache = PreCache(NEW, space_required_gib=5)
    assert node.precache(precache, NEW, SIZE_KIB=SIZE, USED_KIB=used)[0] == 0


def test_a_disk_that_is_full_after_the_pull_fails(node: Node) -> None:
    node.write("fills", str(171 * GIB))
    code, lines = node.precache(PLAIN, NEW, SIZE_KIB=SIZE)
    assert (code, lines[-1]) == (
        3,
        "with all images the disk is above the 85% from which kubelet removes images",
    )


def test_an_image_that_can_not_be_pulled_is_named_and_the_others_are_pulled(node: Node) -> None:
    unreachable(node, image("etcd"))
    code, lines = node.precache(PLAIN, NEW, SIZE_KIB=SIZE)
    assert (code, lines[-1]) == (
        7,
        f"can't pull 1 of 5 images: {image('etcd')}: manifest unknown",
    )
    assert pulled(node) == {image(name) for name in NAMES} - {image("etcd")}
    tries = [call for call in node.calls() if call.endswith(image("etcd")) and " pull " in call]
    assert len(tries) == 10


def test_a_release_image_that_can_not_be_pulled_or_read_fails(node: Node) -> None:
    node.write("mounted/release-manifests/image-references", "no JSON")
    code, lines = node.precache(PLAIN, NEW, SIZE_KIB=SIZE)
    assert (code, lines[-1]) == (5, "can't read the images of the release")
    code, lines = node.precache(PLAIN, NEW, SIZE_KIB=SIZE, BREAK="podman image mount")
    assert (code, lines[-1]) == (5, "can't read the images of the release")
    unreachable(node, NEW)
    code, lines = node.precache(PLAIN, NEW, SIZE_KIB=SIZE)
    assert (code, lines[-1]) == (5, "can't pull the release image: manifest unknown")


def test_a_cluster_of_several_nodes_is_refused(node: Node) -> None:
    node.write(_ETCD_ENV, 'export ALL_ETCD_ENDPOINTS="https://a:2379,https://b:2379"\n')
    code, lines = node.precache(PLAIN, NEW, SIZE_KIB=SIZE)
    assert (code, lines[-1]) == (8, "images are pulled ahead on clusters of one node alone")


def test_nothing_is_left_in_the_temporary_folder(node: Node) -> None:
    node.precache(PLAIN, NEW, SIZE_KIB=SIZE)
    unreachable(node, image("new"))
    node.precache(PreCache(NEW, exclude_patterns=["."]), NEW, SIZE_KIB=SIZE)
    assert list((node.root / "var/tmp").iterdir()) == []


def test_kubernetes_replaces_nothing_in_the_script() -> None:
    job = precache_job(PLAIN, NEW, "r1")
    text = environment(job)["SCRIPT"]
    assert "$$" not in text
    assert not any(f"$({each})" in text for each in environment(job))


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="needs shellcheck")
def test_shellcheck_has_no_complaint_about_it() -> None:
    assert complaints(environment(precache_job(PLAIN, NEW, "r1"))["SCRIPT"]) == ""
