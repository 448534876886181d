"""Serves the page for people: static files, as they are, without a build step."""

from ibgu.api.page.routes import ROUTES

__all__ = ["ROUTES"]
