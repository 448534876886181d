"""Records which releases a cluster was asked for, and which updates it began, as seen there."""

from collections.abc import Mapping

from msgspec import Struct

from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject
from ibgu.sim.cluster_version.objects import REQUEST_FIELD


class ReleaseRequest(Struct, frozen=True):
    """ReleaseRequest is a change of the release image that a ClusterVersion asks for; times are
    seconds since the epoch."""

    at: float
    image: str
    """Empty: none."""
    managers: frozenset[str]
    """The field managers that own the request."""
    run: str
    """The run of ibgu that the ClusterVersion was marked with, no matter who asked."""
    booted: bool = False
    """Whether nobody has asked: another stateroot came with it."""
    version: str = ""
    running: str = ""
    """The version of the release that the operator applied or had then."""
    partial: bool = False
    """Whether it was still applying that release."""


class StartedUpdate(Struct):
    """StartedUpdate is an update from the moment at which the operator accepted its release."""

    image: str
    version: str
    started: float
    run: str
    """The run of ibgu that the ClusterVersion was marked with."""
    paused: frozenset[str] = frozenset()
    """The pools that were paused then."""
    completed: float | None = None
    """When the operator said that it is complete: workers may still take their configuration."""
    settled: float | None = None
    """When the workers had taken it, too."""


class UpdateTimeline:
    """UpdateTimeline is what happened to one cluster's release, in order of time."""

    def __init__(self) -> None:
        self.requests: list[ReleaseRequest] = []
        self.updates: list[StartedUpdate] = []
        self.refusals: list[tuple[float, str]] = []
        """When the operator refused which image."""

    def asked(self, request: ReleaseRequest) -> None:
        if request.image != (self.requests[-1].image if self.requests else ""):
            self.requests.append(request)

    def begun(self, image: str, version: str, at: float, run: str, paused: frozenset[str]) -> None:
        self.updates.append(StartedUpdate(image, version, at, run, paused))

    def completed(self, at: float, *, settled: bool) -> None:
        """Notes the end of the newest update; `settled`: no worker has still to take it."""
        last = self.updates[-1] if self.updates else None
        if last is not None:
            last.completed = at if last.completed is None else last.completed
            if settled and last.settled is None:
                last.settled = at


def request_of(
    obj: JsonObject, owners: Mapping[str, frozenset[str]], now: float, *, booted: bool
) -> ReleaseRequest:
    """Returns what the ClusterVersion asks for. `owners`: the managers of each of its fields."""
    wanted = (obj.get("spec") or {}).get("desiredUpdate") or {}
    managers = owners.get(REQUEST_FIELD, frozenset())
    newest: JsonObject = next(iter((obj.get("status") or {}).get("history") or ()), {})
    return ReleaseRequest(
        now,
        wanted.get("image", ""),
        managers,
        run_of(obj),
        booted,
        version=wanted.get("version", ""),
        running=newest.get("version", ""),
        partial=newest.get("state") == "Partial",
    )


def run_of(obj: JsonObject) -> str:
    """Returns the run of ibgu that the object is marked with; empty: none."""
    meta: JsonObject = obj.get("metadata") or {}
    return str((meta.get("annotations") or {}).get(names.RUN, ""))
