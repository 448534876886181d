"""`python -m tests.policy_examples`: plays the examples of the guide "Safe by policy" on a sandbox
hub with 200 simulated clusters, and prints the table of docs/reliability.md. Exits with 1 if
something is not as the guide says.
"""

import argparse
import asyncio
import sys
from pathlib import Path

import structlog

from ibgu.core.text.spans import duration
from ibgu.sandbox.demo.sample import NAMESPACES
from ibgu.sandbox.hub import SandboxHub
from tests.e2e.conftest import scene_on
from tests.policy_examples.examples import EXAMPLES, Example
from tests.policy_examples.stage import Proof, staged
from tests.simulation.postgres import database, server

HEAD = (
    "| example | clusters | proven | by the controller's clock | real time |\n"
    "|---|---|---|---|---|\n"
)
EVERY = range(1, len(EXAMPLES) + 1)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.policy_examples")
    parser.add_argument("--clusters", type=_size, default=200, help="of each example, 40 to 240")
    parser.add_argument("--screens", type=Path, help="directory for pictures of what was seen")
    parser.add_argument("--only", type=int, choices=EVERY, help="the number of one example")
    given = parser.parse_args()
    chosen = EXAMPLES if given.only is None else EXAMPLES[given.only - 1 : given.only]
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    proofs: dict[str, Proof | None] = {}
    with server() as postgres, SandboxHub(namespaces=NAMESPACES) as hub:
        for example in chosen:
            proofs[example.name] = asyncio.run(
                _tried(example, hub, postgres, given.clusters, given.screens)
            )
    print(table(proofs), end="")
    return int(None in proofs.values())


def _size(text: str) -> int:
    """Returns the number of clusters: with fewer thirty at once are no limit, and with more the
    budget allows more failures than there are causes for."""
    if not text.isdecimal() or not 40 <= int(text) <= 240:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 40 to 240")
    return int(text)


async def _tried(
    example: Example, hub: SandboxHub, postgres: str, clusters: int, screens: Path | None
) -> Proof | None:
    """Returns what the example has proven; None: something was not so, which is printed."""
    print(f"{example.name} …", file=sys.stderr, flush=True)
    folder = screens / example.name.replace(", ", "-").replace(" ", "-") if screens else None
    try:
        with database(postgres) as url:
            async with scene_on(hub, url) as scene, staged(scene, clusters, folder) as stage:
                await example.play(stage)
                return stage.proof()
    except Exception as error:
        print(f"{example.name}: {error}", file=sys.stderr, flush=True)
        return None


def table(proofs: dict[str, Proof | None]) -> str:
    return HEAD + "".join(_row(name, proof) for name, proof in proofs.items())


def _row(name: str, proof: Proof | None) -> str:
    if proof is None:
        return f"| {name} | | **not as the guide says** | | |\n"
    spans = f"{duration(proof.virtual)} | {duration(proof.real)}"
    return f"| {name} | {proof.clusters} | {'; '.join(proof.proven)} | {spans} |\n"


if __name__ == "__main__":
    sys.exit(main())
