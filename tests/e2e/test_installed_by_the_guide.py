"""An installation by nothing but docs/installation.md, on a hub where the real TALM lives."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec import Struct

from ibgu.sandbox.certificates import ServingFiles, write_serving_files
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.users import SYSTEM_NAMESPACE
from ibgu.sandbox.waiting import wait_until
from tests.charts.rendering import CHART
from tests.charts.test_install import served_by_openshift
from tests.docs.site import DOCS
from tests.e2e.guide import Installer, block, environment, postgres, types_sql
from tests.e2e.harness import actions
from tests.e2e.kubelet import Kubelet, Pod, isolates
from tests.e2e.manifests import Object, config_map, documented, pull_secret
from tests.e2e.real_talm import RealTalm, group_upgrade
from tests.e2e.receiver import Receiver, Request
from tests.e2e.router import Router
from tests.e2e.test_default_installation import hub_of_acm
from tests.e2e.test_documented import IN_ONE
from tests.neighbours.programs import crd, lack, program
from tests.release.cli import Wanted, cli
from tests.release.conftest import repository
from tests.release.test_cli import HERE, PYTHON, URL

__all__ = ["repository"]

SIMULATOR = Path(sys.executable).with_name("ibgu")
SPOKES = tuple(f"spoke{number}" for number in range(1, 10))
PREP = IN_ONE.replace('"Prep", "Upgrade", "FinalizeUpgrade"', '"Prep"')
UPGRADE = IN_ONE.replace(', "FinalizeUpgrade"', "")


class Installation(Struct, frozen=True):
    kubectl: Kubectl
    kubelet: Kubelet
    person: Installer
    talm: RealTalm
    host: str
    """Where the router serves the Route."""

    def ibgu(self, *command: str) -> str:
        """Runs ibgu's command on the person's laptop, which is logged in."""
        return self.person.types(f"ibgu {' '.join(command)}")

    def apply(self, name: str, plan: str, *clusters: str) -> None:
        """Applies an IBGU of the manual, and waits until its clusters are done."""
        self.kubectl("apply", "-f", "-", stdin=documented(name, plan, clusters))
        self.ibgu("status", name, "--wait", "--timeout", "240s")

    def completed(self, name: str) -> list[list[str]]:
        """Returns the actions that each cluster has completed, by the IBGU's status."""
        status = self.kubectl.get("ibgu", name, "-n", "default")["status"]
        return [list(actions(entry, "completed")) for entry in status["clusters"]]

    def labels(self, cluster: str) -> list[str]:
        labels = self.kubectl.get("managedcluster", cluster)["metadata"]["labels"]
        return [label for label in labels if label.startswith("lcm.openshift.io/ibgu-")]


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, repository: Path
) -> Iterator[Installation]:
    if not isolates():
        lack("this machine gives no process its own mounts, which pods need (unshare --mount)")
    folder = tmp_path_factory.mktemp("guide")
    with acm_with_talm(folder) as (hub, talm), postgres() as (socket, port, ca):
        person = Installer(folder, environment(hub, folder))
        kubelet = Kubelet(hub, SYSTEM_NAMESPACE, folder / "pods")
        shutil.copy(ca, folder / "ca.crt")
        types_sql(socket, port)
        secret = block("secret generic ibgu-journal")
        person.types(secret.replace("db.example.com:5432", f"localhost:{port}"))
        person.types(block("namespace openshift-adp"))
        router = Router(hub, kubelet, folder / "router")
        with kubelet.running(), fleet(hub), router.running():
            install(person)
            host = router.admit("ibgu", SYSTEM_NAMESPACE)
            wait_until(lambda: ready(kubelet) >= 3, "pods", lambda: alive(kubelet))
            # The leader is ready when the policy has stood for 30 seconds.
            wait_until(lambda: ready(kubelet) == 4, "the leader", lambda: alive(kubelet))
            installs_commands(person, repository)
            logs_in(person, host)
            installed = Installation(Kubectl(hub), kubelet, person, talm, host)
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
def fleet(hub: SandboxHub) -> Iterator[None]:
    names = [word for spoke in SPOKES for word in ("--name", spoke)]
    options = ("--clusters", str(len(SPOKES)), "--durations", "0.5s-1s")
    simulated = subprocess.Popen(
        [SIMULATOR, "simulate", *names, *options],
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
    refused = person.tries(f"{command} --timeout 240s")
    assert "conflict" in refused.stderr, refused.stderr
    person.types(f"{command} --skip-crds --timeout 240s")
    line = "kubectl apply --server-side -f charts/ibgu/crds/seedimages.yaml"
    assert line in " ".join((DOCS / "installation.md").read_text().split())
    person.types(line.replace("charts/ibgu", str(CHART)))


def installs_commands(person: Installer, repository: Path) -> None:
    """Makes the one file as `make cli` does, for this Python alone, and types the guide's lines."""
    lines = block("make cli CLI_ARGS").splitlines()
    made, *installed, login = lines
    assert made.startswith('make cli CLI_ARGS="--platform linux-amd64"')
    assert login.startswith("ibgu login ")
    cli(repository, person.folder / "dist" / "cli", Wanted(URL, (HERE,), (PYTHON,)))
    person.types("\n".join(installed).replace("linux-amd64", HERE))


def logs_in(person: Installer, host: str) -> None:
    """Finds the Route; the laptop does not trust the router's certificate at first."""
    refused = person.tries(block("make cli CLI_ARGS").splitlines()[-1])
    assert refused.returncode == 1
    assert f"can't trust https://{host}: its certificate" in refused.stderr
    told = person.types(block("default-ingress-cert"))
    assert told.startswith(f"https://{host}: logged in as ")


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
    # A journal may answer late on a busy machine, which is a warning.
    late = [each for each in unwell if "answers in" in each["found"]]
    assert (unwell, done.returncode) == (late, 1 if late else 0)
    checked = {each["check"]: each["found"] for each in told["findings"]}
    assert "ibgu-beside-talm keeps it from IBGUs" in checked.get("TALM", "") or component == "api"
    assert f":{SYSTEM_NAMESPACE}:ibgu{'-api' * (component == 'api')}" in checked["rights"]


def test_the_commands_on_the_laptop_reach_the_api_through_the_route(
    installation: Installation,
) -> None:
    folder = installation.person.folder
    kept = json.loads((folder / ".config" / "ibgu" / "logins.json").read_text())["logins"]
    found = [(each["server"], each["caFile"]) for each in kept.values()]
    assert found == [(f"https://{installation.host}", str(folder / "router-ca.crt"))]
    assert installation.person.types("command -v ibgu") == f"{folder}/.local/bin/ibgu\n"
    [unpacked] = [each for each in (folder / ".cache/ibgu/cli").iterdir() if each.is_dir()]
    made_for = json.loads((unpacked / "site-packages" / "made-for.json").read_text())
    assert made_for["platform"] == HERE
    assert installation.person.types("kubectl ibgu get -A -o name") == installation.ibgu(
        *("get", "-A", "-o", "name")
    )


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


def test_the_receivers_in_the_values_are_notified(
    installation: Installation, tmp_path: Path
) -> None:
    files = write_serving_files(tmp_path)
    with Receiver().listening() as noc, Receiver(files).listening() as alertmanager:
        names_receivers(installation, noc, alertmanager, files)
        leader = installation.kubelet.pods("ibgu-controller")[0]
        assert "✔ noc" in tries_receiver(leader, block("ibgu notify test").splitlines()[-1])
        assert "✔ alerts" in tries_receiver(leader, "-- ibgu notify test --receiver alerts")
        # Rollouts of other tests may have alerts, too.
        [alert] = [each for each in alertmanager.requests if b"ibgu-test" in each.body]
        assert (alert.path, alert.headers["authorization"]) == ("/api/v2/alerts", "Bearer a-token")
        installation.apply("notified", PREP, "spoke9")
        wait_until(lambda: "rollout.completed" in kinds(noc), "the noc", lambda: None)
        data = installation.kubectl.get("secret", "ibgu-receivers", "-n", SYSTEM_NAMESPACE)["data"]
        secret = base64.b64decode(data["noc"])
        assert all(genuine(secret, request) for request in noc.requests)
        assert not genuine(secret + b"0", noc.requests[-1])


def names_receivers(
    installation: Installation, noc: Receiver, alertmanager: Receiver, files: ServingFiles
) -> None:
    """Writes the guide's values with the receivers' addresses, types its commands, and waits until
    the controllers are replaced."""
    person, kubelet = installation.person, installation.kubelet
    # The pods trust no certificate of noc's: the guide's values name none.
    values = block("existingSecret: ibgu-receivers").replace(
        "https://noc.example.com", f"http://{noc.host}"
    )
    values = values.replace("alertmanager-main.openshift-monitoring.svc:9094", alertmanager.host)
    (person.folder / "notifications.yaml").write_text(values)
    (person.folder / "alertmanager-token").write_text("a-token\n")
    (person.folder / "service-ca.crt").write_bytes(files.ca.read_bytes())
    commands, exec_in_pod, _ = block("ibgu notify test").partition("kubectl exec")
    assert exec_in_pod
    before = kubelet.pods("ibgu-controller")
    person.types(commands.replace("charts/ibgu", str(CHART)))
    wait_until(
        lambda: kubelet.pods("ibgu-controller") is not before and ready(kubelet) == 4,
        "the new controllers",
        lambda: alive(kubelet),
    )


def tries_receiver(pod: Pod, line: str) -> str:
    """Runs the command after `-- ibgu` in the pod."""
    done = pod.exec(*line.partition("-- ibgu ")[2].split())
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


def kinds(receiver: Receiver) -> list[str]:
    return [json.loads(request.body)["data"]["kind"] for request in receiver.requests]


def genuine(secret: bytes, request: Request) -> bool:
    """Checks the signature as the page on notifications does."""
    known: dict[str, Callable[[bytes, Mapping[str, str], bytes], bool]] = {}
    exec(block("def genuine", "notifications.md"), known)
    return known["genuine"](secret, request.headers, request.body)


def ended(group: Object) -> bool:
    conditions = group.get("status", {}).get("conditions", [])
    return any(each["type"] == "Succeeded" for each in conditions)
