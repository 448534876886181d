"""`ibgu notify test`."""

from typing import TYPE_CHECKING, Annotated

import typer

from ibgu.cli.errors import FAILED, MISUSED, fail
from ibgu.cli.examples import epilog
from ibgu.cli.groups import PlainCommand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibgu.core.notify import Receiver

notify = typer.Typer(no_args_is_help=True, rich_markup_mode=None, epilog=epilog("notify"))


@notify.callback()
def group() -> None:
    """Test the receivers of notifications."""


@notify.command("test", cls=PlainCommand, epilog=epilog("notify test"))
def send_sample(
    receiver: Annotated[
        list[str] | None,
        typer.Option("--receiver", help="Only this receiver; repeatable."),
    ] = None,
    file: Annotated[
        str,
        typer.Option(
            "--file", "-f", help="File with the receivers (IBGU_NOTIFY_FILE).", show_default=False
        ),
    ] = "",
) -> None:
    """Send a sample to the receivers, and say what they answer."""
    import asyncio

    from ibgu.cli.notify.trying import try_all

    chosen = _chosen(_receivers(file), receiver or [])
    responses = asyncio.run(try_all(chosen))
    for name, good, words in responses:
        typer.echo(f"{'✔' if good else '✗'} {name}  {words}")
    if not all(good for _, good, _ in responses):
        raise typer.Exit(FAILED)


def _receivers(file: str) -> "Sequence[Receiver]":
    from ibgu.controller.notify import read_file, receivers_of
    from ibgu.core.notify import InvalidReceiverFile
    from ibgu.settings import SettingsError, read_settings

    try:
        found = read_file(file) if file else receivers_of(read_settings())
    except SettingsError as error:
        fail(str(error), MISUSED)
    except InvalidReceiverFile as error:
        fail(f"--file: {error}", MISUSED)
    if not found:
        fail("no receivers: set their file with --file or IBGU_NOTIFY_FILE", MISUSED)
    return found


def _chosen(receivers: "Sequence[Receiver]", names: list[str]) -> "Sequence[Receiver]":
    known = [receiver.name for receiver in receivers]
    if unknown := [name for name in names if name not in known]:
        fail(f"--receiver: there is no {unknown[0]!r}, but {', '.join(known)}", MISUSED)
    return [receiver for receiver in receivers if not names or receiver.name in names]
