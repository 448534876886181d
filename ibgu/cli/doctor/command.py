"""`ibgu doctor`."""

from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli.errors import MISUSED, fail
from ibgu.cli.show.form import Form, Output, print_body

if TYPE_CHECKING:
    from ibgu.hub.authorization.rights import Account
    from ibgu.settings import Settings


def doctor(
    user: Annotated[
        bool,
        typer.Option("--user", help="Check what you need to use ibgu, instead of what ibgu needs."),
    ] = False,
    account: Annotated[
        str,
        typer.Option(
            "--account",
            help="Check this ServiceAccount (namespace:name) instead of the kubeconfig's user.",
            show_default=False,
        ),
    ] = "",
    namespace: Annotated[
        str,
        typer.Option(
            "--namespace", "-n", help="With --user: namespace of your rollouts.", show_default=False
        ),
    ] = "",
    output: Output = Form.TEXT,
) -> None:
    """Check a hub and a database before ibgu runs there; exit code 1: warnings, 2: errors."""
    import asyncio
    import logging

    from ibgu.cli.doctor.examine import examine
    from ibgu.cli.doctor.findings import exit_code
    from ibgu.cli.doctor.probe_hub import AccessQuestion
    from ibgu.cli.doctor.show import as_text, body_of
    from ibgu.cli.doctor.token import judge_token
    from ibgu.cli.read.asking import asking
    from ibgu.cli.show.output_style import page, stdout
    from ibgu.client.harmless import cleaned

    # What libraries log is in the findings.
    logging.basicConfig(handlers=[logging.NullHandler()])
    settings = _settings(user=user)
    ask = AccessQuestion(_account(account), user, _namespace(namespace) if user else "")
    mine = [judge_token()] if user else []
    findings = [*mine, *map(cleaned, asyncio.run(examine(settings, ask)))]
    with asking():
        if output is Form.TEXT:
            typer.echo(page(as_text(findings, stdout())))
        else:
            print_body(body_of(findings), output)
    raise typer.Exit(exit_code(findings))


def _settings(*, user: bool) -> "Settings":
    from ibgu.settings import SettingsError, in_cluster, read_settings

    try:
        settings = read_settings()
    except SettingsError as error:
        fail(str(error), MISUSED)
    if not (user or settings.kubeconfig or settings.database_url or in_cluster()):
        fail("nothing to check: set KUBECONFIG, DATABASE_URL, or both", MISUSED)
    return settings


def _account(given: str) -> "Account | None":
    from ibgu.hub.authorization.rights import Account

    namespace, _, name = given.partition(":")
    if given and not (namespace and name):
        fail(
            f"--account: {given!r} is not of the form namespace:name, such as ibgu-system:ibgu",
            MISUSED,
        )
    return Account(namespace, name) if given else None


def _namespace(given: str) -> str:
    from ibgu.cli.read.asking import asking
    from ibgu.cli.rest.kubeconfig import current

    with asking():
        return given or current().namespace or "default"
