"""`ibgu policy`: RolloutPolicies, in files and in force."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from ibgu.cli.content.options import LintForm, LintOutput
from ibgu.cli.examples import epilog
from ibgu.cli.groups import PlainCommand
from ibgu.cli.read.policies import explain_policy, list_policies
from ibgu.cli.shared import expanded

policy = typer.Typer(no_args_is_help=True, rich_markup_mode=None, epilog=epilog("policy"))


PolicyPaths = Annotated[
    list[Path],
    typer.Argument(
        metavar="PATH",
        help="Files or directories with RolloutPolicies; - reads the input.",
        show_default=False,
    ),
]


@policy.callback()
def group() -> None:
    """Check RolloutPolicies before they are applied, and see what they hold."""


@policy.command("lint", cls=PlainCommand, epilog=epilog("policy lint"))
def lint(paths: PolicyPaths, output: LintForm = LintOutput.TEXT) -> None:
    """Check RolloutPolicies as ibgu reads them; exit code 1: one can't be followed."""
    from ibgu.cli.content.files import documents_of, files_of
    from ibgu.cli.errors import FAILED, MISUSED, fail
    from ibgu.cli.show.form import as_json
    from ibgu.cli.show.output_style import page, stdout
    from ibgu.cli.show.policies import body_of, lines_of
    from ibgu.core.views.policies import findings_of

    documents = documents_of(files_of(paths))
    policies = [each for each in documents if each.kind == "RolloutPolicy" or each.problem]
    if not policies:
        fail("there is no RolloutPolicy in these files", MISUSED)
    findings = [found for each in policies for found in findings_of(each)]
    if output is LintOutput.JSON:
        typer.echo(as_json(body_of(findings)))
    else:
        typer.echo(page(lines_of(findings, len(policies), stdout())))
    if findings:
        raise typer.Exit(FAILED)


_READING: dict[str, Callable[..., None]] = {"list": list_policies, "explain": explain_policy}
for _name, _command in _READING.items():
    _add = policy.command(_name, cls=PlainCommand, epilog=epilog(f"policy {_name}"))
    _add(expanded(_command))
