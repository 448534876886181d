"""`ibgu policy`: what RolloutPolicies allow rollouts to do."""

import typer

from ibgu.cli.examples import epilog
from ibgu.cli.groups import PlainCommand
from ibgu.cli.policies.linting import lint

policy = typer.Typer(no_args_is_help=True, rich_markup_mode=None, epilog=epilog("policy"))


@policy.callback()
def group() -> None:
    """Check RolloutPolicies before they are applied."""


policy.command("lint", cls=PlainCommand, epilog=epilog("policy lint"))(lint)
