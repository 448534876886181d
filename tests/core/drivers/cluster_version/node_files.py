"""A node's files in a folder, with stand-ins of the tools that change a node and can't run here;
rsync, jq, flock and the shell are real."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ibgu.core.drivers.cluster_version.precache.manifests import precache_job
from ibgu.core.drivers.node_jobs.backup.manifests import backup_job
from ibgu.core.drivers.node_jobs.jobs import JobSpec, environment
from ibgu.core.model.kinds import Backup, PreCache
from tests.core.drivers.cluster_version.version_samples import NEW, OLD

OLD_SUM, NEW_SUM = "a1" * 32, "b2" * 32
CONTAINERS = (
    "etcd",
    "etcd-operator",
    "kube-apiserver-operator",
    "kube-controller-manager-operator",
    "kube-scheduler-operator-container",
)
_LOGGED = """#!/bin/sh
printf '%s %s\\n' "$(basename "$0")" "$*" >> "$ROOT/calls"
if [ -n "${BREAK:-}" ] && printf '%s %s' "$(basename "$0")" "$*" | grep -q -e "$BREAK"; then
  exit 1
fi
if [ -n "${HANG:-}" ] && printf '%s %s' "$(basename "$0")" "$*" | grep -q -e "$HANG"; then
  touch "$ROOT/hangs"
  exec /bin/sleep 60
fi
"""
_TOOLS = {
    "ostree": """
case $2 in
  status) cat "$ROOT/deployments" ;;
  set-default) swap_deployments "$3" ;;
esac
""",
    "rpm-ostree": "swap_deployments 1",
    "swap_deployments": """
awk -v first="$1" '/^[* ] [^ ]+ [0-9a-f]+[.]/ { n++ }
  { if (n == first + 1) head = head $0 "\\n"; else tail = tail $0 "\\n" }
  END { printf "%s%s", head, tail }' "$ROOT/deployments" > "$ROOT/deployments.new"
mv "$ROOT/deployments.new" "$ROOT/deployments"
""",
    "setenforce": "",
    "crio": "",
    "sleep": "exec /bin/sleep 0.02",
    "systemctl": """
mkdir -p "$ROOT/stopped"
for unit in "$@"; do :; done
case $1 in
  stop) touch "$ROOT/stopped/$unit" ;;
  start | restart) rm -f "$ROOT/stopped/$unit" ;;
  is-active) [ ! -e "$ROOT/stopped/$unit" ] || exit 3 ;;
esac
if [ "$*" = "restart kubelet.service" ]; then
  for each in "$ROOT"/containers/*; do echo "new-$(basename "$each")" > "$each"; done
fi
""",
    "crictl": """
if [ -e "$ROOT/stopped/crio.service" ]; then echo "no such file: crio.sock" >&2; exit 1; fi
if [ "$1" = ps ]; then
  for name in "$@"; do :; done
  name=${name#^}
  cat "$ROOT/containers/${name%$}"
fi
""",
    "oc": """
case "$1 $2" in
  "get clusterversion") cat "$ROOT/clusterversion"; exit ;;
esac
case $1 in
  patch) touch "$ROOT/redeployed-$2" ;;
  get) case $5 in
    *latest*) echo 9 ;;
    *) if [ -e "$ROOT/redeployed-$2" ]; then echo 10; else echo 9; fi ;;
  esac ;;
esac
""",
    "podman": """
for last in "$@"; do :; done
name=$(printf '%s' "$last" | tr '/' '_')
case "$1 $2" in
  "image mount") echo "$ROOT/mounted" ;;
  "image exists") [ -e "$ROOT/images/$name" ] || exit 1 ;;
  "pull --quiet")
    if [ -e "$ROOT/unreachable/$name" ]; then echo "manifest unknown" >&2; exit 125; fi
    if [ -e "$ROOT/fills" ]; then cat "$ROOT/fills" > "$ROOT/used"; fi
    mkdir -p "$ROOT/images"
    touch "$ROOT/images/$name"
    ;;
esac
""",
    "df": """
printf 'Filesystem 1024-blocks Used Available Capacity Mounted\\n'
used=${USED_KIB:-1}
if [ -e "$ROOT/used" ]; then used=$(cat "$ROOT/used"); fi
printf '/dev/sda4 %s %s %s 1%% /var\\n' "${SIZE_KIB:-99999999}" "$used" "${FREE_KIB:-99999999}"
""",
}
_REAL = ("rsync", "sync", "mv", "ln", "mkdir")
_CLUSTER_BACKUP = """
if [ -e "$ROOT/begins" ]; then mv "$ROOT/begins" "$ROOT/clusterversion"; fi
mkdir -p "$1"
cp "$ROOT/etcd-content" "$1/snapshot_1.db"
echo static > "$1/static_kuberesources_1.tar.gz"
"""
_CLUSTER_RESTORE = """
cp "$1/snapshot_1.db" "$ROOT/etcd-content"
"""
FILES = {
    "etc/hostname": "edge-1\n",
    "etc/kubernetes/manifests/etcd-pod.yaml": "revision 1\n",
    "etc/machine-config-daemon/currentconfig": '{"spec":{"config":{"storage":{"files":'
    '[{"path":"/etc/hostname"},{"path":"/var/usr config/site"},{"path":"/opt/gone"}]}}}}',
    "etc/tmpfiles.d/site.conf": "# comment\nf /etc/made-at-boot 0644 root root - -\n",
    "etc/made-at-boot": "before\n",
    "usr/local/bin/site.sh": "before\n",
    "var/lib/kubelet/config.json": "before\n",
    "var/usr config/site": "before\n",
    "var/lib/etcd/member/snap/db": "etcd\n",
    "etcd-content": "before\n",
    "proc/sys/kernel/random/boot_id": "boot-1\n",
}


def deployments(running: str = OLD_SUM, *others: str) -> str:
    """Returns the words of `ostree admin status`."""
    lines = [f"  rhcos {each}.0 (pending)\n    Version: 410.84.1-0\n" for each in others]
    return "".join([*lines, f"* rhcos {running}.0\n    Version: 49.84.1-0\n    Pinned: yes\n"])


def cluster_version(image: str = OLD, state: str = "Completed", progressing: str = "False") -> str:
    """Returns the ClusterVersion as `oc get -o json` prints it."""
    conditions = [
        {"type": "Available", "status": "True"},
        {"type": "Progressing", "status": progressing},
    ]
    history = [{"state": state, "image": image}, {"state": "Completed", "image": OLD}]
    status = {"desired": {"image": image}, "history": history, "conditions": conditions}
    return json.dumps({"kind": "ClusterVersion", "status": status})


class Node:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.tools = root / "tools"
        self.tools.mkdir()
        for name, text in _TOOLS.items():
            self._tool(self.tools / name, text)
        for name in _REAL:
            self._tool(self.tools / name, f'exec {shutil.which(name)} "$@"')
        for name, text in FILES.items():
            self.write(name, text)
        self._tool(root / "usr/local/bin/cluster-backup.sh", _CLUSTER_BACKUP)
        self._tool(root / "usr/local/bin/cluster-restore.sh", _CLUSTER_RESTORE)
        for name in CONTAINERS:
            self.write(f"containers/{name}", f"old-{name}\n")
        self.write("deployments", deployments())
        self.write("clusterversion", cluster_version())
        self.calls_file = root / "calls"

    @staticmethod
    def _tool(path: Path, text: str) -> None:
        path.write_text(_LOGGED + text)
        path.chmod(0o755)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def read(self, name: str) -> str:
        return (self.root / name).read_text()

    def calls(self) -> list[str]:
        """Returns the calls of tools since the last call of this."""
        found = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return found

    def environment(self, **more: str) -> dict[str, str]:
        path = f"{self.tools}:{os.environ['PATH']}"
        return {"PATH": path, "ROOT": str(self.root), "LC_ALL": "C", **more}

    def start(self, backup: Backup, run: str = "r1", **more: str) -> "subprocess.Popen[str]":
        return self._start(backup_job(backup, NEW, run), more)

    def _start(self, job: JobSpec, more: dict[str, str]) -> "subprocess.Popen[str]":
        env = environment(job)
        return subprocess.Popen(
            ["/bin/sh", "-c", env["SCRIPT"], job.name, *job.arguments],
            env=self.environment(**env, **more),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @contextmanager
    def hanging(self, backup: Backup, tool: str, run: str = "r1") -> Iterator[None]:
        """Starts a backup, and kills it in the end, in a call of a tool that never returns."""
        process = self.start(backup, run, HANG=tool)
        deadline = time.monotonic() + 30
        while not (self.root / "hangs").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert (self.root / "hangs").exists(), f"{tool} was not called"
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=30)
            (self.root / "hangs").unlink()

    def backup(self, backup: Backup, run: str = "r1", **more: str) -> tuple[int, str]:
        """Returns the exit code and the last line of the output."""
        code, lines = _ended(self.start(backup, run, **more))
        return code, lines[-1] if lines else ""

    def precache(self, precache: PreCache, release: str, **more: str) -> tuple[int, list[str]]:
        """Returns the exit code and the lines of the output."""
        return _ended(self._start(precache_job(precache, release, "r1"), more))

    def recover(self, *options: str, home: str = "var/recovery", **more: str) -> tuple[int, str]:
        found = subprocess.run(
            ["/bin/sh", str(self.root / home / "upgrade-recovery.sh"), *options],
            env=self.environment(**more),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
        return found.returncode, found.stdout.splitlines()[-1] if found.stdout else ""

    def folders(self, home: str = "var/recovery") -> list[str]:
        return sorted(each.name for each in (self.root / home).iterdir() if each.is_dir())


def _ended(process: "subprocess.Popen[str]") -> tuple[int, list[str]]:
    output = process.communicate(timeout=60)[0]
    return process.returncode, output.splitlines()
