"""The main job on one's own machine: hub, Postgres, fleet, ibgu and a rollout."""

from ibgu.sandbox.demo.options import DemoOptions
from ibgu.sandbox.demo.play import main

__all__ = ["DemoOptions", "main"]
