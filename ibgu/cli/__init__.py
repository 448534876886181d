"""The command `ibgu`."""

from ibgu.cli.app import main

__all__ = ["main"]
