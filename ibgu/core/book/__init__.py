"""The world in memory, with the aggregates that make a turn cost what changed."""

from ibgu.core.book.starts import Starts
from ibgu.core.book.step import QUEUED, End, StepBook
from ibgu.core.book.world import Book, Canceller, Holder, Take, Undo, World

__all__ = [
    "QUEUED",
    "Book",
    "Canceller",
    "End",
    "Holder",
    "Starts",
    "StepBook",
    "Take",
    "Undo",
    "World",
]
