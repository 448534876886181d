"""`python -m tests.simulation.figures`: what a soak and the proof of the net have counted, written
into docs/reliability.md.
"""

import json
import re
import sys
from pathlib import Path
from textwrap import wrap
from typing import Any

from tests.simulation import faults

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
SOAK = ROOT / ".artifacts" / "soak.json"
NET = ROOT / ".artifacts" / "net.txt"
HEADING = "## In figures\n"
GROUPS = {
    "processes": faults.PROCESS,
    "journal": faults.JOURNAL,
    "hub": faults.HUB,
    "watches": faults.WATCH,
    "clusters": faults.CLUSTER,
    "people": faults.PEOPLE,
    "what Prep carries": faults.PAYLOAD,
    "tenancy": faults.TENANCY,
    "preflight": faults.PREFLIGHT,
    "others": tuple(
        kind
        for kind in faults.OTHERS
        if kind not in faults.PAYLOAD + faults.TENANCY + faults.PREFLIGHT
    ),
}


def main() -> None:
    text = section(json.loads(SOAK.read_text()), caught(NET.read_text()))
    before, _, after = PAGE.read_text().partition(HEADING)
    post_commit = after.partition("\n## ")[2]
    PAGE.write_text(before + text + (f"\n## {post_commit}" if post_commit else ""))


def caught(told: str) -> dict[str, int]:
    """Returns the seeds until each broken variant was noticed. Exits if one was not."""
    if missed := re.findall(r"^(\S+) +not caught", told, re.MULTILINE):
        sys.exit(f"not caught: {', '.join(missed)}")
    found = re.findall(r"^(\S+) +caught in +(\d+) seeds", told, re.MULTILINE)
    return {name: int(seeds) for name, seeds in found}


def section(soak: dict[str, Any], net: dict[str, int]) -> str:
    """Returns the section of the page, heading included."""
    if broke := soak["seeds that broke something"]:
        sys.exit(f"seeds that broke something: {broke}")
    struck, held = soak["faults injected"], soak["invariant checks held"]
    return (
        f"{HEADING}\n"
        "`make figures MINUTES=30` runs [the simulation](simulation.md), proves its net, and\n"
        "writes this section.\n\n"
        f"{soak['seeds']:,} seeds, {soak['virtual hours']:,.0f} hours of virtual time in "
        f"{soak['real seconds'] / 60:.0f} minutes; none broke anything.\n"
        f"{sum(held.values()):,} checks of {len(held)} invariants held.\n\n"
        "| faults | how often each struck: what lasts, every request that met it |\n|---|---|\n"
        f"{_faults(struck)}\n"
        "| invariant | checks that held |\n|---|---:|\n"
        f"{_rows(held)}\n"
        f"{_variants(net)}"
    )


def _faults(struck: dict[str, int]) -> str:
    rows = (
        (group, [f"{kind} {struck[kind]:,}" for kind in kinds if kind in struck])
        for group, kinds in GROUPS.items()
    )
    return "".join(f"| {group} | {', '.join(told)} |\n" for group, told in rows)


def _variants(net: dict[str, int]) -> str:
    """Returns a paragraph with all broken variants; those that took more seeds than one say so."""
    names = (f"`{name}`" if seeds == 1 else f"`{name}` ({seeds})" for name, seeds in net.items())
    told = (
        f"All {len(net)} broken variants of the engine were caught, each by the first seed that "
        f"was tried unless a number of seeds stands behind it: {', '.join(names)}."
    )
    return "\n".join(wrap(told, 120, break_long_words=False, break_on_hyphens=False)) + "\n"


def _rows(counts: dict[str, int]) -> str:
    return "".join(f"| {name} | {count:,} |\n" for name, count in counts.items())


if __name__ == "__main__":
    main()
