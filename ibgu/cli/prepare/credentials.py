"""Reads the credentials of a backup storage. Their content is in no message."""

import asyncio
from base64 import b64decode
from binascii import Error
from pathlib import Path

from ibgu.cli.content.files import text_of
from ibgu.cli.errors import MISUSED, fail
from ibgu.cli.prepare.clusters import connected
from ibgu.cli.read.asking import asking
from ibgu.core.drivers.ibu.preparation import KEY, credentials_fault
from ibgu.core.model.kinds import Secret
from ibgu.hub import paths


def read_credentials(file: Path | None, secret: str, profile: str) -> bytes:
    """Returns the content of the file, or of the Secret on the hub; ends the command if there is
    not exactly one of them, or no key in it."""
    if (file is None) == (not secret):
        fail("specify the credentials: a file with --credentials, or --secret", MISUSED)
    text = text_of(file) if file is not None else _of_secret(secret)
    if fault := credentials_fault(text, profile):
        fail(f"{file or f'Secret {secret}'}: {fault}", MISUSED)
    return text.encode()


def _of_secret(named: str) -> str:
    namespace, slash, name = named.partition("/")
    if not (namespace and slash and name):
        fail(f"--secret: write NAMESPACE/NAME instead of {named!r}", MISUSED)
    with asking():
        found = asyncio.run(_read(namespace, name))
    if KEY not in found.data:
        fail(f"Secret {named}: has no key {KEY}", MISUSED)
    try:
        return b64decode(found.data[KEY]).decode()
    except (Error, UnicodeDecodeError):
        fail(f"Secret {named}: {KEY} isn't UTF-8 text", MISUSED)


async def _read(namespace: str, name: str) -> Secret:
    async with connected() as hub:
        return await hub.get(paths.secret(namespace, name), Secret)
