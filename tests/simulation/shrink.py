"""Shrinks a list of faults that breaks something to the few that it takes."""

from collections.abc import Callable, Sequence

Fails = Callable[[Sequence[int]], bool]


def shrunk(count: int, fails: Fails, tries: int = 60) -> list[int]:
    """Returns the numbers of the faults that are needed (delta debugging); `fails` runs it with
    those."""
    kept = list(range(count))
    size = max(1, len(kept) // 2)
    while tries > 0 and size >= 1 and kept:
        for start in range(0, len(kept), size):
            fewer = kept[:start] + kept[start + size :]
            tries -= 1
            if fails(fewer):
                kept = fewer
                break
            if tries <= 0:
                break
        else:
            if size == 1:
                break
            size = max(1, size // 2)
            continue
        size = min(size, max(1, len(kept) // 2))
    return kept
