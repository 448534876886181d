"""Assembles the ASGI application of the REST API."""

from importlib.metadata import version

from fastapi import FastAPI

from ibgu.api import openapi, page
from ibgu.api.activity import routes as activity
from ibgu.api.changes import routes as changes
from ibgu.api.clusters import routes as clusters
from ibgu.api.context import Context, Probes
from ibgu.api.durations import routes as durations
from ibgu.api.durations.measured import MeasuredDurations
from ibgu.api.events import routes as events
from ibgu.api.explain import routes as explain
from ibgu.api.failures import routes as failures
from ibgu.api.follow_ups import routes as follow_ups
from ibgu.api.http import handlers, validation
from ibgu.api.http.middleware import middleware
from ibgu.api.leadership import routes as leadership
from ibgu.api.members import routes as members
from ibgu.api.policies import routes as policies
from ibgu.api.preflight import routes as preflight
from ibgu.api.preview import routes as preview
from ibgu.api.probes import PREFIX
from ibgu.api.problems.schemas import problems
from ibgu.api.process import routes as process
from ibgu.api.process.readiness import Readiness
from ibgu.api.recovery import routes as recovery
from ibgu.api.rollouts import routes as rollouts
from ibgu.api.seed_candidates import routes as seed_candidates
from ibgu.api.seeds import routes as seeds
from ibgu.api.step import routes as step
from ibgu.api.stream import Feed
from ibgu.api.stream import routes as stream
from ibgu.api.view import routes as view
from ibgu.api.whoami import routes as whoami
from ibgu.api.works import routes as works

ROUTES = (
    whoami,
    leadership,
    durations,
    rollouts,
    view,
    step,
    members,
    events,
    activity,
    failures,
    clusters,
    explain,
    recovery,
    works,
    seeds,
    seed_candidates,
    policies,
    stream,
    preview,
    preflight,
    changes,
    follow_ups,
)
"""The OpenAPI document has them in this order."""


def create_app(context: Context) -> FastAPI:
    app = create_base(context.probes, behind_proxy=context.behind_proxy)
    app.state.context = context
    app.state.measured = MeasuredDurations(context)
    app.state.views = view.Views()
    app.state.feed = Feed(context.engine, context.hub, context.in_progress)
    for part in ROUTES:
        app.include_router(part.router, prefix=PREFIX, responses=problems(429))
    app.router.routes.extend(page.ROUTES)
    return app


def create_base(probes: Probes, *, behind_proxy: bool) -> FastAPI:
    """Returns the application without the API's own routes."""
    app = FastAPI(
        title="ibgu",
        version=version("ibgu"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        middleware=middleware(behind_proxy=behind_proxy),
    )
    app.state.probes = probes
    app.state.readiness = Readiness(probes)
    app.include_router(process.router)
    if not probes.metrics_apart:
        app.include_router(process.metrics_router)
    handlers.install(app, "; see /openapi.json for all routes")
    validation.install(app)
    openapi.install(app)
    return app
