"""The command `ibgu`."""

from ibgu.cli.app import main
from ibgu.cli.complete import kubectl_complete

__all__ = ["kubectl_complete", "main"]
