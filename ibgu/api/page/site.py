"""Keeps the page's files in memory, each under a path that changes whenever any of them does."""

import base64
import gzip
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from msgspec import Struct

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""No file of another type is served."""
INDEX = "index.html"
_DIGEST = "__DIGEST__"
_INLINE = re.compile(r"<script[^>]*type=\"importmap\"[^>]*>(.*?)</script>", re.DOTALL)


class Asset(Struct, frozen=True):
    body: bytes
    packed: bytes
    """The body, gzipped."""
    media_type: str


class Site(Struct, frozen=True):
    digest: str
    """The digest of all files together; part of every path but that of the index."""
    index: Asset
    policy: str
    """The index's Content-Security-Policy: nothing inline runs but its import map."""
    assets: dict[str, Asset]


@cache
def site() -> Site:
    return read(files("ibgu") / "web")


def read(root: Traversable) -> Site:
    found = {path: each.read_bytes() for path, each in _walk(root) if _suffix(path) in TYPES}
    digest = _digest(found)
    index = found.pop(INDEX).decode().replace(_DIGEST, digest)
    return Site(
        digest=digest,
        index=_asset(INDEX, index.encode()),
        policy=_policy(index),
        assets={path: _asset(path, body) for path, body in found.items()},
    )


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for each in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if each.is_dir():
            yield from _walk(each, f"{prefix}{each.name}/")
        else:
            yield f"{prefix}{each.name}", each


def _suffix(path: str) -> str:
    return path[path.rfind(".") :]


def _digest(found: dict[str, bytes]) -> str:
    whole = hashlib.sha256()
    for path, body in found.items():
        whole.update(f"{path}\0{len(body)}\0".encode() + body)
    return whole.hexdigest()[:16]


def _asset(path: str, body: bytes) -> Asset:
    return Asset(body, gzip.compress(body, mtime=0), TYPES[_suffix(path)])


def _policy(index: str) -> str:
    inline = [hashlib.sha256(found.encode()).digest() for found in _INLINE.findall(index)]
    hashes = "".join(f" 'sha256-{base64.b64encode(each).decode()}'" for each in inline)
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self'{hashes}",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
