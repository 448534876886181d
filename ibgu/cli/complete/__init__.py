"""Completion for shells: of commands, options, and the names of rollouts and clusters."""

from ibgu.cli.complete.command import completion
from ibgu.cli.complete.main import complete, kubectl_complete

__all__ = ["complete", "completion", "kubectl_complete"]
