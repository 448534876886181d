"""An installation by nothing but docs/installation.md, on a hub where the real TALM lives."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec import Struct

from ibgu.sandbox.certificates import write_serving_files
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.servers import free_port
from ibgu.sandbox.users import SYSTEM_NAMESPACE
from ibgu.sandbox.waiting import wait_until
from tests.charts.rendering import CHART
from tests.charts.test_install import served_by_openshift
from tests.charts.test_postgres_tls import BINARIES, server_user
from tests.docs.site import DOCS, fences
from tests.e2e.harness import actions
from tests.e2e.kubelet import Kubelet, isolates
from tests.e2e.manifests import Object, config_map, documented, pull_secret
from tests.e2e.real_talm import RealTalm, group_upgrade
from tests.e2e.test_default_installation import hub_of_acm
from tests.e2e.test_documented import IN_ONE
from tests.neighbours.programs import crd, program
from tests.tools.binaries import tools

pytestmark = [
    pytest.mark.skipif(not BINARIES, reason="apt-get install postgresql"),
    pytest.mark.skipif(not isolates(), reason="this machine gives no process its own mounts"),
]
IBGU = Path(sys.executable).with_name("ibgu")
SPOKES = ("spoke1", "spoke2", "spoke3", "spoke4", "spoke5", "spoke6", "spoke7", "spoke8")
PREP = IN_ONE.replace('"Prep", "Upgrade", "FinalizeUpgrade"', '"Prep"')
UPGRADE = IN_ONE.replace(', "FinalizeUpgrade"', "")


def block(text: str, page: str = "installation.md") -> str:
    """Returns the page's only block that has the text."""
    [found] = [each.text for each in fences(DOCS / page) if text in each.text]
    return found


class Installer(Struct, frozen=True):
    """The one who installs: a shell with kubectl and helm, a kubeconfig, and ibgu's commands."""

    folder: Path
    environment: dict[str, str]

    def types(self, commands: str) -> str:
        done = self.tries(commands)
        assert done.returncode == 0, (commands, done.stdout, done.stderr)
        return done.stdout

    def tries(self, commands: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-e", "-c", commands],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


class Installation(Struct, frozen=True):
    kubectl: Kubectl
    kubelet: Kubelet
    person: Installer
    talm: RealTalm

    def ibgu(self, *command: str) -> str:
        """Runs ibgu's command on the person's laptop, where `kubectl port-forward` would lead to
        the API."""
        server = self.kubelet.pods("ibgu-api")[0].listens_at
        return self.person.types(f"IBGU_SERVER={server} {IBGU} {' '.join(command)}")

    def apply(self, name: str, plan: str, *clusters: str) -> None:
        """Applies an IBGU of the manual, and waits until its clusters are done."""
        self.kubectl("apply", "-f", "-", stdin=documented(name, plan, clusters))
        self.ibgu("status", name, "--wait", "--timeout", "90s")

    def completed(self, name: str) -> list[list[str]]:
        """Returns the actions that each cluster has completed, by the IBGU's status."""
        status = self.kubectl.get("ibgu", name, "-n", "default")["status"]
        return [list(actions(entry, "completed")) for entry in status["clusters"]]

    def labels(self, cluster: str) -> list[str]:
        labels = self.kubectl.get("managedcluster", cluster)["metadata"]["labels"]
        return [label for label in labels if label.startswith("lcm.openshift.io/ibgu-")]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("guide")
    with acm_with_talm(folder) as (hub, talm), postgres() as (socket, port, ca):
        person = Installer(folder, environment(hub, folder))
        kubelet = Kubelet(hub, SYSTEM_NAMESPACE, folder / "pods")
        shutil.copy(ca, folder / "ca.crt")
        types_sql(socket, port)
        secret = block("secret generic ibgu-journal")
        person.types(secret.replace("db.example.com:5432", f"localhost:{port}"))
        person.types(block("namespace openshift-adp"))
        with kubelet.running(), fleet(hub):
            install(person)
            wait_until(lambda: ready(kubelet) >= 3, "pods", lambda: alive(kubelet))
            # The leader is ready when the policy has stood for 30 seconds.
            wait_until(lambda: ready(kubelet) == 4, "the leader", lambda: alive(kubelet))
            installed = Installation(Kubectl(hub), kubelet, person, talm)
            payload(installed.kubectl)
            yield installed


@contextmanager
def acm_with_talm(folder: Path) -> Iterator[tuple[SandboxHub, RealTalm]]:
    """A hub of Advanced Cluster Management where TALM runs, with TALM's CRD."""
    program_of_talm, theirs = program("TALM"), crd("imagebasedgroupupgrades")
    with hub_of_acm() as hub:
        kubectl = Kubectl(hub)
        kubectl("apply", "-f", str(theirs))
        kubectl.apply(served_by_openshift("route.openshift.io", "Route", "Namespaced"))
        talm = RealTalm(hub, program_of_talm, folder)
        talm.install()
        talm.start()
        try:
            yield hub, talm
        finally:
            talm.stop()


@contextmanager
def postgres() -> Iterator[tuple[Path, int, Path]]:
    """The operator's server, with a certificate of a private authority: its socket's folder, its
    port and the authority's certificate."""
    folder, port = Path(tempfile.mkdtemp(prefix="ibgu-guide-")), free_port()
    serving = write_serving_files(folder)
    for each in (folder, *folder.iterdir()):
        os.chown(each, -1 if (user := server_user()) is None else user, -1)
    access = ("--auth-local=trust", "--auth-host=scram-sha-256", "--username=postgres", "--no-sync")
    initdb: list[str | Path] = [BINARIES[-1] / "initdb", "-D", folder / "data", *access]
    subprocess.run(initdb, user=server_user(), cwd=folder, check=True, capture_output=True)
    files = (f"ssl_cert_file={serving.certificate}", f"ssl_key_file={serving.key}")
    options = [word for each in ("ssl=on", *files, "fsync=off") for word in ("-c", each)]
    server = subprocess.Popen(
        [BINARIES[-1] / "postgres", "-D", folder / "data", f"-p{port}", f"-k{folder}", *options],
        user=server_user(),
        cwd=folder,
        stderr=subprocess.DEVNULL,
    )
    try:
        ready: list[str | Path] = [BINARIES[-1] / "pg_isready", "-q", f"-h{folder}", f"-p{port}"]
        wait_until(lambda: subprocess.run(ready).returncode == 0, "Postgres", lambda: None)
        yield folder, port, folder / "ca.crt"
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


def types_sql(socket: Path, port: int) -> None:
    stops: list[str | Path] = [BINARIES[-1] / "psql", "-v", "ON_ERROR_STOP=1"]
    psql = [*stops, f"-h{socket}", f"-p{port}"]
    subprocess.run([*psql, "-U", "postgres"], input=block("CREATE DATABASE"), text=True, check=True)


def environment(hub: SandboxHub, folder: Path) -> dict[str, str]:
    programs = (str(hub.kubectl.parent), str(tools().helm.parent), os.environ["PATH"])
    homes = {f"HELM_{name}_HOME": str(folder / "helm") for name in ("CONFIG", "CACHE", "DATA")}
    kubeconfig = {"KUBECONFIG": str(hub.kubeconfig("admin")), "HOME": str(folder)}
    return {"PATH": ":".join(programs), **homes, **kubeconfig}


@contextmanager
def fleet(hub: SandboxHub) -> Iterator[None]:
    names = [word for spoke in SPOKES for word in ("--name", spoke)]
    options = ("--clusters", str(len(SPOKES)), "--durations", "0.5s-1s")
    simulated = subprocess.Popen(
        [IBGU, "simulate", *names, *options],
        env=os.environ | {"KUBECONFIG": str(hub.kubeconfig("fleet"))},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        simulated.terminate()
        simulated.wait()


def install(person: Installer) -> None:
    """Writes the guide's values, and runs its command; on a hub with TALM's CRD it takes
    --skip-crds, as the guide says."""
    values = block("existingSecret: ibgu-journal").replace("sha256:…", f"sha256:{'0' * 64}")
    (person.folder / "values.yaml").write_text(values)
    command = block("helm upgrade --install ibgu").strip().replace("charts/ibgu", str(CHART))
    refused = person.tries(f"{command} --timeout 60s")
    assert "conflict" in refused.stderr, refused.stderr
    person.types(f"{command} --skip-crds --timeout 60s")


def ready(kubelet: Kubelet) -> int:
    pods = [*kubelet.pods("ibgu-controller"), *kubelet.pods("ibgu-api")]
    return sum(pod.ready() for pod in pods)


def alive(kubelet: Kubelet) -> None:
    assert kubelet.failure is None


def payload(kubectl: Kubectl) -> None:
    """Creates what the manual's IBGU names."""
    kubectl.apply(config_map("openshift-adp", "oadp-cm", backup="kind: Backup"))
    extra = config_map("openshift-lifecycle-agent", "example-extra-manifests", a="kind: ConfigMap")
    kubectl.apply(extra)
    kubectl.apply(pull_secret("default", "seed-pull-secret"))


@pytest.mark.parametrize("component", ["controller", "api"])
def test_the_doctor_in_each_pod_finds_nothing_to_do(
    installation: Installation, component: str
) -> None:
    done = installation.kubelet.pods(f"ibgu-{component}")[0].exec("doctor", "-o", "json")
    told = json.loads(done.stdout)
    unwell = [each for each in told["findings"] if each["level"] not in ("ok", "skipped")]
    assert (unwell, done.returncode) == ([], 0)
    checked = {each["check"]: each["found"] for each in told["findings"]}
    assert "ibgu-beside-talm keeps it from IBGUs" in checked.get("TALM", "") or component == "api"
    assert f":{SYSTEM_NAMESPACE}:ibgu{'-api' * (component == 'api')}" in checked["rights"]


def test_an_ibgu_of_the_manual_is_carried_out(installation: Installation) -> None:
    installation.apply("carried-out", IN_ONE, "spoke1", "spoke4", "spoke6")
    assert installation.completed("carried-out") == [["Prep", "Upgrade", "FinalizeUpgrade"]] * 3
    assert [installation.labels(each) for each in ("spoke1", "spoke4", "spoke6")] == [[], [], []]


def test_a_rollout_is_cancelled_by_one_command(installation: Installation) -> None:
    installation.apply("cancelled", PREP, "spoke2", "spoke3")
    assert installation.labels("spoke2") == ["lcm.openshift.io/ibgu-prep-completed"]
    installation.ibgu("cancel", "cancelled", "--yes")
    assert installation.completed("cancelled") == [["Prep", "Abort"]] * 2
    assert installation.labels("spoke2") == []


def test_a_rollout_is_rolled_back_and_finalized_by_one_command_each(
    installation: Installation,
) -> None:
    installation.apply("upgraded", UPGRADE, "spoke5", "spoke7")
    told = installation.ibgu("rollback", "upgraded", "--yes")
    command, name = told.splitlines()[-1].removeprefix("Next: ibgu ").split()[:2]
    assert (command, installation.completed(name)) == ("finalize", [["Rollback"]] * 2)
    installation.ibgu("finalize", name, "--yes")
    assert installation.completed(name) == [["Rollback", "FinalizeRollback"]] * 2
    assert [installation.labels(each) for each in ("spoke5", "spoke7")] == [[], []]


def test_talm_carries_out_its_own_and_only_them(installation: Installation) -> None:
    kubectl = installation.kubectl
    installation.apply("not-talms", PREP, "spoke8")
    kubectl.apply(group_upgrade("talms", "spoke8"))
    wait_until(lambda: ended(kubectl.get("cgu", "talms")), "TALM's own", lambda: None)
    groups = kubectl.get("cgu", "-A")["items"]
    assert [each for each in groups if "ibgu" in each["metadata"].get("labels", {})] == []
    assert any("not-talms" in line for line in installation.talm.refusals())


def test_the_rights_of_the_first_rollout_suffice(installation: Installation) -> None:
    """One of ran-operators applies its IBGU; without the last rights the policy denies it."""
    kubectl, page = installation.kubectl, "guides/first-rollout.md"
    kubectl("apply", "-f", "-", stdin=block("ran-operators-change", page))
    kubectl("apply", "-f", "-", stdin=block("name: acm-klusterlet", page))
    installation.person.types(block("secret docker-registry", page))
    aggregate_view(kubectl)
    operator = ("--as", "anna", "--as-group", "ran-operators", "--as-group", "system:authenticated")
    create = ("create", "--dry-run=server", "-f", "-", *operator)
    theirs = block("name: first-417\n", page)
    assert "anna may not get Secret" in kubectl.run(*create, stdin=theirs).err
    installation.person.types(block("create role seed-pull-secret", page))
    assert "created" in kubectl(*create, stdin=theirs)
    kubectl("get", "managedclusters,ibgu", "-n", "ran-upgrades", *operator)


def aggregate_view(kubectl: Kubectl) -> None:
    """Gives the role `view` the rules that the controller-manager would."""
    parts = ("system:aggregate-to-view", "ibgu-view")
    rules = [rule for part in parts for rule in kubectl.get("clusterrole", part)["rules"]]
    kubectl("patch", "clusterrole", "view", "--type=merge", "-p", json.dumps({"rules": rules}))


def ended(group: Object) -> bool:
    conditions = group.get("status", {}).get("conditions", [])
    return any(each["type"] == "Succeeded" for each in conditions)
