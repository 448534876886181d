"""Streams the history as it happens: one reader per process, any number of followers."""

from ibgu.api.stream.feed import Feed
from ibgu.api.stream.response import EventStream

__all__ = ["EventStream", "Feed"]
