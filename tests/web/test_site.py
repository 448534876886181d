"""Files that are served at `/`: whole, unmodified, and strict about what may run."""

import gzip
import hashlib
import re
from pathlib import Path

import httpx
import pytest

from ibgu.api.page.site import Site, read, site
from ibgu.api.probes import create_waiting

WEB = Path(__file__).parents[2] / "ibgu" / "web"
VENDOR = WEB / "vendor"


async def get(path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=create_waiting(lambda: ["the journal is away"]))
    async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as client:
        return await client.get(path, headers=headers)


def test_vendored_files_are_those_of_their_packages() -> None:
    lines = (VENDOR / "SHA256SUMS").read_text().splitlines()
    listed = {path: digest for digest, path in (line.split("  ./") for line in lines)}
    found = {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name not in ("SHA256SUMS", "README.md")
    }
    assert found == listed


def test_every_vendored_package_has_its_licence() -> None:
    packages = [each for each in VENDOR.iterdir() if each.is_dir()]
    assert packages
    assert [each.name for each in packages if not (each / "LICENSE").is_file()] == []


async def test_the_index_is_never_kept_and_lets_nothing_inline_run() -> None:
    answer = await get("/")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self' 'sha256-")
    assert "unsafe" not in policy
    assert "on" not in {name[:2] for name in re.findall(r"\s(\w+)=", answer.text)}


async def test_files_may_be_kept_for_ever_under_the_name_of_their_content() -> None:
    path = f"/static/{site().digest}/app/main.js"
    answer = await get(path, **{"Accept-Encoding": "gzip"})
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.content == (WEB / "app/main.js").read_bytes()
    plain = await get(path, **{"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.content == answer.content


@pytest.mark.parametrize(
    "path", ["app/none.js", "vendor/SHA256SUMS", "../settings.py", "index.html"]
)
async def test_nothing_else_is_served(path: str) -> None:
    assert (await get(f"/static/{site().digest}/{path}")).status_code == 404
    assert (await get(f"/static/another/{path}")).status_code == 404


async def test_the_page_is_there_while_the_process_waits() -> None:
    assert (await get("/")).status_code == 200
    assert (await get("/api/v1/rollouts")).json()["detail"] == "the journal is away"


def test_one_other_byte_is_another_digest(tmp_path: Path) -> None:
    first = written(tmp_path, "let one = 1;")
    assert written(tmp_path, "let one = 1;") == first
    second = written(tmp_path, "let one = 2;")
    assert second.digest != first.digest
    assert second.digest in second.index.body.decode()
    assert gzip.decompress(second.assets["main.js"].packed) == b"let one = 2;"


def written(folder: Path, script: str) -> Site:
    (folder / "index.html").write_text('<script src="./static/__DIGEST__/main.js"></script>')
    (folder / "main.js").write_text(script)
    return read(folder)


def test_every_module_is_used() -> None:
    used = {
        (path.parent / target).resolve()
        for path in (WEB / "app").rglob("*.js")
        for target in re.findall(r'from "(\.[^"]+)"', path.read_text())
    }
    assert set((WEB / "app").rglob("*.js")) - used == {WEB / "app" / "main.js"}
