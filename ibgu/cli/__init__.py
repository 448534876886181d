"""The command `ibgu`."""

from ibgu.cli.app import kubectl_complete, main

__all__ = ["kubectl_complete", "main"]
