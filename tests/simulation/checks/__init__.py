"""What must hold, and how it is found out that it does not."""

from collections import Counter


class Found:
    """Broken invariants in words, and how often each was looked at and held."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.held: Counter[str] = Counter()

    def check(self, name: str, holds: bool, *words: object) -> None:
        """`words` are only asked for a text where it does not hold."""
        if holds:
            self.held[name] += 1
        elif len(self.problems) < 20:
            self.problems.append(f"{name}: {' '.join(map(str, words))}")
