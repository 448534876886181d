"""`ibgu policy`: RolloutPolicies, in files and in force."""

from collections.abc import Callable

import typer

from ibgu.cli.content.options import LintForm, LintOutput, PolicyPaths, SourcesFile
from ibgu.cli.content.policy_init import init
from ibgu.cli.examples import epilog
from ibgu.cli.groups import PlainCommand
from ibgu.cli.read.policies import explain_policy, list_policies
from ibgu.cli.shared import expanded

policy = typer.Typer(no_args_is_help=True, rich_markup_mode=None, epilog=epilog("policy"))


@policy.callback()
def group() -> None:
    """Check RolloutPolicies before they are applied, and see what they hold."""


@policy.command("lint", cls=PlainCommand, epilog=epilog("policy lint"))
def lint(
    paths: PolicyPaths, sources: SourcesFile = None, output: LintForm = LintOutput.TEXT
) -> None:
    """Check RolloutPolicies as ibgu reads them; exit code 1: one can't be followed."""
    from ibgu.cli.content.files import documents_of, files_of, policies_in
    from ibgu.cli.content.health_sources import sources_in
    from ibgu.cli.errors import FAILED
    from ibgu.cli.show.form import as_json
    from ibgu.cli.show.output_style import page, stdout
    from ibgu.cli.show.policies import body_of, lines_of
    from ibgu.core.views.policies import findings_of

    policies = policies_in(documents_of(files_of(paths)))
    known = sources_in(sources) if sources is not None else None
    findings = [found for each in policies for found in findings_of(each, known)]
    if output is LintOutput.JSON:
        typer.echo(as_json(body_of(findings)))
    else:
        typer.echo(page(lines_of(findings, len(policies), stdout())))
    if findings:
        raise typer.Exit(FAILED)


policy.command("init", cls=PlainCommand, epilog=epilog("policy init"))(init)

_READING: dict[str, Callable[..., None]] = {"list": list_policies, "explain": explain_policy}
for _name, _command in _READING.items():
    _add = policy.command(_name, cls=PlainCommand, epilog=epilog(f"policy {_name}"))
    _add(expanded(_command))
