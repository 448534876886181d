"""Outside its own packages nothing names an action of the image-based upgrade, or its driver."""

import re
from collections.abc import Iterator
from pathlib import Path

from ibgu.core.drivers.ibu.actions import IBU_ACTIONS

ROOT = Path(__file__).parents[3]
ITS_OWN = (
    "ibgu/core/drivers",
    "ibgu/core/talm",  # TALM's objects exist for this kind alone
    "ibgu/core/assurance/shadow",  # so does what ibgu concludes beside TALM
    "ibgu/controller/shadow",
    "ibgu/api/shadow",
    "ibgu/api/preflight",  # preflight's rules are of this kind
    "ibgu/cli/content",  # so is the content that its rollouts bring
    "ibgu/sim",  # the simulated Lifecycle Agent
    "ibgu/sandbox",
)
EXAMPLES = "schemas.py"
"""Bodies of REST show examples."""
NAMES_IT = {
    # The doctor looks for clusters without the Lifecycle Agent.
    "ibgu/cli/doctor/probe_fleet.py",
    # Preflight's rules are of this kind, and the preview applies them.
    "ibgu/api/preview/asking.py",
    "ibgu/api/preview/mapping.py",
    "ibgu/api/preview/previewing.py",
    "ibgu/cli/show/lint.py",
    "ibgu/cli/show/oadp_waves.py",
    "ibgu/core/views/preview/preflight.py",
    "ibgu/hub/preflight.py",
    # Works are shown as this kind reports them.
    "ibgu/api/works/mapping.py",
    "ibgu/api/works/schemas.py",
    "ibgu/core/views/reported.py",
    "ibgu/core/views/stragglers/stuck.py",
    # Cancel, rollback and finalize are verbs of this kind.
    "ibgu/core/views/change/fitness.py",
    "ibgu/api/follow_ups/schemas.py",
    "ibgu/core/views/change/follow_up.py",
}
"""Modules that import the driver's package; a second kind gets here what it needs."""


IMPORT = re.compile(r"^\s*from ibgu\.core\.drivers\.ibu\b", re.MULTILINE)
ACTION = re.compile(f"[\"']({'|'.join(IBU_ACTIONS.names)})[\"']")


def others() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "ibgu").glob("**/*.py")):
        name = str(path.relative_to(ROOT))
        if not name.startswith(ITS_OWN):
            yield name, path.read_text()


def test_every_importer_of_the_driver_is_listed() -> None:
    assert {name for name, text in others() if IMPORT.search(text)} == NAMES_IT


def test_nothing_compares_with_a_named_action() -> None:
    found = {name for name, text in others() if ACTION.search(text) and not name.endswith(EXAMPLES)}
    assert found == {"ibgu/core/notify/sample.py"}
