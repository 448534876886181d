"""OpenShift's own oauth-proxy before the real API, with the arguments that the chart gives it.

It is published in images only. No Go module proxy serves it, so `make tools` can't build it: build
it from github.com/openshift/oauth-proxy (`go build -mod=vendor`), and name it in OAUTH_PROXY.
"""

import asyncio
import os
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace

from ibgu.api.app import create_app
from ibgu.api.context import Context
from ibgu.api.http.server import bind, serve
from ibgu.sandbox.certificates import write_serving_files
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.servers import free_port
from tests.charts.rendering import CASES, OPENSHIFT, render
from tests.charts.test_templates import only, pod_specs

BINARY = os.environ.get("OAUTH_PROXY", "")
pytestmark = pytest.mark.skipif(not BINARY, reason="OAUTH_PROXY names no oauth-proxy")
HOST = "ibgu.apps.example.com"
ROUTER = {"Host": HOST, "X-Forwarded-Host": HOST, "X-Forwarded-Proto": "https"}
"""What a Route adds."""
JSON = {"Content-Type": "application/json"}


class Oauth(Struct):
    """The hub's OAuth server, at which olga is signed in already."""

    url: str
    asked: list[dict[str, str]] = []


@pytest.fixture
def oauth(sandbox_hub: SandboxHub) -> Iterator[Oauth]:
    asked: list[dict[str, str]] = []
    granted = {"access_token": sandbox_hub.token("olga"), "expires_in": 86400}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith("/authorize"):
                self._answer({"metadata": {"name": "olga"}})
                return
            query = {name: each[0] for name, each in parse_qs(urlsplit(self.path).query).items()}
            asked.append(query)
            back = urlencode({"code": "code", "state": query["state"]})
            self.send_response(302)
            self.send_header("Location", f"{query['redirect_uri']}?{back}")
            self.end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append({name: each[0] for name, each in parse_qs(body).items()})
            self._answer(granted)

        def _answer(self, body: object) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(msgspec.json.encode(body))

        def log_message(self, format: str, *args: object) -> None:
            """Writes nothing on the tests' output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Oauth(f"http://127.0.0.1:{server.server_address[1]}", asked)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
async def api(context: Context) -> AsyncIterator[str]:
    """The API as the chart runs it, behind the proxy."""
    listener = bind("127.0.0.1:0")
    serving = asyncio.create_task(serve(create_app(replace(context, behind_proxy=True)), listener))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


@pytest.fixture
async def route(
    api: str, oauth: Oauth, sandbox_hub: SandboxHub, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """A client outside of the cluster: what it asks goes by the Route to the proxy."""
    port = free_port()
    arguments = [*_arguments(tmp_path, port, api), *_outside_a_pod(sandbox_hub, oauth)]
    proxy = await asyncio.create_subprocess_exec(BINARY, *arguments, stderr=asyncio.subprocess.PIPE)
    assert proxy.stderr
    try:
        while b"HTTPS: listening on" not in (line := await proxy.stderr.readline()):
            assert line, "the proxy has ended"
        reading = asyncio.create_task(proxy.stderr.read())
        trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        url = f"https://127.0.0.1:{port}"
        async with httpx.AsyncClient(
            base_url=url, timeout=60, verify=trusted, headers=ROUTER
        ) as client:
            yield client
    finally:
        proxy.terminate()
        await proxy.wait()
    await reading


def _arguments(folder: Path, port: int, api: str) -> list[str]:
    """Returns the arguments of the chart, with what it mounts where it is here."""
    objects = render(CASES["oauth proxy"], OPENSHIFT)
    for name, content in only(objects, "Secret")["stringData"].items():
        (folder / name).write_text(content)
    files = write_serving_files(folder)
    files.certificate.rename(folder / "tls.crt")
    files.key.rename(folder / "tls.key")
    here = {
        "/etc/oauth-proxy/tls": str(folder),
        "/etc/oauth-proxy/secret": str(folder),
        "https-address=:8443": f"https-address=127.0.0.1:{port}",
        "http://127.0.0.1:8080": api,
    }
    arguments: list[str] = pod_specs(objects)["Deployment/ibgu-api"]["containers"][1]["args"]
    for there, path in here.items():
        arguments = [each.replace(there, path) for each in arguments]
    return arguments


def _outside_a_pod(hub: SandboxHub, oauth: Oauth) -> list[str]:
    """Returns the flags for what the proxy finds by itself in a pod of OpenShift; its rights are
    those of the API."""
    kubeconfig = hub.kubeconfig("ibgu")
    kinds = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
    return [
        *(f"--{kind}={kubeconfig}" for kind in kinds),
        f"--openshift-ca={hub.ca_file}",
        f"--login-url={oauth.url}/authorize",
        f"--redeem-url={oauth.url}/token",
        f"--validate-url={oauth.url}/users/~",
    ]


async def _signed_in(route: httpx.AsyncClient) -> dict[str, str]:
    """The headers of a browser that has followed the proxy to the OAuth server and back."""
    started = await route.get("/")
    async with httpx.AsyncClient(timeout=60) as outside:
        back = (await outside.get(started.headers["Location"])).headers["Location"]
    assert back.startswith(f"https://{HOST}/oauth/callback?")
    cookie = started.headers["Set-Cookie"].partition(";")[0]
    answer = await route.get(back.partition(HOST)[2], headers={"Cookie": cookie})
    kept = [each.partition(";")[0] for each in answer.headers.get_list("Set-Cookie")]
    return {"Cookie": "; ".join(kept)}


async def test_a_signed_in_user_acts_with_their_own_rights(
    route: httpx.AsyncClient, oauth: Oauth
) -> None:
    browser = await _signed_in(route)
    authorize, token = oauth.asked
    assert (authorize["scope"], authorize["client_id"]) == ("user:full", token["client_id"])
    assert token["client_secret"]
    whoami = await route.get("/api/v1/whoami", headers=browser)
    assert whoami.json()["username"] == "olga"
    assert "ibgu" in (await route.get("/", headers=browser)).text
    change = "/api/v1/rollouts/default/none/pause"
    own = browser | {"Origin": f"https://{HOST}", "Sec-Fetch-Site": "same-origin"}
    assert (await route.post(change, headers=own | JSON)).status_code == 404
    assert (await route.post(change, headers=own)).status_code == 415
    sibling = browser | {"Origin": "https://evil.apps.example.com", "Sec-Fetch-Site": "same-site"}
    assert (await route.post(change, headers=sibling | JSON)).status_code == 403


async def test_a_client_brings_a_token_of_its_own(
    route: httpx.AsyncClient, sandbox_hub: SandboxHub
) -> None:
    """The proxy lets through users whom ibgu does not know: ibgu answers what they may see."""
    for user in ("alice", "carol"):
        headers = {"Authorization": f"Bearer {sandbox_hub.token(user)}"}
        answer = await route.get("/api/v1/whoami", headers=headers)
        assert answer.json()["username"] == user
        assert (await route.get("/api/v1/rollouts", headers=headers)).json()["items"] == []
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        assert (await route.get("/api/v1/whoami", headers=headers)).status_code == 302


async def test_a_token_under_the_proxys_own_header_is_no_way_in(
    route: httpx.AsyncClient, sandbox_hub: SandboxHub
) -> None:
    headers = {"X-Forwarded-Access-Token": sandbox_hub.token("olga")}
    assert (await route.get("/api/v1/whoami", headers=headers)).status_code == 302
    wrong = headers | {"Authorization": f"Bearer {sandbox_hub.token('carol')}"}
    assert (await route.get("/api/v1/whoami", headers=wrong)).json()["username"] == "carol"
