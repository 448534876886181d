"""Parses the hub templates of a text. Anything that is not supported is an error with its place."""

import re
from collections.abc import Sequence
from typing import NoReturn

from msgspec import Struct

from ibgu.core.text.harmless import one_line
from ibgu.core.text.hub_templates.model import (
    ClusterName,
    ConfigMapKey,
    Ending,
    Expression,
    FixedText,
    Joined,
    Label,
    ParsedText,
    Template,
    TemplateError,
)
from ibgu.core.text.hub_templates.tokens import Token, TokenKind, tokens_of

OPEN = "{{hub"
_CLOSE = "hub}}"
_MAX_LENGTH = 1024
"""Characters of a template."""
_MAX_DEPTH = 8
"""Parentheses within parentheses."""
_NAME = ".ManagedClusterName"
_LABELS = ".ManagedClusterLabels"
_ENDINGS = {each.value: each for each in Ending if each.value}
_UNQUOTING = (Ending.INT, Ending.BOOL, Ending.LITERAL)
_FUNCTIONS = ("fromConfigMap", "index", "printf")
_SUPPORTED = ", ".join((*_FUNCTIONS, *_ENDINGS))
_VERB = re.compile(r"%(.?)", re.DOTALL)
_AFTER_ARGUMENTS = (Token(TokenKind.MARK, "|"), Token(TokenKind.MARK, ")"))
_SHOWN = 40

_INDICATORS = "&*!|>"
"""A value after one of these would be an anchor, an alias, a tag or the header of a block, and so
decide how YAML reads the rest."""
_INNER = re.compile(rf"[\[{{(,:][{_INDICATORS}]")
_APART = " \t[,{:("


def parse(text: str) -> ParsedText:
    """Returns the text with its templates, in order. Raises TemplateError."""
    found: list[Template] = []
    line, line_start, end = 1, 0, 0
    while (start := text.find(OPEN, end)) >= 0:
        line += text.count("\n", end, start)
        line_start = max(line_start, text.rfind("\n", end, start) + 1)
        place = _Place(line, start - line_start + 1)
        close = _closing(text, start, place)
        if _decides(text[max(line_start, end) : start], first=end <= line_start):
            place.fail("a value can't be part of an anchor, an alias, a tag, a header or an escape")
        expression, ending = _Parser(text[start + len(OPEN) : close], place).parsed()
        span = (start, close + len(_CLOSE))
        if ending in _UNQUOTING and start > end and _quoted(text, *span):
            span = (start - 1, span[1] + 1)
        before = text[span[0] - 1 : span[0]]
        attached = bool(before) and before != "\n" and before not in _APART
        found.append(Template(*span, expression, ending, place.line, place.column, attached))
        end = span[1]
    return ParsedText(text, tuple(found))


def _decides(before: str, *, first: bool) -> bool:
    """Whether a value after that text of the line may decide how YAML reads the rest; `first`: the
    text begins its line."""
    cut = max(before.rfind(each) for each in " \t\"'") + 1
    word = before[cut:]
    begins = before[cut - 1] in " \t" if cut else first
    if word.endswith("\\") or (first and before.startswith("%")):
        return True
    return (begins and word[:1] in tuple(_INDICATORS)) or _INNER.search(word) is not None


class _Place(Struct, frozen=True):
    line: int
    column: int

    def fail(self, problem: str) -> NoReturn:
        raise TemplateError(problem, self.line, self.column)


def _closing(text: str, start: int, place: _Place) -> int:
    last = start + _MAX_LENGTH
    line_end = text.find("\n", start, last)
    close = text.find(_CLOSE, start + len(OPEN), last if line_end < 0 else line_end)
    if close < 0:
        place.fail(f"{OPEN} without {_CLOSE} in the same line, within {_MAX_LENGTH} characters")
    return close


def _quoted(text: str, start: int, end: int) -> bool:
    """Whether quotes stand around the template alone: toInt, toBool and toLiteral remove them."""
    quote = text[start - 1]
    if quote not in "'\"" or text[end : end + 1] != quote:
        return False
    return text[start - 2 : start - 1] not in (quote, "\\")


class _Parser:
    """_Parser reads the content of one template."""

    def __init__(self, content: str, place: _Place) -> None:
        self._fail = place.fail
        if (content and content[0] not in " \t") or content[-1:] not in ("", " ", "\t"):
            self._fail(f"blanks must follow {OPEN} and stand before {_CLOSE}")
        self._tokens: Sequence[Token] = list(tokens_of(content, self._fail))
        self._next = 0

    def parsed(self) -> tuple[Expression, Ending]:
        expression, ending = self._pipeline(depth=0)
        if (token := self._peek()) is not None:
            self._fail(f"{_shown(token.text)!r} is not expected here")
        return expression, ending

    def _pipeline(self, depth: int) -> tuple[Expression, Ending]:
        value, ending = self._command(depth, None)
        while self._take("|"):
            if ending is not Ending.PLAIN:
                self._fail(f"{ending.value} must be the last function")
            value, ending = self._command(depth, value)
        return value, ending

    def _command(self, depth: int, piped: Expression | None) -> tuple[Expression, Ending]:
        token = self._peek()
        if token is None or token.kind is not TokenKind.WORD:
            value = self._operand(depth)
            if piped is not None:
                self._fail("a function must follow |")
            return value, Ending.PLAIN
        self._next += 1
        name = token.text
        if name not in _FUNCTIONS and name not in _ENDINGS:
            self._fail(f"{_shown(name)} is not supported: templates have {_SUPPORTED}")
        if name == "index" and not self._take(_LABELS):
            self._fail(f"index reads {_LABELS} alone")
        arguments = self._arguments(depth)
        if piped is not None:
            arguments.append(piped)
        if name in _ENDINGS:
            return self._exactly(name, arguments, 1)[0], _ENDINGS[name]
        return self._called(name, arguments), Ending.PLAIN

    def _called(self, name: str, arguments: list[Expression]) -> Expression:
        if name == "printf":
            return self._joined(arguments)
        if name == "index":
            return Label(*self._exactly(name, arguments, 1))
        return ConfigMapKey(*self._exactly(name, arguments, 3))

    def _exactly(self, name: str, arguments: list[Expression], wanted: int) -> list[Expression]:
        if len(arguments) != wanted:
            words = "one argument" if wanted == 1 else f"{wanted} arguments"
            self._fail(f"{name} takes {words} here, and has {len(arguments)}")
        return arguments

    def _joined(self, arguments: list[Expression]) -> Joined:
        """Returns the parts of a format with %s and %v."""
        if not arguments or not isinstance(arguments[0], FixedText):
            self._fail("printf needs a text as its format")
        form, rest = arguments[0].text, arguments[1:]
        parts: list[Expression] = []
        end = used = 0
        for verb in _VERB.finditer(form):
            parts.append(FixedText(form[end : verb.start()]))
            end = verb.end()
            if verb[1] == "%":
                parts.append(FixedText("%"))
            elif verb[1] not in ("s", "v"):
                self._fail(f"printf has %s, %v and %% here, not {_shown(verb[0])!r}")
            elif used < len(rest):
                parts.append(rest[used])
                used += 1
            else:
                self._fail("printf has too few arguments for its format")
        if used < len(rest):
            self._fail("printf has too many arguments for its format")
        return Joined((*parts, FixedText(form[end:])))

    def _arguments(self, depth: int) -> list[Expression]:
        found: list[Expression] = []
        while (token := self._peek()) is not None and token not in _AFTER_ARGUMENTS:
            found.append(self._operand(depth))
        return found

    def _operand(self, depth: int) -> Expression:
        token = self._peek()
        if token is None:
            self._fail("a template ends too early, or is empty")
        self._next += 1
        if token.kind is TokenKind.TEXT:
            return FixedText(token.text)
        if token.kind is TokenKind.FIELD:
            return self._field(token.text)
        if token.text != "(" or token.kind is not TokenKind.MARK:
            self._fail(f"{_shown(token.text)!r} is not expected here")
        if depth >= _MAX_DEPTH:
            self._fail(f"parentheses are nested deeper than {_MAX_DEPTH} levels")
        value, ending = self._pipeline(depth + 1)
        if ending is not Ending.PLAIN:
            self._fail(f"{ending.value} must be the last function")
        if not self._take(")"):
            self._fail("a parenthesis is not closed")
        return value

    def _field(self, field: str) -> Expression:
        if field == _NAME:
            return ClusterName()
        labels, _, key = field.removeprefix(".").partition(".")
        if f".{labels}" == _LABELS and key and "." not in key:
            return Label(FixedText(key))
        problem = f"{_shown(field)} is not supported: templates have {_NAME} and {_LABELS}"
        if field == _LABELS:
            problem = f'{_LABELS} needs a key: {_LABELS}.region, or index {_LABELS} "region"'
        return self._fail(problem)

    def _peek(self) -> Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self, text: str) -> bool:
        token = self._peek()
        if token is None or token.kind is TokenKind.TEXT or token.text != text:
            return False
        self._next += 1
        return True


def _shown(text: str) -> str:
    found = one_line(text)
    return found if len(found) <= _SHOWN else f"{found[:_SHOWN]}…"
