"""The pages of docs/reference, each from the code that it is about."""

from collections.abc import Callable
from pathlib import Path

from tests.docs.reference import api, causes, events, failures, gates, preflight_rules, reasons

FOLDER = Path(__file__).parents[3] / "docs" / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "api.md": api.page,
    "causes.md": causes.page,
    "events.md": events.page,
    "fleetupdates.md": api.fleet_updates,
    "failures.md": failures.page,
    "gates.md": gates.page,
    "policies.md": api.policies,
    "preflight-rules.md": preflight_rules.page,
    "reasons.md": reasons.page,
}
