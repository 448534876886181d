"""The script of a backup's Job, run on a node's files."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ibgu.core.drivers.node_jobs.backup.manifests import backup_job
from ibgu.core.drivers.node_jobs.jobs import environment
from ibgu.core.model.kinds import Backup
from tests.core.drivers.cluster_version.node_files import (
    NEW_SUM,
    OLD_SUM,
    Node,
    cluster_version,
    deployments,
)
from tests.core.drivers.cluster_version.version_samples import NEW

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("rsync", "jq", "flock"))),
    reason="needs rsync, jq and flock, as a node has them: apt-get install rsync jq",
)
ETCD = Backup("Etcd", NEW)
FULL = Backup("Full", NEW)
ETCD_HOME = "home/core/assets/backup"


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_a_backup_of_etcd_has_the_snapshot_and_the_static_pods(node: Node) -> None:
    code, last = node.backup(ETCD)
    assert code == 0
    assert last.startswith(f"node={os.uname().nodename} path=/{ETCD_HOME}/backup-r1 mib=")
    assert node.read(f"{ETCD_HOME}/current/cluster/snapshot_1.db") == "before\n"
    assert not any(call.startswith(("ostree", "rsync")) for call in node.calls())
    assert not (node.root / ETCD_HOME / "upgrade-recovery.sh").is_symlink()


def test_the_checks_of_cluster_backup_are_not_skipped(node: Node) -> None:
    node.backup(ETCD)
    assert not any("--force" in call for call in node.calls())


def test_a_full_backup_has_all_that_a_recovery_needs(node: Node) -> None:
    code, last = node.backup(FULL)
    assert (code, last.split(" mib=")[0].split()[1]) == (0, "path=/var/recovery/backup-r1")
    current = node.root / "var/recovery/current"
    for name in ("etc/hostname", "usr/local/bin/site.sh", "var/lib/kubelet/config.json"):
        assert (current / "files" / name).read_text() == node.read(name)
    assert (current / "files/var/usr config/site").read_text() == "before\n"
    assert (current / "managed").read_text() == "/var/usr config/site\n"
    assert (current / "etc.exclude").read_text().split() == [
        "/.updated",
        "/kubernetes/manifests",
        "/made-at-boot",
    ]
    facts = (current / "backup.env").read_text().splitlines()
    assert {"form=Full", "run=r1", f"deployment={OLD_SUM}.0"} < set(facts)
    assert "ostree admin pin 0" in node.calls()
    script = node.root / "var/recovery/upgrade-recovery.sh"
    assert script.read_text() == environment(backup_job(FULL, NEW, "r1"))["RECOVERY"]
    assert os.access(script, os.X_OK)


def test_nobody_but_root_may_read_a_backup(node: Node) -> None:
    node.backup(FULL)
    assert (node.root / "var/recovery/backup-r1").stat().st_mode & 0o77 == 0


def test_the_running_deployment_is_pinned_wherever_it_stands(node: Node) -> None:
    node.write("deployments", deployments(OLD_SUM, NEW_SUM))
    assert node.backup(FULL)[0] == 0
    assert "ostree admin pin 1" in node.calls()


UNPINNED, NEW_UNPINNED = (
    deployments(each).replace("    Pinned: yes\n", "") for each in (OLD_SUM, NEW_SUM)
)


def test_a_new_backup_takes_the_place_of_the_former_and_of_its_pin(node: Node) -> None:
    node.write("deployments", UNPINNED)
    assert node.backup(FULL)[0] == 0
    node.write("etcd-content", "after\n")
    node.write("deployments", deployments().replace("*", " ") + NEW_UNPINNED)
    node.calls()
    assert node.backup(FULL, "r2")[0] == 0
    assert pins(node) == ["ostree admin pin 1", "ostree admin pin --unpin 0"]
    assert node.folders() == ["backup-r2", "current"]
    assert node.read("var/recovery/current/cluster/snapshot_1.db") == "after\n"


def test_the_pin_stays_while_the_release_is_the_same(node: Node) -> None:
    node.write("deployments", UNPINNED)
    node.backup(FULL)
    node.write("deployments", deployments())
    node.calls()
    node.backup(FULL, "r2")
    assert not any("--unpin" in call for call in node.calls())
    node.write("deployments", deployments().replace("*", " ") + NEW_UNPINNED)
    node.backup(FULL, "r3")
    assert pins(node) == ["ostree admin pin 1", "ostree admin pin --unpin 0"]


def test_a_deployment_that_a_person_has_pinned_stays_pinned(node: Node) -> None:
    assert node.backup(FULL)[0] == 0
    node.write("deployments", deployments().replace("*", " ") + NEW_UNPINNED)
    node.calls()
    assert node.backup(FULL, "r2")[0] == 0
    assert pins(node) == ["ostree admin pin 1"]


def test_a_script_of_another_in_the_same_folder_is_kept(node: Node) -> None:
    node.write("var/recovery/upgrade-recovery.sh", "of TALM\n")
    for run in ("r1", "r2"):
        assert node.backup(FULL, run)[0] == 0
        assert (node.root / "var/recovery/upgrade-recovery.sh").is_symlink()
        assert node.read("var/recovery/upgrade-recovery.sh.former") == "of TALM\n"


def pins(node: Node) -> list[str]:
    return [call for call in node.calls() if call.startswith("ostree admin pin")]


@pytest.mark.parametrize("broken", ["cluster-backup.sh", "rsync.*files-from", "^sync", "mv -T"])
def test_a_backup_that_fails_unpins_what_it_has_pinned(node: Node, broken: str) -> None:
    node.write("deployments", UNPINNED)
    assert node.backup(FULL, BREAK=broken)[0] != 0
    assert pins(node) == ["ostree admin pin 0", "ostree admin pin --unpin 0"]


def test_a_backup_that_fails_leaves_pinned_what_was_pinned_before(node: Node) -> None:
    assert node.backup(FULL, BREAK="cluster-backup.sh")[0] == 5
    assert pins(node) == ["ostree admin pin 0"]


@pytest.mark.parametrize("tool", ["cluster-backup.sh", "^sync", "upgrade-recovery.sh"])
def test_a_backup_unpins_what_a_killed_one_has_pinned(node: Node, tool: str) -> None:
    """Killed before it has a snapshot, before it is the current one, and before it cleans up."""
    node.write("deployments", UNPINNED)
    with node.hanging(FULL, tool):
        pass
    node.write("deployments", deployments().replace("*", " ") + NEW_UNPINNED)
    node.calls()
    assert node.backup(FULL, "r2")[0] == 0
    assert sorted(pins(node)) == ["ostree admin pin --unpin 0", "ostree admin pin 1"]
    assert node.folders() == ["backup-r2", "current"]


def test_a_backup_unpins_for_the_one_before_that_was_killed_before_it_did(node: Node) -> None:
    node.write("deployments", UNPINNED)
    assert node.backup(FULL)[0] == 0
    node.write("deployments", deployments().replace("*", " ") + NEW_UNPINNED)
    with node.hanging(FULL, "upgrade-recovery.sh", "r2"):
        pass
    node.write("deployments", deployments().replace("*", " ") + deployments(NEW_SUM))
    node.calls()
    assert node.backup(FULL, "r3")[0] == 0
    assert pins(node) == ["ostree admin pin 1", "ostree admin pin --unpin 0"]
    assert node.folders() == ["backup-r3", "current"]


def test_a_run_that_begins_again_unpins_what_it_had_pinned(node: Node) -> None:
    """Killed once its backup has its name, and before it is the current one."""
    node.write("deployments", UNPINNED)
    assert node.backup(FULL)[0] == 0
    node.write("deployments", deployments().replace("*", " ") + NEW_UNPINNED)
    with node.hanging(FULL, "mv -T .*next", "r2"):
        pass
    assert "backup-r2" in node.folders()
    node.calls()
    assert node.backup(FULL, "r2")[0] == 0
    assert pins(node)[0] == "ostree admin pin --unpin 1"
    assert node.folders() == ["backup-r2", "current"]


def test_each_script_of_another_tool_is_kept(node: Node) -> None:
    for run in ("r1", "r2"):
        (node.root / "var/recovery/upgrade-recovery.sh").unlink(missing_ok=True)
        node.write("var/recovery/upgrade-recovery.sh", f"before {run}\n")
        assert node.backup(FULL, run)[0] == 0
    kept = sorted((node.root / "var/recovery").glob("upgrade-recovery.sh.former*"))
    assert [each.read_text() for each in kept] == ["before r2\n", "before r1\n"]


def test_a_node_without_a_running_deployment_has_no_full_backup(node: Node) -> None:
    node.write("deployments", "")
    assert node.backup(FULL) == (6, "can't find the running deployment")


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ("ostree admin pin", 6),
        ("cluster-backup.sh", 5),
        ("rsync.* /.*/etc/ ", 7),
        ("rsync.*/var/lib/kubelet/", 7),
        ("rsync.*files-from", 7),
        ("mkdir .*part$", 2),
        ("^sync", 2),
        ("mv .*part", 2),
        ("ln .*next", 2),
        ("mv -T .*next", 2),
    ],
)
def test_the_former_backup_stays_until_the_new_one_is_whole(
    node: Node, broken: str, code: int
) -> None:
    assert node.backup(FULL)[0] == 0
    node.write("etcd-content", "after\n")
    assert node.backup(FULL, "r2", BREAK=broken)[0] == code
    assert node.read("var/recovery/current/backup.env").splitlines()[1] == "run=r1"
    assert node.read("var/recovery/current/cluster/snapshot_1.db") == "before\n"
    assert not list((node.root / "var/recovery").glob("*.part"))
    assert node.backup(FULL, "r2")[0] == 0
    assert node.folders() == ["backup-r2", "current"]
    assert node.read("var/recovery/current/cluster/snapshot_1.db") == "after\n"


def test_a_backup_that_is_killed_leaves_nothing_that_lasts(node: Node) -> None:
    assert node.backup(FULL)[0] == 0
    with node.hanging(FULL, "cluster-backup.sh", "r2"):
        assert node.backup(FULL, "r3") == (
            4,
            "another backup or a recovery is at work in /var/recovery",
        )
    assert "run=r1" in node.read("var/recovery/current/backup.env")
    assert node.backup(FULL, "r3")[0] == 0
    assert node.folders() == ["backup-r3", "current"]


@pytest.mark.parametrize("mark", ["recovery", "progress"])
def test_no_backup_begins_while_a_recovery_is_under_way(node: Node, mark: str) -> None:
    node.backup(FULL)
    node.write(f"var/recovery/{mark}", "files\n")
    code, last = node.backup(FULL, "r2")
    assert (code, last) == (4, "a recovery with the backup in /var/recovery is under way")
    assert node.folders() == ["backup-r1", "current"]


def test_a_job_that_a_recovery_brings_back_does_nothing(node: Node) -> None:
    node.backup(FULL)
    node.write("etcd-content", "after\n")
    node.calls()
    assert node.backup(FULL) == (0, "the backup of this run is there")
    assert node.read("var/recovery/current/cluster/snapshot_1.db") == "before\n"
    assert not any(call.startswith(("ostree", "cluster-backup")) for call in node.calls())


@pytest.mark.parametrize("broken", ["ln -sfn current/upgrade-recovery.sh", "mv --backup=numbered"])
def test_the_next_try_links_and_removes_as_the_last_one_could_not(node: Node, broken: str) -> None:
    node.backup(FULL)
    script = node.root / "var/recovery/upgrade-recovery.sh"
    script.unlink()
    script.write_text("of another\n")
    if broken.startswith("ln"):
        script.unlink()
    assert node.backup(FULL, "r2", BREAK=broken) == (2, "can't write to /var/recovery")
    assert "backup-r1" in node.folders()
    assert node.backup(FULL, "r2") == (0, "the backup of this run is there")
    assert script.readlink() == Path("current/upgrade-recovery.sh")
    assert os.access(script, os.X_OK)
    assert "backup-r1" not in node.folders()


def test_folders_of_others_stay(node: Node) -> None:
    home = node.root / ETCD_HOME
    for name in ("backup-2026-11-01", "backup-x.part", "backup-r2"):
        node.write(f"{ETCD_HOME}/{name}/snapshot.db", "of others\n")
    node.write("elsewhere/backup.env", "form=Etcd\n")
    (home / "backup-link").symlink_to(node.root / "elsewhere")
    node.write(f"{ETCD_HOME}/backup-full/backup.env", "form=Full\n")
    assert node.backup(ETCD)[0] == 0
    assert node.backup(ETCD, "r3")[0] == 0
    others = ["backup-2026-11-01", "backup-full", "backup-link", "backup-r2", "backup-x.part"]
    assert node.folders(ETCD_HOME) == sorted([*others, "backup-r3", "current"])
    assert node.backup(ETCD, "r2") == (2, f"can't write to /{ETCD_HOME}")
    assert node.read(f"{ETCD_HOME}/backup-r2/snapshot.db") == "of others\n"
    assert "run=r3" in node.read(f"{ETCD_HOME}/current/backup.env")


def test_a_try_that_ended_before_its_mark_is_begun_again(node: Node) -> None:
    (node.root / ETCD_HOME / "backup-r1.part").mkdir(parents=True)
    assert node.backup(ETCD)[0] == 0
    assert node.folders(ETCD_HOME) == ["backup-r1", "current"]


def test_a_folder_with_a_backup_of_another_form_is_refused(node: Node) -> None:
    assert node.backup(Backup("Full", NEW, "/var/mnt/b"))[0] == 0
    assert node.backup(Backup("Etcd", NEW, "/var/mnt/b"), "r2") == (
        10,
        "/var/mnt/b has a backup of the form Full: name another folder for this one",
    )
    assert node.folders("var/mnt/b") == ["backup-r1", "current"]


MIRRORED = NEW.replace("quay.example", "mirror.example")
BEGUN = {
    cluster_version(progressing="True"): "the cluster takes a release (Progressing is True, the "
    "newest update is Completed): a backup would be of neither release",
    cluster_version(state="Partial"): "the cluster takes a release (Progressing is False, the "
    "newest update is Partial): a backup would be of neither release",
    cluster_version(NEW): "the cluster has the release of the update already",
    cluster_version(MIRRORED): "the cluster has the release of the update already",
    '{"status": {}}': "the cluster takes a release (Progressing is unknown, the newest update is "
    "unknown): a backup would be of neither release",
    "": "can't read the ClusterVersion: the update may have begun",
}


@pytest.mark.parametrize("version", BEGUN)
@pytest.mark.parametrize("backup", [FULL, ETCD])
def test_a_job_that_is_made_again_in_mid_update_leaves_the_backup_alone(
    node: Node, backup: Backup, version: str
) -> None:
    home = "var/recovery" if backup is FULL else ETCD_HOME
    assert node.backup(backup)[0] == 0
    node.write("clusterversion", version)
    node.calls()
    assert node.backup(backup, "r2") == (9, BEGUN[version])
    assert node.folders(home) == ["backup-r1", "current"]
    assert {call.split()[0] for call in node.calls()} <= {"oc", "mkdir", "sleep"}


@pytest.mark.parametrize("backup", [FULL, ETCD])
def test_an_update_that_begins_during_a_backup_keeps_the_former_one(
    node: Node, backup: Backup
) -> None:
    home = "var/recovery" if backup is FULL else ETCD_HOME
    assert node.backup(backup)[0] == 0
    node.write("begins", cluster_version(NEW, "Partial", "True"))
    code, last = node.backup(backup, "r2")
    assert (code, last.split(" (")[0]) == (9, "the cluster takes a release")
    assert node.folders(home) == ["backup-r1", "current"]
    assert "run=r1" in node.read(f"{home}/current/backup.env")


@pytest.mark.parametrize(("backup", "gib"), [(FULL, 10), (ETCD, 1)])
def test_a_backup_needs_space_for_itself_and_more(node: Node, backup: Backup, gib: int) -> None:
    code, last = node.backup(backup, FREE_KIB=str(gib * 1024 * 1024))
    folder = "/var/recovery" if backup is FULL else f"/{ETCD_HOME}"
    need = gib * 1024 + 1
    assert (code, last) == (
        3,
        f"{folder} has {gib * 1024} MiB free, and a backup needs {need} MiB",
    )
    assert node.backup(backup, FREE_KIB=str(gib * 1024 * 1024 + 1024))[0] == 0


def test_a_full_backup_is_refused_on_a_cluster_of_several_nodes(node: Node) -> None:
    scripts = "etc/kubernetes/static-pod-resources/etcd-certs/configmaps/etcd-scripts"
    node.write(f"{scripts}/etcd.env", 'export ALL_ETCD_ENDPOINTS="https://a:2379,https://b:2379"\n')
    assert node.backup(FULL) == (
        8,
        "a full backup is for clusters of one node: use the form Etcd",
    )
    assert node.backup(ETCD)[0] == 0


def test_a_backup_of_etcd_without_a_snapshot_fails(node: Node) -> None:
    node.write("usr/local/bin/cluster-backup.sh", "#!/bin/sh\n")
    assert node.backup(ETCD) == (5, "cluster-backup.sh left no snapshot of etcd")


def test_a_folder_that_can_not_be_written_is_named(node: Node) -> None:
    node.write("var/recovery", "a file")
    assert node.backup(FULL) == (2, "can't write to /var/recovery")


@pytest.mark.parametrize("name", ["SCRIPT", "RECOVERY"])
def test_kubernetes_replaces_nothing_in_a_script(name: str) -> None:
    job = backup_job(FULL, NEW, "r1")
    text = environment(job)[name]
    assert "$$" not in text
    assert not any(f"$({each})" in text for each in environment(job))


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="needs shellcheck")
@pytest.mark.parametrize("name", ["SCRIPT", "RECOVERY"])
def test_shellcheck_has_no_complaint(name: str) -> None:
    assert complaints(environment(backup_job(FULL, NEW, "r1"))[name]) == ""


def complaints(script: str) -> str:
    """Returns what shellcheck says of the script."""
    found = subprocess.run(
        ["shellcheck", "--shell=sh", "--severity=warning", "-"],
        input=script,
        text=True,
        capture_output=True,
        check=False,
    )
    return found.stdout
