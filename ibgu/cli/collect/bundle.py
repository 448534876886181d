"""Builds the archive: files in a folder of their own until it is packed; everything is redacted
here."""

import os
import re
import tarfile
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from pathlib import Path

import msgspec

from ibgu.cli.collect.redact import Redactor, scrubbed
from ibgu.client import RestError
from ibgu.hub.errors import HubError

NOT_COLLECTED = "not-collected.txt"
MAX_RECORD = 256 * 1024
"""The longest line of a log that is read as JSON, in characters; its values are cut one by one."""
_ODD = re.compile(r"[^\w.-]")


class Bundle:
    def __init__(self, folder: Path, secrets: Collection[str]) -> None:
        """`secrets`: known ones, such as the caller's token; they are in no file."""
        self._folder = folder
        self._redactor = Redactor(secrets)
        self.missing: list[str] = []
        """What could not be collected, and why."""

    def write(self, name: str, content: str) -> None:
        """Writes a text; lines that are JSON, as in a log, are redacted as objects."""
        with self._path(name).open("w", encoding="utf-8") as file:
            file.writelines(self._lines(content))

    def one(self, name: str, value: object) -> None:
        """Writes a value as JSON, for people."""
        encoded = msgspec.json.encode(self._redactor.redacted(msgspec.to_builtins(value)))
        self._path(name).write_bytes(msgspec.json.format(encoded, indent=2) + b"\n")

    def many(self, name: str, values: Iterable[object]) -> None:
        """Writes values as JSON, one per line."""
        with self._path(name).open("wb") as file:
            for value in values:
                redacted = self._redactor.redacted(msgspec.to_builtins(value))
                file.write(msgspec.json.encode(redacted) + b"\n")

    def tried(self, name: str, gather: Callable[[], None]) -> None:
        """Runs `gather`; a failure is recorded, and stops nothing else."""
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
        reason = " ".join(self._redactor.redacted_text(why).split())
        self.missing.append(f"{self._redactor.redacted_text(name)}: {reason}")

    def close(self) -> None:
        """Records what is missing; the last call before `pack`."""
        if self.missing:
            self._path(NOT_COLLECTED).write_text("\n".join(self.missing) + "\n", encoding="utf-8")

    def pack(self, target: Path) -> None:
        """Packs the archive, readable for its owner only. Raises OSError."""
        self.close()
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        root = target.name.removesuffix(".tgz").removesuffix(".tar.gz")
        with os.fdopen(handle, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            archive.add(self._folder, arcname=root, filter=_anonymous)

    def _lines(self, content: str) -> Iterator[str]:
        """Yields lines; consecutive ones that are no JSON stay together: a key may have many."""
        text: list[str] = []
        for line in content.splitlines():
            record = _record(line)
            if record is None:
                text.append(self._redactor.cut(line) + "\n")
                continue
            yield scrubbed("".join(text))
            text.clear()
            yield msgspec.json.encode(self._redactor.redacted(record)).decode() + "\n"
        yield scrubbed("".join(text))

    def _path(self, name: str) -> Path:
        """Returns a path inside the folder, which names of pods and containers in it must not
        leave."""
        parts = (_ODD.sub("_", self._redactor.redacted_text(part)) for part in name.split("/"))
        path = self._folder.joinpath(*(part for part in parts if part.strip(".")))
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def _record(line: str) -> dict[str, object] | None:
    if not line.startswith("{") or len(line) > MAX_RECORD:
        return None
    try:
        return msgspec.json.decode(line, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        return None


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info
