"""Completes commands, options, and names of rollouts and clusters in shells."""

from ibgu.cli.complete.command import completion
from ibgu.cli.complete.main import complete, kubectl_complete

__all__ = ["complete", "completion", "kubectl_complete"]
