"""A secret goes into the ManifestWork that carries it, and nowhere else."""

import json
from base64 import b64encode
from collections.abc import Iterator

import httpx
import pytest
import structlog
from prometheus_client import REGISTRY, generate_latest
from structlog.testing import LogCapture

from ibgu.api.app import create_app
from ibgu.api.context import Context, Probes
from ibgu.core.model.names import payload_name, stage_name
from ibgu.db import engine
from ibgu.hub import paths
from ibgu.hub.authorization.access import Access
from ibgu.hub.client import HubClient
from ibgu.hub.decode import ObjectIdentity
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, config_map, ibgu, pull_secret, step
from tests.security.test_routes import Asked, routes

MARK = "kept-between-us-4711"
CONTENT = json.dumps({"auths": {"registry.example.com": {"auth": MARK}}})


def forms(mark: str) -> list[str]:
    """Returns the mark as it is, and as it looks inside of base64, wherever it begins there."""
    found = [mark]
    for shift in range(3):
        encoded = b64encode(b"x" * shift + mark.encode()).decode()
        found.append(encoded[4:-4])  # the ends depend on what stands beside it
    return found


def leaks(text: str) -> list[str]:
    return [form for form in forms(MARK) if form in text]


@pytest.fixture
def log() -> Iterator[LogCapture]:
    captured = LogCapture()
    structlog.configure(processors=[captured])
    yield captured
    structlog.reset_defaults()


def test_a_leaked_secret_is_found() -> None:
    for text in (CONTENT, b64encode(CONTENT.encode()).decode(), b64encode(b"12" + MARK.encode())):
        assert leaks(str(text)) != []


async def test_a_pull_secret_is_nowhere_but_in_its_work(scene: Scene, log: LogCapture) -> None:
    name, cluster = "secretive", f"{scene.label}-1"
    secret = pull_secret("default", name) | {"stringData": {".dockerconfigjson": CONTENT}}
    await scene.apply(secret)
    await scene.apply(config_map("openshift-adp", name, backup="kind: Backup"))
    failing = f"prep.precache@{scene.label}-2"
    await scene.fleet(count=2, faults=[failing], durations="1000s")
    await scene.start()
    seed = {"image": "quay.io/x:4.17", "version": "4.17.0", "pullSecretRef": {"name": name}}
    oadp = [{"name": name, "namespace": "openshift-adp"}]
    manifest = ibgu(name, step("Prep"), fleet=scene.label, seedImageRef=seed, oadpContent=oadp)
    await scene.apply(manifest)
    await scene.accepted()
    uid = (await scene.get(paths.ibgu("default", name)))["metadata"]["uid"]
    works = {w["metadata"]["name"]: w for w in await scene.works(await _carrying(scene, uid, name))}
    assert leaks(json.dumps(works.pop(payload_name(uid, name))))
    assert leaks(json.dumps(works)) == []
    assert stage_name(uid, name) in works
    await scene.completed(name)
    everywhere = {
        "the journal": await _journal(scene),
        "the IBGU": json.dumps(await _without_works(scene, name)),
        "REST": await _rest(scene, uid, name, cluster),
        "the log": repr(log.entries),
        "the metrics": generate_latest(REGISTRY).decode(),
    }
    assert log.entries
    assert {where: leaks(text) for where, text in everywhere.items() if leaks(text)} == {}


async def _carrying(scene: Scene, uid: str, name: str) -> str:
    """A cluster whose payload work is on the hub."""
    works = await scene.items(paths.works())
    found = [w["metadata"] for w in works if w["metadata"]["name"] == payload_name(uid, name)]
    assert found
    return str(found[0]["namespace"])


async def _journal(scene: Scene) -> str:
    """Every row of every table."""
    tables = await scene.journal("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    names = [row["tablename"] for row in tables]
    assert {"rollouts", "members", "runs", "events"} <= set(names)
    rows = [str(row[0]) for name in names for row in await scene.journal(_all_of(name))]
    assert len(rows) > 20
    return "\n".join(rows)


def _all_of(table: str) -> str:
    return f'SELECT each::text FROM "{table}" AS each'


async def _without_works(scene: Scene, name: str) -> list[Object]:
    return [await scene.get(paths.ibgu("default", name)), *await scene.events(name)]


ABSENT = ("/seed-images/{name}", "/policies/{name}")
"""Routes of what this hub lacks: it has neither seed images nor policies."""


async def _rest(scene: Scene, uid: str, name: str, cluster: str) -> str:
    """All that the API says about the rollout and its cluster."""
    pool = engine(scene.database_url)
    token = scene.hub.token("alice")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    said = []
    async with await HubClient.connect(str(scene.hub.kubeconfig("ibgu"))) as client:
        system = await client.get(paths.namespace("kube-system"), ObjectIdentity)
        app = create_app(Context(system.metadata.uid, pool, Access(client), Probes(_nothing)))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as rest:
            for asked in filter(_answers, routes(app)):
                named = cluster if asked.template.startswith("/api/v1/clusters/") else name
                path = asked.template.replace("{namespace}", "default").replace("{name}", named)
                answer = await rest.request(asked.method, path, headers=headers)
                expected = 404 if any(each in asked.template for each in ABSENT) else 200
                # Nor may alice change anything, or leave a body out.
                refused = asked.method == "POST" and answer.status_code in (403, 409, 422)
                assert refused or answer.status_code == expected, f"{asked}: {answer.text}"
                said.append(answer.text)
    await pool.dispose()
    assert uid in "".join(said)
    return "".join(said)


def _answers(asked: Asked) -> bool:
    """A stream has no end, and tells what `/events` tells; the page's files are the package's."""
    return not asked.template.endswith("/stream") and not asked.template.startswith("/static/")


async def _nothing() -> str | None:
    return None
