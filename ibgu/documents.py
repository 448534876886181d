"""Reads YAML of any source as documents with the line of each field, bounded in size.

A text is cut into documents as the Lifecycle Agent's decoder does it: at lines that begin with
`---`. What stands between two of them and is empty, or a comment, is a document without content.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NoReturn

import yaml

from ibgu.core.model.document import Document, Path, shown
from ibgu.core.text.hub_templates import hub_template_line

MAX_BYTES = 1024 * 1024
"""The size of a text; the API takes no larger ConfigMap."""
MAX_DOCUMENTS = 1_000
"""The documents of a text."""
_MAX_NODES = 100_000
"""The values of a document, where an alias counts as much as what it stands for."""
_CHARACTERS = 100
"""The characters of a text for which it counts as one more value."""
_MAX_DEPTH = 60
_MAX_NUMBER = 400
"""The characters of a number; a longer one is a text. Python shows no longer one in decimal."""
_NOTED = 5
"""The keys of a path whose line is kept: no rule names a deeper field, and paths take memory."""
_SEPARATOR = "---"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SCALARS = yaml.SafeLoader("")
"""Resolves and constructs scalars alone, and keeps nothing of them."""
_TYPES = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float"))
_TAGS = _TYPES | {f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map")}


def read(text: str, file: str = "", first: int = 1, step: int = 1) -> list[Document]:
    """Returns the documents; one that can't be read has a problem instead of a body.

    `first` is the text's first line in the file; `step` is 0 if all of the text is on that line.
    """
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        return [Document(file=file, line=first, problem=f"is larger than {MAX_BYTES} bytes")]
    found: list[Document] = []
    for start, chunk in _chunks(text):
        line = first + start * step
        if len(found) == MAX_DOCUMENTS:
            many = f"has more than {MAX_DOCUMENTS} documents: the rest is not read"
            return [*found, Document(file=file, line=line, problem=many)]
        found.append(_document(chunk, file, line, step))
    return found


def read_content(text: str, file: str = "", first: int = 1, step: int = 1) -> list[Document]:
    """Returns the documents of a text that is carried to clusters; one with a hub template is not
    read."""
    if (number := hub_template_line(text)) == 0:
        return read(text, file, first, step)
    line = first + (number - 1) * step
    problem = "has a hub template ({{hub), which nothing resolves on the way to the clusters"
    return [Document(file=file, line=line, problem=problem, template=True)]


def read_config_map(config_map: Document) -> list[Document]:
    """Returns the documents of a ConfigMap's data, in the order of its keys."""
    data = config_map.get("data")
    found: list[Document] = []
    for key, text in sorted(data.items()) if isinstance(data, dict) else ():
        if isinstance(text, str):
            found += read_content(text, config_map.file, *_start(config_map, key))
    binary = config_map.get("binaryData")
    for key in sorted(binary) if isinstance(binary, dict) else ():
        line = config_map.at("binaryData", key).line
        found.append(_in_binary(key, config_map.file, line))
    return found


def config_maps(document: Document) -> list[Document]:
    """Returns the document if it is a ConfigMap, and the items of a List that has only these, as
    `oc get configmaps -o yaml` prints it."""
    items = document.get("items")
    if document.kind != "List" or not isinstance(items, list):
        return [document] if _is_config_map(document) else []
    found = [_item(document, number, each) for number, each in enumerate(items)]
    return found if all(map(_is_config_map, found)) else []


def _is_config_map(document: Document) -> bool:
    return document.kind == "ConfigMap" and document.api_version == "v1"


def _item(document: Document, number: int, body: object) -> Document:
    place: Path = ("items", number)
    below = {path[2:]: line for path, line in document.lines.items() if path[:2] == place}
    given = body if isinstance(body, dict) else {}
    return Document(given, document.file, document.at(*place).line, below)


def read_data(data: Mapping[str, str], binary: Iterable[str], name: str) -> list[Document]:
    """Returns the documents of a ConfigMap that is on a hub, with the key as their file."""
    texts = (read_content(text, f"{name} {key}") for key, text in sorted(data.items()))
    return [*chain.from_iterable(texts), *(_in_binary(key, name, 0) for key in sorted(binary))]


def _in_binary(key: str, file: str, line: int) -> Document:
    words = f"{shown(key)} is in binaryData, which the Lifecycle Agent does not read"
    return Document(file=file, line=line, problem=words)


_BLOCK = "|"
"""A part of a path: under it is the first line of a text that the file has line by line."""


def _start(config_map: Document, key: str) -> tuple[int, int]:
    block = config_map.lines.get(("data", key, _BLOCK))
    return (block, 1) if block else (config_map.at("data", key).line, 0)


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """Yields each document with the number of lines before it."""
    lines: list[str] = []
    start = 0
    for number, line in enumerate(text.split("\n")):
        if _separates(line):
            if lines:
                yield start, "\n".join(lines)
                lines, start = [], number + 1
                continue
            start = number
        lines.append(line)
    if rest := "\n".join(lines):
        yield start, rest


def _separates(line: str) -> bool:
    return line.startswith(_SEPARATOR) and not _after(line)


def _after(separator: str) -> str:
    after = separator.removeprefix(_SEPARATOR).strip()
    return "" if after.startswith("#") else after


def _document(chunk: str, file: str, line: int, step: int) -> Document:
    for number, each in enumerate(chunk.split("\n")):
        if each.startswith(_SEPARATOR) and _after(each):
            found = f"{shown(_after(each))!r} follows --- on the same line"
            words = f"{found}: the Lifecycle Agent rejects it"
            return Document(file=file, line=line + number * step, problem=words)
    composer = _Composer(chunk, line, step)
    try:
        body = composer.compose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = line + (mark.line if mark else 0) * step
        found = shown(error.problem)
        words = found if isinstance(error, _Refused) else f"isn't valid YAML: {found}"
        return Document(file=file, line=at, problem=words)
    except (yaml.YAMLError, UnicodeError) as error:
        return Document(file=file, line=line, problem=f"isn't valid YAML: {shown(error)}")
    if body is not None and not isinstance(body, dict):
        return Document(file=file, line=line, problem="isn't an object")
    return Document(body or {}, file, composer.first, composer.lines)


class _Refused(yaml.MarkedYAMLError):
    """_Refused is about YAML that a parser may accept, but no object of Kubernetes may have."""


class _Composer:
    """_Composer builds the value of one document from its events, and counts on the way."""

    def __init__(self, text: str, line: int, step: int) -> None:
        self._events: Iterator[Any] = iter(yaml.parse(text, _LOADER))
        self._line, self._step = line, step
        self._nodes = 0
        self._anchors: dict[str, tuple[object, int]] = {}
        self.lines: dict[Path, int] = {}
        self.first = line

    def compose(self) -> object:
        next(self._events)  # the stream begins
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        root = next(self._events)
        self.first = self._at(root)
        value = self._value(root, (), 0)
        next(self._events)  # the document ends
        next(self._events)  # so does the stream: another document is an error of the parser's
        return value

    def _at(self, event: Any) -> int:
        return self._line + int(event.start_mark.line) * self._step

    def _note(self, path: Path, event: Any) -> None:
        if len(path) <= _NOTED:
            self.lines[path] = self._at(event)

    def _value(self, event: Any, path: Path, depth: int) -> object:
        self._count(1, event)
        if isinstance(event, yaml.AliasEvent):
            return self._aliased(event)
        before = self._nodes
        value = self._composed(event, path, depth)
        if event.anchor:
            self._anchors[event.anchor] = (value, self._nodes - before)
        return value

    def _composed(self, event: Any, path: Path, depth: int) -> object:
        if event.tag and event.tag != "!" and event.tag not in _TAGS:
            _refuse(f"has the tag {shown(event.tag)}, which isn't allowed", event)
        if depth > _MAX_DEPTH:
            _refuse(f"is nested deeper than {_MAX_DEPTH} levels", event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path, depth)
        self._count(len(event.value) // _CHARACTERS, event)
        if event.style == _BLOCK:
            self.lines[*path, _BLOCK] = self._at(event) + self._step
        return _scalar(event)

    def _count(self, nodes: int, event: Any) -> None:
        self._nodes += nodes
        if self._nodes > _MAX_NODES:
            _refuse(f"has more than {_MAX_NODES} values", event)

    def _aliased(self, event: Any) -> object:
        if event.anchor not in self._anchors:
            _refuse(f"has the alias *{shown(event.anchor)} without an anchor before it", event)
        value, nodes = self._anchors[event.anchor]
        self._count(nodes, event)
        return value

    def _sequence(self, path: Path, depth: int) -> list[object]:
        values: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            place = (*path, len(values))
            self._note(place, event)
            values.append(self._value(event, place, depth + 1))
        return values

    def _mapping(self, path: Path, depth: int) -> dict[str, object]:
        values: dict[str, object] = {}
        merged: list[object] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            self._count(1, event)
            if not isinstance(event, yaml.ScalarEvent):
                _refuse("has a key that isn't a string", event)
            key = str(event.value)
            if key in values:
                _refuse(f"has the key {shown(key)!r} twice", event)
            place = (*path, key)
            self._note(place, event)
            value = self._value(next(self._events), place, depth + 1)
            if key == "<<" and event.implicit[0]:
                merged.append(value)
            else:
                values[key] = value
        return _merged(merged) | values


def _merged(given: Iterable[object]) -> dict[str, object]:
    """Returns what `<<` brings: of several mappings the first counts."""
    found: dict[str, object] = {}
    for value in given:
        for each in value if isinstance(value, list) else [value]:
            for key, brought in each.items() if isinstance(each, dict) else ():
                found.setdefault(key, brought)
    return found


def _scalar(event: Any) -> object:
    """Returns the value as Kubernetes' reader has it: dates and 1:30 are texts."""
    tag = event.tag
    if not tag or tag == "!":
        tag = str(_SCALARS.resolve(yaml.ScalarNode, event.value, event.implicit))  # type: ignore[no-untyped-call]
    if tag not in _TYPES or (":" in event.value and tag.endswith(("int", "float"))):
        return event.value
    if len(event.value) > _MAX_NUMBER:
        return event.value
    node = yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
    try:
        return _SCALARS.yaml_constructors[tag](_SCALARS, node)
    except (ValueError, LookupError):
        return event.value


def _refuse(problem: str, event: Any) -> NoReturn:
    raise _Refused(problem=problem, problem_mark=event.start_mark)
