"""Implements `ibgu gather`: logs of clusters, without anybody on their sites."""

from ibgu.cli.gather.command import gather

__all__ = ["gather"]
