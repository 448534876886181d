"""Serves `/` and the files that it needs, without a token: they contain nothing private."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ibgu.api.http.request_metrics import NamedRoute
from ibgu.api.page.site import Asset, site

_FOREVER = "public, max-age=31536000, immutable"
"""The header for paths that contain the digest of the content."""


async def _index(request: Request) -> Response:
    """Returns the index, which is never cached: it names the files of this version."""
    found = site()
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": found.policy}
    return _response(request, found.index, headers)


async def _static(request: Request) -> Response:
    found, digest, path = site(), request.path_params["digest"], request.path_params["path"]
    if digest != found.digest or path not in found.assets:
        raise HTTPException(404)
    return _response(request, found.assets[path], {"Cache-Control": _FOREVER})


def _response(request: Request, asset: Asset, headers: dict[str, str]) -> Response:
    headers = {**headers, "Vary": "Accept-Encoding"}
    packed = "gzip" in request.headers.get("Accept-Encoding", "")
    if packed:
        headers["Content-Encoding"] = "gzip"
    body = asset.packed if packed else asset.body
    return Response(body, headers=headers, media_type=asset.media_type)


ROUTES = (
    NamedRoute("/", _index, methods=["GET"]),
    NamedRoute("/static/{digest}/{path:path}", _static, methods=["GET"]),
)
"""A route for GET is one for HEAD, too."""
