"""Renders a text for a cluster. A value never changes how YAML or JSON reads the text around it.

Without `quote` a value may have only characters that no kind of scalar gives a meaning to, and it
begins and ends with a letter or a digit. With `quote` it becomes a string in double quotes in which
every other character is an escape.
"""

import re
from collections.abc import Iterator

from ibgu.core.text.harmless import one_line
from ibgu.core.text.hub_templates.model import (
    MAX_VALUE,
    ClusterValues,
    ConfigMapKey,
    Ending,
    Expression,
    FixedText,
    Joined,
    Label,
    ParsedText,
    Template,
    parts_of,
)

_PLAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/+=@%~:-]|(?<!:) (?! ))*(?<=[A-Za-z0-9])")
_UNSAFE = re.compile(r"[^A-Za-z0-9._/+=@%~ -]")
"""A character that `quote` does not leave as it is."""
_INT = re.compile(r"-?[0-9]{1,18}")
_UNNAMED = re.compile(r"[^a-z0-9]+")
_BOOLS = ("true", "false")
_SHOWN = 60
_UNBOUNDED = 2**31
"""The size of a stand-in is bounded by that of its template."""
_LAST_SHORT = 0xFFFF
"""The last character that an escape of JSON names."""


def render(parsed: ParsedText, values: ClusterValues, limit: int) -> str:
    """Returns the text for the cluster, at most `limit` characters. Raises TemplateError."""
    return _filled(parsed, ((each, resolve(each, values)) for each in parsed.templates), limit)


def resolve(template: Template, values: ClusterValues) -> str:
    """Returns what stands in the template's place for the cluster. Raises TemplateError."""
    value = _Evaluation(template, values).value(template.expression)
    if template.ending is Ending.QUOTE:
        return _quoted(template, value)
    if template.ending is Ending.INT:
        return _whole_number(template, value)
    if template.ending is not Ending.BOOL:
        _check_plain(template, value)
    elif value not in _BOOLS:
        raise template.error("the value is not true or false")
    return value


def stand_in(parsed: ParsedText) -> str:
    """Returns the text with an arbitrary value for each template, the same for the same
    template."""
    return _filled(parsed, ((each, _arbitrary(each)) for each in parsed.templates), _UNBOUNDED)


def _filled(parsed: ParsedText, values: Iterator[tuple[Template, str]], limit: int) -> str:
    parts: list[str] = []
    end = size = 0
    for template, value in values:
        parts += (parsed.text[end : template.start], value)
        size += template.start - end + len(value)
        end = template.end
        if size > limit:
            raise template.error(f"the text would have more than {limit} characters")
    return "".join((*parts, parsed.text[end:]))


class _Evaluation:
    """_Evaluation finds the values of one template."""

    def __init__(self, template: Template, values: ClusterValues) -> None:
        self._template = template
        self._values = values

    def value(self, expression: Expression) -> str:
        found = self._found(expression)
        if len(found) > MAX_VALUE:
            raise self._template.error(f"the value has more than {MAX_VALUE} characters")
        return found

    def _found(self, expression: Expression) -> str:
        if isinstance(expression, FixedText):
            return expression.text
        if isinstance(expression, Label):
            return self._label(expression)
        if isinstance(expression, ConfigMapKey):
            return self._read(expression)
        if isinstance(expression, Joined):
            return "".join(map(self.value, expression.parts))
        return self._values.name

    def _label(self, label: Label) -> str:
        key = self.value(label.key)
        if key not in self._values.labels:
            raise self._template.error(f"the cluster has no label {_named(label.key, key)}")
        return self._values.labels[key]

    def _read(self, wanted: ConfigMapKey) -> str:
        namespace, name, key = map(self.value, wanted.parts)
        own = self._values.namespace
        if namespace not in ("", own):
            words = f"namespace {own} alone, not {_named(wanted.namespace, namespace)}"
            raise self._template.error(f"fromConfigMap reads {words}")
        named = f"ConfigMap {_named(wanted.name, name)}"
        if name not in self._values.config_maps:
            words = "is not among those that templates of this rollout may read"
            raise self._template.error(f"{named} {words}")
        data = self._values.config_maps[name]
        if key not in data:
            raise self._template.error(f"{named} has no key {_named(wanted.key, key)}")
        return data[key]


def _named(expression: Expression, value: str) -> str:
    """Returns a name for a message, which shows nothing of what a ConfigMap contains."""
    if any(isinstance(each, ConfigMapKey) for each in parts_of(expression)):
        return "that a ConfigMap names"
    found = one_line(value)
    return repr(found if len(found) <= _SHOWN else f"{found[:_SHOWN]}…")


def _check_plain(template: Template, value: str) -> None:
    if not value:
        raise template.error("the value is empty: use quote if that is intended")
    if not _PLAIN.fullmatch(value):
        words = "begins or ends with, or has, characters that need the function quote"
        raise template.error(f"the value {words}")


def _whole_number(template: Template, value: str) -> str:
    """Returns the number without leading zeros, by which YAML would read it as an octal one."""
    if not _INT.fullmatch(value):
        raise template.error("the value is not a whole number of up to 18 digits")
    if value.startswith("-") and template.attached:
        raise template.error("a negative number can't follow other text directly")
    return str(int(value))


def _quoted(template: Template, value: str) -> str:
    return f'"{_UNSAFE.sub(lambda found: _escaped(template, found[0]), value)}"'


def _escaped(template: Template, character: str) -> str:
    code = ord(character)
    if code > _LAST_SHORT and character.isprintable():
        return character  # no escape of JSON names it, and it has no meaning to YAML
    if code > _LAST_SHORT or 0xD800 <= code <= 0xDFFF:
        raise template.error("the value has a character that can't be shown")
    return f"\\u{code:04x}"


def _arbitrary(template: Template) -> str:
    if template.ending is Ending.INT:
        return "1"
    if template.ending is Ending.BOOL:
        return "true"
    name = _name(template.expression)
    return f'"{name}"' if template.ending is Ending.QUOTE else name


def _name(expression: Expression) -> str:
    """Returns a text that is valid as a name and a label of Kubernetes."""
    found = _UNNAMED.sub("-", _word(expression).lower())[:_SHOWN].strip("-")
    return found if found[:1].isalpha() else f"x{found}"


def _word(expression: Expression) -> str:
    if isinstance(expression, FixedText):
        return expression.text
    if isinstance(expression, Label):
        return f"label-{_word(expression.key)}"
    if isinstance(expression, ConfigMapKey):
        return f"{_word(expression.name)}-{_word(expression.key)}"
    return "".join(map(_word, expression.parts)) if isinstance(expression, Joined) else "cluster"
