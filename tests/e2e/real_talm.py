"""The real TALM on a sandbox hub, with its service account's token and its Deployment.

It runs without leader election, which it has only in a pod: ibgu knows it by its Deployment.
"""

import json
import subprocess
from pathlib import Path

from ibgu.controller.lookups.talm import DEPLOYMENT
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.waiting import wait_until
from tests.e2e import talm
from tests.e2e.manifests import Object
from tests.neighbours.programs import crd

NAMESPACE = "openshift-operators"
ACCOUNT = "cluster-group-upgrades-controller-manager"
USER = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
SHIPPED = (
    "clustergroupupgrades",
    "precachingconfigs",
    "manifestworkreplicasets",
    "policies",
    "placementbindings",
    "placements",
    "managedclusterviews",
    "managedclusteractions",
)
"""CRDs of what it watches, as a hub of Advanced Cluster Management has them: with their schemas.
That of ImageBasedGroupUpgrade stays the chart's: tests read `phase`, which TALM's has not."""
FLAGS = ("--metrics-bind-address=0", "--health-probe-bind-address=0", "--skip-tls-profile")


class RealTalm:
    def __init__(self, hub: SandboxHub, program: Path, folder: Path) -> None:
        self._hub = hub
        self._program = program
        self._folder = folder
        self._kubectl = Kubectl(hub)
        self._process: subprocess.Popen[bytes] | None = None

    def install(self) -> None:
        """Creates TALM's API, account (with all rights) and Deployment (not available yet)."""
        kubectl = self._kubectl
        for kind in SHIPPED:
            kubectl("apply", "-f", str(crd(kind)))
        kubectl("wait", "--for=condition=Established", "crd", "--all")
        wait_until(lambda: talm.published(kubectl), "TALM's API", lambda: None)
        kubectl("create", "namespace", NAMESPACE)
        kubectl("create", "serviceaccount", ACCOUNT, "-n", NAMESPACE)
        kubectl(
            "create", "clusterrolebinding", "talm", "--clusterrole=cluster-admin", f"--user={USER}"
        )
        kubectl.apply(_deployment())

    def start(self) -> None:
        token = self._kubectl("create", "token", ACCOUNT, "-n", NAMESPACE).strip()
        config = json.loads(self._hub.kubeconfig("admin").read_text())
        config["users"] = [{"name": "sandbox", "user": {"token": token}}]
        file = self._folder / "kubeconfig"
        file.touch(mode=0o600)
        file.write_text(json.dumps(config))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, *FLAGS],
                env={"KUBECONFIG": str(file)},
                stdout=log,
                stderr=log,
                # Its share of the cores is then that of a service, not of the tests.
                start_new_session=True,
            )
        self.available(1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def available(self, replicas: int) -> None:
        """The status that the Deployment's controller would write."""
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        status = {"observedGeneration": 1, **dict.fromkeys(counts, replicas)}
        patch = ("--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
        self._kubectl("patch", "deployment", DEPLOYMENT, "-n", NAMESPACE, *patch)

    @property
    def log(self) -> Path:
        return self._folder / "talm.log"

    def refusals(self) -> list[str]:
        """Returns the lines of its log that say what the hub denied it."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if "denied request" in line]


def group_upgrade(name: str, *clusters: str) -> Object:
    """A ClusterGroupUpgrade of TALM's own."""
    return {
        "apiVersion": "ran.openshift.io/v1alpha1",
        "kind": "ClusterGroupUpgrade",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "clusters": list(clusters),
            "enable": True,
            "managedPolicies": [],
            "remediationStrategy": {"maxConcurrency": 1, "timeout": 10},
        },
    }


def _deployment() -> Object:
    labels = {"app": "talm"}
    pod = {"serviceAccountName": ACCOUNT, "containers": [{"name": "manager", "image": "talm"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": DEPLOYMENT, "namespace": NAMESPACE},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
