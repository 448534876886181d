"""The verdict on a demo that walked through all steps: what came of it, and whether it was meant
so."""

from collections.abc import Collection
from typing import Any

from msgspec import Struct

from ibgu.sandbox.demo.ending import DONE, UNEXPECTED


class DemoResult(Struct, frozen=True):
    code: int
    lines: tuple[str, ...]


def verdict(
    found: dict[str, Any], meant: Collection[str], action: str, open_: Collection[str] = ()
) -> DemoResult:
    """Judges a completed rollout, where `meant` are the clusters that were made to fail, `open_`
    those that may fail or not, and `action` is the one that brings a cluster to its release."""
    clusters = found["status"].get("clusters", [])
    failed = {entry["name"] for entry in clusters if entry.get("failedActions")}
    upgraded = {entry["name"] for entry in clusters if _completed(entry, action)} - failed
    done = (
        f"Done. Clusters with the new release: {len(upgraded)}; failed: {len(failed)} "
        f"(made to fail: {len(meant)})."
    )
    surprises = (
        _unexpected(failed - set(meant) - set(open_), "failed without being made to"),
        _unexpected(set(meant) - failed, "did not fail, though made to"),
    )
    lines = tuple(line for line in (done, *surprises) if line)
    return DemoResult(UNEXPECTED if any(surprises) else DONE, lines)


def _completed(entry: dict[str, Any], action: str) -> bool:
    done = entry.get("completedActions", [])
    return any(each["action"] == action for each in done)


def _unexpected(names: Collection[str], what: str) -> str:
    return f"Not as meant: {', '.join(sorted(names))} {what}." if names else ""
