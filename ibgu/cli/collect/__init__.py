"""Implements `ibgu collect`: all that helps to understand a rollout, without what must stay
secret."""

from ibgu.cli.collect.command import collect

__all__ = ["collect"]
