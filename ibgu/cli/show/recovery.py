"""`ibgu recover`: prints the way back of a cluster. Commands are not wrapped, so that they can be
copied."""

from itertools import chain

from ibgu.cli.show.output_style import OutputStyle
from ibgu.client.responses import RecoveryResponse


def recovery_lines(found: RecoveryResponse, style: OutputStyle) -> list[str]:
    head = style.paint(found.headline, bold=True)
    facts = [style.under(f"{name:<8} ", text) for name, text in found.facts.items()]
    steps: list[str] = []
    for number, step in enumerate(found.steps, 1):
        steps += ["", *style.under(f"{number}. ", step.text)]
        steps += [f"       {line}" for line in step.commands]
    return [
        f"{found.cluster} · {found.rollout} · {head}",
        *chain.from_iterable(facts),
        *steps,
        "",
        f"guide    {found.guide}",
    ]
