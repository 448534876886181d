"""Lists what every request passes, in any process."""

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from ibgu.api.http.body_limit import BodyLimit
from ibgu.api.http.error_boundary import ErrorBoundary
from ibgu.api.http.head import Heads
from ibgu.api.http.origin import SameOrigin
from ibgu.api.http.request_metrics import RequestMetrics
from ibgu.api.http.tags import ETags
from ibgu.api.http.traced import RequestTraces

GZIP_BYTES = 1024
"""The size from which answers are compressed; streams never are."""
GZIP_LEVEL = 5


def middleware(*, behind_proxy: bool) -> list[Middleware]:
    """Returns the layers, the outermost first."""
    return [
        Middleware(RequestTraces),
        Middleware(RequestMetrics),
        Middleware(ErrorBoundary),
        Middleware(Heads),
        Middleware(GZipMiddleware, minimum_size=GZIP_BYTES, compresslevel=GZIP_LEVEL),
        Middleware(ETags),
        Middleware(SameOrigin, behind_proxy=behind_proxy),
        Middleware(BodyLimit),
    ]
