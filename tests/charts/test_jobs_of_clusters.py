"""The Jobs that ibgu brings to clusters, on a real API server: it takes their objects, and their
script may report there."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ibgu.core.drivers.node_jobs.backup import NAMESPACE, job_manifests, job_name
from ibgu.core.drivers.node_jobs.jobs import REPORT
from ibgu.core.model.kinds import Backup
from ibgu.sandbox.hub import SandboxHub
from tests.charts.ibgus import Object
from tests.core.drivers.cluster_version.node_files import Node

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("curl", "jq"))), reason="needs curl and jq, as a node has them"
)
BACKUP = Backup("Etcd", f"registry.example/tools@sha256:{'a' * 64}")
_PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts",
    "Role": f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/roles",
    "RoleBinding": f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/rolebindings",
    "Job": f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs",
}
_JOB = f"{_PATHS['Job']}/{job_name('r1')}"


@pytest.fixture(scope="module")
def token(admin: httpx.Client) -> Iterator[str]:
    """The token of the Job's ServiceAccount, once all its objects are there."""
    for each in job_manifests(BACKUP, BACKUP.image, "r1"):
        answer = admin.post(_PATHS[each["kind"]], json=each, params={"fieldValidation": "Strict"})
        assert answer.status_code == 201, answer.text
    request: Object = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = admin.post(f"{_PATHS['ServiceAccount']}/{NAMESPACE}/token", json=request)
    yield answer.json()["status"]["token"]
    admin.delete(f"{_PATHS['Namespace']}/{NAMESPACE}")


def _report(tmp_path: Path, hub: SandboxHub, token: str) -> str:
    node = Node(tmp_path)
    url = httpx.URL(hub.url)
    code, last = node.backup(
        BACKUP,
        TOKEN=token,
        CA=hub.ca_file.read_text(),
        KUBERNETES_SERVICE_HOST=url.host,
        KUBERNETES_SERVICE_PORT=str(url.port),
    )
    assert code == 0
    return last


def test_a_job_reports_to_its_own_object(
    admin: httpx.Client, sandbox_hub: SandboxHub, token: str, tmp_path: Path
) -> None:
    last = _report(tmp_path, sandbox_hub, token)
    found = admin.get(_JOB).json()
    assert found["metadata"]["annotations"][REPORT] == last
    assert " path=/home/core/assets/backup/backup-r1 " in last


def test_a_job_that_can_not_report_takes_its_backup_all_the_same(
    sandbox_hub: SandboxHub, token: str, tmp_path: Path
) -> None:
    assert "backup-r1" in _report(tmp_path, sandbox_hub, "no-token")


def test_a_job_may_patch_its_own_object_and_nothing_else(
    sandbox_hub: SandboxHub, admin: httpx.Client, token: str
) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/merge-patch+json"}

    def code(method: str, path: str) -> int:
        request = admin.build_request(method, path, headers=headers, content=b"{}")
        return admin.send(request).status_code

    assert code("PATCH", _JOB) == 200
    assert code("GET", _JOB) == 403
    assert code("PATCH", f"{_PATHS['Job']}/another") == 403
    assert code("GET", "/api/v1/namespaces/kube-system/secrets") == 403
