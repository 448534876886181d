"""A manifest that someone wrote, with the place of each of its fields."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from ibgu.core.model.kinds import JsonObject
from ibgu.core.text.harmless import one_line

Path = tuple[str | int, ...]
_MAX_LENGTH = 120
"""Characters of a name or a value that a finding shows."""


class ObjectField(Struct, frozen=True):
    """ObjectField is a place in an object, which may be from a file."""

    object: str
    """Kind with namespace and name, such as `Restore openshift-adp/app`."""
    field: str = ""
    file: str = ""
    """Empty if the object is not from a file."""
    line: int = 0
    """Counted from 1; 0 without a file."""


class Document(Struct, frozen=True):
    """Document is one of a file's objects. Its content is anybody's, so access checks types."""

    body: JsonObject = {}
    """Empty if it can't be read, or if nothing is there."""
    file: str = ""
    line: int = 1
    lines: Mapping[Path, int] = {}
    problem: str = ""
    """Why it can't be read."""
    template: bool = False
    """Whether the problem is a hub template."""

    @property
    def kind(self) -> str:
        return self.string("kind")

    @property
    def api_version(self) -> str:
        return self.string("apiVersion")

    @property
    def name(self) -> str:
        return self.string("metadata", "name")

    @property
    def namespace(self) -> str:
        return self.string("metadata", "namespace")

    def get(self, *path: str) -> object:
        """Returns the value, or None."""
        found: object = self.body
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def string(self, *path: str) -> str:
        """Returns the string; empty if there is none."""
        found = self.get(*path)
        return found if isinstance(found, str) else ""

    def strings(self, *path: str) -> list[str]:
        """Returns those of a list."""
        found = self.get(*path)
        return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []

    def annotation(self, name: str) -> object:
        return self.get("metadata", "annotations", name)

    def at(self, *path: str | int) -> ObjectField:
        """Returns where the field is; one that is missing is where its nearest parent is."""
        known = next((p for n in range(len(path), 0, -1) if (p := path[:n]) in self.lines), ())
        return ObjectField(str(self), _field(path), self.file, self.lines.get(known, self.line))

    def __str__(self) -> str:
        name = "/".join(filter(None, (self.namespace, self.name)))
        return shown(" ".join(filter(None, (self.kind or "object", name))))


def _field(path: Path) -> str:
    """Returns the path as kubectl writes it: `metadata.annotations[example.com/x]`."""
    parts = (f"[{p}]" if isinstance(p, int) or "." in p or "/" in p else f".{p}" for p in path)
    return shown("".join(parts).removeprefix("."))


def whole(name: str, documents: Iterable[Document]) -> ObjectField:
    """Returns where a finding is that is about all documents: in their file, if it is one."""
    files = {each.file for each in documents}
    return ObjectField(name, file=files.pop() if len(files) == 1 else "")


def shown(value: object) -> str:
    """Returns someone's text for a message: short and in one line."""
    text = one_line(str(value))
    return text if len(text) <= _MAX_LENGTH else f"{text[:_MAX_LENGTH]}…"
