"""Names the route of a request that no route of FastAPI's takes, as FastAPI does for its own."""

from starlette.routing import Match, Route
from starlette.types import Scope


class NamedRoute(Route):
    """NamedRoute is known to metrics and traces by its path, whatever application has it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        return match, child if match is Match.NONE else {**child, "route": self}
