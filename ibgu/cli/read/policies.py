"""`ibgu policy list` and `ibgu policy explain`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from ibgu.cli import complete
from ibgu.cli.read.options import RestOptions
from ibgu.cli.read.output import Listing, ListOutput
from ibgu.cli.show.form import Form, Output, print_body

HeldIn = Annotated[
    str,
    typer.Option(
        "--namespace",
        "-n",
        help="Only what policies hold in this namespace; default: all that you may see.",
        show_default=False,
        autocompletion=complete.namespaces,
    ),
]


def list_policies(
    namespace: HeldIn = "", output: Listing = ListOutput.TABLE, *, rest: RestOptions
) -> None:
    """List the RolloutPolicies in force, and what each holds now."""
    from ibgu.cli.read.asking import asking
    from ibgu.cli.read.output import lines
    from ibgu.cli.show.policies_in_force import notes, policies_table

    with asking():
        found = rest.target().client().policies(namespace=namespace or None)
        if output in (ListOutput.JSON, ListOutput.YAML):
            print_body(found, output)
        elif output is ListOutput.NAME:
            lines(f"rolloutpolicy/{each.name}" for each in found.items)
        else:
            if found.items:
                now = datetime.now(UTC)
                lines(policies_table(found.items, now, wide=output is ListOutput.WIDE))
            for line in notes(found):
                typer.echo(line, err=True)


def explain_policy(
    name: Annotated[str, typer.Argument(help="The RolloutPolicy's name.", show_default=False)],
    namespace: HeldIn = "",
    output: Output = Form.TEXT,
    *,
    rest: RestOptions,
) -> None:
    """Explain what a RolloutPolicy allows, what it holds now, and what ends that."""
    from ibgu.cli.errors import MISUSED, fail
    from ibgu.cli.read.asking import asking
    from ibgu.cli.show.output_style import page, stdout
    from ibgu.cli.show.policies_in_force import policy_lines

    if "/" in name or name.endswith((".yaml", ".yml")):
        words = f"{name!r} is not the name of a RolloutPolicy; to check a file: ibgu policy lint"
        fail(words, MISUSED)
    with asking():
        found = rest.target().client().policy(name, namespace=namespace or None)
        if output is Form.TEXT:
            typer.echo(page(policy_lines(found, datetime.now(UTC), stdout())))
        else:
            print_body(found, output)
