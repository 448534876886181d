"""The archive: files in a folder of their own until it is packed; everything is scrubbed here."""

import os
import tarfile
from collections.abc import Awaitable, Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import msgspec

from ibgu.cli.collect.redact import redacted, scrubbed
from ibgu.client import RestError
from ibgu.hub.errors import HubError

NOT_COLLECTED = "not-collected.txt"


class Bundle:
    def __init__(self, folder: Path, secrets: Collection[str]) -> None:
        """`secrets`: known ones, such as the caller's token; they are in no file."""
        self._folder = folder
        self._secrets = [secret for secret in secrets if secret]
        self.missing: list[str] = []
        """What could not be collected, and why."""

    def write(self, name: str, content: str) -> None:
        path = self._path(name)
        path.write_text(scrubbed(content, self._secrets), encoding="utf-8")

    def one(self, name: str, value: object) -> None:
        """As JSON, for people."""
        encoded = msgspec.json.encode(_clean(value))
        self.write(name, msgspec.json.format(encoded, indent=2).decode() + "\n")

    def many(self, name: str, values: Iterable[object]) -> None:
        """As JSON, one a line."""
        with self._path(name).open("w", encoding="utf-8") as file:
            for value in values:
                line = msgspec.json.encode(_clean(value)).decode()
                file.write(scrubbed(line, self._secrets) + "\n")

    def tried(self, name: str, gather: Callable[[], None]) -> None:
        """What fails is noted, and keeps nothing else from being collected."""
        try:
            gather()
        except RestError as error:
            self.failed(name, str(error))

    async def tried_on_hub(self, name: str, gathering: Awaitable[None]) -> None:
        try:
            await gathering
        except HubError as error:
            self.failed(name, error.message if error.reason == "NoConfiguration" else str(error))

    def failed(self, name: str, why: str) -> None:
        self.missing.append(scrubbed(f"{name}: {' '.join(why.split())}", self._secrets))

    def pack(self, target: Path) -> None:
        """For its owner's eyes only. Raises OSError."""
        if self.missing:
            self.write(NOT_COLLECTED, "\n".join(self.missing) + "\n")
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        root = target.name.removesuffix(".tgz").removesuffix(".tar.gz")
        with os.fdopen(handle, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            archive.add(self._folder, arcname=root, filter=_anonymous)

    def _path(self, name: str) -> Path:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def _clean(value: object) -> Any:
    return redacted(msgspec.to_builtins(value))


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info
