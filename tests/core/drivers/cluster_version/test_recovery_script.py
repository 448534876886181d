"""The script that takes a node back to its backup, run on a node's files."""

import shutil
from pathlib import Path

import pytest

from ibgu.core.model.kinds import Backup
from tests.core.drivers.cluster_version.node_files import (
    CONTAINERS,
    NEW_SUM,
    OLD_SUM,
    Node,
    deployments,
)
from tests.core.drivers.cluster_version.version_samples import NEW

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("rsync", "jq", "flock"))),
    reason="needs rsync, jq and flock, as a node has them: apt-get install rsync jq",
)
CHANGED = (
    "etc/hostname",
    "usr/local/bin/site.sh",
    "var/lib/kubelet/config.json",
    "var/usr config/site",
    "etcd-content",
)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A node with a full backup, which a failed update has changed since."""
    node = Node(tmp_path)
    assert node.backup(Backup("Full", NEW))[0] == 0
    for name in CHANGED:
        node.write(name, "after, with another length\n")
    for folder in ("etc", "usr/local", "var/lib/kubelet"):
        node.write(f"{folder}/added", "after\n")
    node.write("etc/made-at-boot", "after\n")
    node.write("etc/kubernetes/manifests/etcd-pod.yaml", "revision 2\n")
    node.calls()
    return node


def reboot(node: Node) -> None:
    node.write("proc/sys/kernel/random/boot_id", "boot-2\n")
    (node.root / "stopped/crio.service").unlink(missing_ok=True)


def test_a_recovery_restores_the_node_in_two_phases(node: Node) -> None:
    code, last = node.recover()
    assert code == 0
    assert "Reboot the node (systemctl reboot), then run:" in last
    assert last.endswith("--resume")
    assert node.read("etc/hostname") == "edge-1\n"
    assert node.read("usr/local/bin/site.sh") == "before\n"
    assert node.read("var/usr config/site") == "before\n"
    assert not (node.root / "etc/added").exists()
    assert not (node.root / "usr/local/added").exists()
    assert node.read("etc/made-at-boot") == "after\n"
    assert node.read("etc/kubernetes/manifests/etcd-pod.yaml") == "revision 2\n"
    assert "after" in node.read("var/lib/kubelet/config.json")
    assert "after" in node.read("etcd-content")
    reboot(node)
    code, last = node.recover("--resume")
    assert (code, last[9:]) == (
        0,
        "the node is back. Check it: oc get clusterversion,nodes,clusteroperators",
    )
    assert node.read("var/lib/kubelet/config.json") == "before\n"
    assert not (node.root / "var/lib/kubelet/added").exists()
    assert node.read("etcd-content") == "before\n"
    assert not (node.root / "var/recovery/recovery").exists()


def test_the_services_stop_and_start_in_the_order_that_keeps_containers_out(node: Node) -> None:
    services = ("systemctl", "crictl rmp", "crio", "cluster-restore", "setenforce", "oc patch")
    node.recover()
    first = [call for call in node.calls() if call.startswith(services)]
    assert first == [
        "setenforce 0",
        "systemctl disable kubelet.service",
        "systemctl stop kubelet.service",
        "systemctl is-active --quiet crio.service",
        "crictl rmp --all --force",
        "systemctl stop crio.service",
        "crio wipe --force",
        "systemctl daemon-reload",
        "systemctl disable kubelet.service",
        "setenforce 1",
    ]
    reboot(node)
    node.recover("--resume")
    second = [call for call in node.calls() if call.startswith(services)]
    assert [call.split(" --type")[0] for call in second] == [
        "setenforce 0",
        "systemctl stop kubelet.service",
        "systemctl start crio.service",
        f"cluster-restore.sh {node.root}/var/recovery/current/cluster",
        "systemctl restart kubelet.service",
        "systemctl enable kubelet.service",
        "systemctl restart crio.service",
        "oc patch etcd cluster",
        "oc patch kubeapiserver cluster",
        "oc patch kubecontrollermanager cluster",
        "oc patch kubescheduler cluster",
        "setenforce 1",
    ]


@pytest.mark.parametrize("option", ["--resume", "--restart"])
def test_a_try_that_has_stopped_the_containers_is_no_hindrance(node: Node, option: str) -> None:
    assert node.recover(BREAK="crio wipe")[0] == 1
    assert (node.root / "stopped/crio.service").exists()
    assert node.recover(option)[0] == 0
    assert node.read("etc/hostname") == "edge-1\n"


def test_kubelet_is_stopped_and_disabled_whenever_files_are_restored(node: Node) -> None:
    stop, disable = (f"systemctl {each} kubelet.service" for each in ("stop", "disable"))
    node.recover()
    first = node.calls()
    restored = [at for at, call in enumerate(first) if call.startswith("rsync ")]
    assert max(first.index(stop), first.index(disable)) < restored[0]
    assert disable in first[restored[-1] :]
    reboot(node)
    node.recover("--resume")
    second = node.calls()
    (kubelet,) = [at for at, call in enumerate(second) if call.startswith("rsync ")]
    assert second.index(stop) < kubelet < second.index("systemctl restart kubelet.service")


def test_the_second_phase_waits_for_the_reboot(node: Node) -> None:
    node.recover()
    code, last = node.recover("--resume")
    assert code == 1
    assert "reboot the node first (systemctl reboot)" in last
    assert "after" in node.read("etcd-content")


THIRD_SUM = "c3" * 32
BEHIND = f"  rhcos {OLD_SUM}.0\n    Version: 49.84.1-0\n    Pinned: yes\n"
"""The deployment of the backup, behind those before it in the list."""


def order(node: Node) -> list[str]:
    """Returns the node's deployments, in the order in which they boot."""
    lines = node.read("deployments").splitlines()
    return [line[2:].split()[1].partition(".")[0] for line in lines if ".0" in line[:80]]


@pytest.mark.parametrize("broken", ["", "ostree admin set-default"])
def test_a_node_with_another_deployment_boots_that_of_the_backup_first(
    node: Node, broken: str
) -> None:
    node.write("deployments", deployments(NEW_SUM) + BEHIND)
    for _ in range(3):
        code, last = node.recover(BREAK=broken)
        assert (code, last[9:].partition(" Reboot")[0]) == (
            0,
            "the next boot takes the deployment of the backup.",
        )
        assert last.endswith("upgrade-recovery.sh")
        assert order(node) == [OLD_SUM, NEW_SUM]
    assert "after" in node.read("etc/hostname")
    assert not (node.root / "var/recovery/recovery").exists()
    changes = [call for call in node.calls() if "rollback" in call or "set-default" in call]
    assert len(changes) == (2 if broken else 1), "what was done is not done again"
    node.write("deployments", deployments(OLD_SUM))
    assert node.recover()[0] == 0
    assert node.read("etc/hostname") == "edge-1\n"


def test_the_deployment_of_the_backup_is_found_wherever_it_stands(node: Node) -> None:
    third = deployments(OLD_SUM, THIRD_SUM).replace("*", " ")
    node.write("deployments", deployments(NEW_SUM).replace("    Pinned: yes\n", "") + third)
    assert node.recover()[0] == 0
    assert order(node) == [OLD_SUM, NEW_SUM, THIRD_SUM]


def test_an_older_ostree_is_not_led_to_another_deployment(node: Node) -> None:
    """A rollback would take the second one, which is of neither release."""
    third = deployments(OLD_SUM, THIRD_SUM).replace("*", " ")
    node.write("deployments", deployments(NEW_SUM) + third)
    code, last = node.recover(BREAK="ostree admin set-default")
    assert code == 1
    assert last.endswith(f"that of the backup, {OLD_SUM}.0, can't be made the default")
    assert order(node) == [NEW_SUM, THIRD_SUM, OLD_SUM]
    assert not any("rollback" in call for call in node.calls())


def test_a_node_without_the_deployment_of_the_backup_is_left_alone(node: Node) -> None:
    node.write("deployments", deployments(NEW_SUM))
    code, last = node.recover()
    assert code == 1
    assert last[9:] == (
        f"the node runs deployment {NEW_SUM}.0, and that of the backup, {OLD_SUM}.0, is gone"
    )
    assert "after" in node.read("etc/hostname")
    assert set(node.calls()) == {"ostree admin status"}
    assert node.recover("--force")[0] == 0


def test_a_recovery_that_has_begun_does_not_begin_again_by_itself(node: Node) -> None:
    assert node.recover("--resume")[1][9:].startswith("no recovery has begun: run ")
    node.recover()
    code, last = node.recover()
    assert code == 1
    assert last.endswith("with --resume or --restart")
    assert node.recover("--restart")[0] == 0


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("setenforce 0", "SELinux can't be set to permissive"),
        ("stop kubelet", "kubelet can't be stopped"),
        ("crictl rmp", "pods can't be removed"),
        ("stop crio", "CRI-O can't be stopped"),
        ("crio wipe", "CRI-O's storage can't be wiped"),
        ("rsync.*/usr/local/", "/usr/local can't be restored"),
        ("rsync.*/etc/", "/etc can't be restored"),
        ("rsync.*files-from", "files of the MachineConfig can't be restored"),
        ("daemon-reload", "systemd can't read its units again"),
        ("disable kubelet", "kubelet can't be disabled"),
    ],
)
def test_the_first_phase_goes_on_after_an_error(node: Node, broken: str, words: str) -> None:
    code, last = node.recover(BREAK=broken)
    assert (code, last[9:]) == (1, words)
    assert node.recover("--resume")[0] == 0
    assert node.read("etc/hostname") == "edge-1\n"
    assert "setenforce 1" in node.calls()


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("stop kubelet", "kubelet can't be stopped"),
        ("rsync.*/var/lib/kubelet/", "/var/lib/kubelet can't be restored"),
        ("start crio.service", "CRI-O can't be started"),
        ("cluster-restore.sh", "cluster-restore.sh failed"),
        ("enable kubelet", "kubelet can't be started"),
        ("restart crio", "CRI-O can't be restarted"),
        ("oc patch kubescheduler", "kubescheduler can't be redeployed"),
        ("crictl ps", "gave up waiting for the container etcd"),
        ("oc get etcd", "gave up waiting for the API server"),
        ("oc get kubeapiserver.*current", "gave up waiting for a new revision of kubeapiserver"),
    ],
)
def test_the_second_phase_goes_on_after_an_error(node: Node, broken: str, words: str) -> None:
    node.recover()
    reboot(node)
    code, last = node.recover("--resume", BREAK=broken)
    assert code == 1
    assert last[9:].startswith(words)
    for name in CONTAINERS:
        node.write(f"containers/{name}", f"old-{name}\n")
    assert node.recover("--resume")[0] == 0
    assert node.read("etcd-content") == "before\n"


def test_a_redeployed_operator_is_not_redeployed_again(node: Node) -> None:
    node.recover()
    reboot(node)
    node.recover("--resume", BREAK="oc patch kubecontrollermanager")
    node.calls()
    node.recover("--resume")
    patched = [call.split()[2] for call in node.calls() if call.startswith("oc patch")]
    assert patched == ["kubecontrollermanager", "kubescheduler"]


def test_a_folder_without_a_whole_backup_is_refused(node: Node) -> None:
    shutil.rmtree(node.root / "var/recovery/current/files/etc")
    code, last = node.recover()
    assert (code, last[9:]) == (
        1,
        f"{node.root}/var/recovery has no whole backup: files/etc is missing",
    )


def test_the_script_finds_its_backup_from_wherever_it_is_called(node: Node) -> None:
    assert node.recover(home="var/recovery/current")[0] == 0
    assert (node.root / "var/recovery/recovery").exists()


def test_an_option_that_there_is_not_shows_those_that_there_are(node: Node) -> None:
    assert node.recover("--now")[0] == 2
    code, last = node.recover("--help")
    assert (code, last) == (
        0,
        "  --force    even if the node runs another deployment than at the backup",
    )
