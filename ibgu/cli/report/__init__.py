"""Implements `ibgu report`: what happened in a rollout, as a page or as rows."""

from ibgu.cli.report.command import report

__all__ = ["report"]
