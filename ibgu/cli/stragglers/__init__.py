"""Implements `ibgu stragglers`: what is left of a rollout, and how to take it further."""

from ibgu.cli.stragglers.command import stragglers

__all__ = ["stragglers"]
