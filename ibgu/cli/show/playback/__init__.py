"""Folds a rollout's events into what `ibgu status` would have shown then, for `ibgu replay`."""

from ibgu.cli.show.playback.fold import Playback
from ibgu.cli.show.playback.line import event_line

__all__ = ["Playback", "event_line"]
