"""The history as it happens: one reader per process, as many followers as want it."""

from ibgu.api.stream.feed import Feed
from ibgu.api.stream.response import EventStream

__all__ = ["EventStream", "Feed"]
