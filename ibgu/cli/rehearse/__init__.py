"""`ibgu rehearse`: how a rollout is likely to go, before it starts."""

from ibgu.cli.rehearse.command import rehearse

__all__ = ["rehearse"]
