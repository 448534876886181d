"""The verdict on a demo that walked through all steps: what came of it, and whether it was meant
so."""

from collections.abc import Collection
from typing import Any

from msgspec import Struct

from ibgu.core.drivers.ibu.actions import Action
from ibgu.sandbox.demo.ending import DONE, UNEXPECTED


class DemoResult(Struct, frozen=True):
    code: int
    lines: tuple[str, ...]


def verdict(ibgu: dict[str, Any], meant: Collection[str]) -> DemoResult:
    """Judges a completed IBGU, where `meant` are the clusters that were made to fail."""
    clusters = ibgu["status"].get("clusters", [])
    failed = {entry["name"] for entry in clusters if entry.get("failedActions")}
    upgraded = {entry["name"] for entry in clusters if _upgraded(entry)} - failed
    done = (
        f"Done. Clusters upgraded: {len(upgraded)}; failed and aborted: {len(failed)} "
        f"(made to fail: {len(meant)})."
    )
    surprises = (
        _unexpected(failed - set(meant), "failed without being made to"),
        _unexpected(set(meant) - failed, "did not fail, though made to"),
    )
    lines = tuple(line for line in (done, *surprises) if line)
    return DemoResult(DONE if failed == set(meant) else UNEXPECTED, lines)


def _upgraded(entry: dict[str, Any]) -> bool:
    done = entry.get("completedActions", [])
    return any(each["action"] == Action.UPGRADE.value for each in done)


def _unexpected(names: Collection[str], what: str) -> str:
    return f"Not as meant: {', '.join(sorted(names))} {what}." if names else ""
