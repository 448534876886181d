"""Assembles the ASGI application of the REST API."""

from fastapi import FastAPI

from ibgu.api import page
from ibgu.api.context import Context
from ibgu.api.durations import MeasuredDurations
from ibgu.api.probes import PREFIX, create_probes
from ibgu.api.routes import (
    changes,
    clusters,
    durations,
    history,
    leadership,
    members,
    preview,
    rollouts,
    shadow,
    step,
    stream,
    summary,
    view,
    whoami,
    works,
)
from ibgu.api.schemas.problem import problems
from ibgu.api.stream import Feed


def create_app(context: Context) -> FastAPI:
    app = create_probes(context.probes, behind_proxy=context.behind_proxy)
    app.state.context = context
    app.state.measured = MeasuredDurations(context)
    app.state.views = view.Views()
    app.state.feed = Feed(context.engine, context.hub)
    reads = (
        whoami,
        leadership,
        summary,
        durations,
        rollouts,
        view,
        step,
        members,
        history,
        clusters,
        works,
        stream,
    )
    for part in (*reads, preview, changes, shadow):
        app.include_router(part.router, prefix=PREFIX, responses=problems(429))
    page.install(app)
    return app
