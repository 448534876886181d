"""Changes come from ibgu's own page, or from no page at all."""

from collections.abc import AsyncIterator

import httpx
import pytest

from ibgu.api.app import create_base
from ibgu.api.context import Probes

JSON = {"Content-Type": "application/json"}


async def _fine() -> None:
    return None


@pytest.fixture(params=[False, True], ids=["alone", "behind a proxy"])
def behind_proxy(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def asked(behind_proxy: bool) -> AsyncIterator[httpx.AsyncClient]:
    """A server that takes one change, at /change."""
    app = create_base(Probes(_fine), behind_proxy=behind_proxy)
    app.add_api_route("/change", _fine, methods=["POST", "PATCH", "PUT", "DELETE"])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ibgu:8080") as client:
        yield client


async def _kind(client: httpx.AsyncClient, headers: dict[str, str], method: str = "POST") -> str:
    """Returns the end of the problem's type; empty: the change is made."""
    answer = await client.request(method, "/change", headers=headers)
    return "" if answer.status_code == 200 else str(answer.json()["type"].rpartition("/")[2])


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
async def test_a_change_with_a_body_is_json(asked: httpx.AsyncClient, method: str) -> None:
    assert await _kind(asked, JSON, method) == ""
    assert await _kind(asked, {"Content-Type": "Application/JSON; charset=utf-8"}, method) == ""
    others = ("", "text/plain", "text/plain; application/json", "application/jsonp", "a, b")
    forms = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=application/json")
    for kind in (*others, *forms):
        assert await _kind(asked, {"Content-Type": kind}, method) == "not-json"
    for sent in (b"{}", _stream()):
        assert (await asked.request(method, "/change", content=sent)).status_code == 415


async def _stream() -> AsyncIterator[bytes]:
    """Sends a body whose length is not announced."""
    yield b"{}"


async def test_a_post_is_json_even_without_a_body(asked: httpx.AsyncClient) -> None:
    answer = await asked.post("/change")
    assert answer.status_code == 415
    assert answer.json()["detail"] == (
        "requests that change something need the header Content-Type: application/json, "
        "even without a body"
    )


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
async def test_a_request_that_no_form_can_send_needs_no_type_without_a_body(
    asked: httpx.AsyncClient, method: str
) -> None:
    """A page of another origin is refused all the same."""
    assert await _kind(asked, {}, method) == ""
    assert await _kind(asked, {"Origin": "https://evil.example"}, method) == "cross-origin"
    assert await _kind(asked, {"Sec-Fetch-Site": "same-site"}, method) == "cross-origin"


async def test_a_change_comes_from_the_own_origin(asked: httpx.AsyncClient) -> None:
    assert await _kind(asked, JSON | {"Origin": "http://ibgu:8080"}) == ""
    assert await _kind(asked, JSON | {"Origin": "HTTP://IBGU:8080"}) == ""
    for other in (
        "http://ibgu",
        "http://ibgu:8081",
        "https://ibgu:8080",
        "http://evil.ibgu:8080",
        "http://ibgu:8080.evil",
        "http://ibgu:x",
        "http://[",
        "null",
        "",
    ):
        assert await _kind(asked, JSON | {"Origin": other}) == "cross-origin", other


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "other"])
async def test_a_browser_says_that_a_page_is_of_another_site(
    asked: httpx.AsyncClient, site: str
) -> None:
    assert await _kind(asked, JSON | {"Sec-Fetch-Site": site}) == "cross-origin"
    own = {"Origin": "http://ibgu:8080"}
    assert await _kind(asked, JSON | own | {"Sec-Fetch-Site": site}) == "cross-origin"
    assert await _kind(asked, JSON | own | {"Sec-Fetch-Site": "same-origin"}) == ""


async def test_the_default_port_may_be_left_out(asked: httpx.AsyncClient) -> None:
    host = {"Host": "ibgu.example.com:80", "Origin": "http://ibgu.example.com"}
    assert await _kind(asked, JSON | host) == ""


async def test_forwarded_headers_count_only_behind_a_proxy(
    asked: httpx.AsyncClient, behind_proxy: bool
) -> None:
    told = {
        "Host": "10.0.0.7:8080",
        "X-Forwarded-Host": "ibgu.apps.example.com, ibgu-api",
        "X-Forwarded-Proto": "https,http",
    }
    own = {"Origin": "https://ibgu.apps.example.com"}
    if behind_proxy:
        assert await _kind(asked, JSON | told | own) == ""
        assert await _kind(asked, JSON | told | {"Origin": "http://10.0.0.7:8080"})
    else:
        answer = await asked.post("/change", headers=JSON | told | own)
        assert answer.status_code == 403
        assert answer.json()["detail"] == (
            "a page of https://ibgu.apps.example.com requested this change, but ibgu is at "
            "http://10.0.0.7:8080: make the change on ibgu's own page; "
            "if a proxy is in front of ibgu, set IBGU_BEHIND_PROXY=true"
        )


async def test_reads_are_for_everybody(asked: httpx.AsyncClient) -> None:
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert (await asked.get("/healthz", headers=foreign)).text == "ok"


async def test_a_request_without_a_host_is_cross_origin(asked: httpx.AsyncClient) -> None:
    """HTTP/1.0 allows that."""
    assert await _kind(asked, JSON | {"Host": "", "Origin": "null"}) == "cross-origin"
