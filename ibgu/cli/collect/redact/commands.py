"""Finds secrets in command lines and in the small languages of tools: curl, SQL, netrc."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from ibgu.cli.collect.redact.names import is_secret
from ibgu.cli.collect.redact.spans import BEGIN, Span
from ibgu.cli.collect.redact.values import quoted_at

_BREAK = re.compile(r"\n|\\n")
_TAKES_PASSWORD = re.compile(
    r"(?:(?<![\w.-])|(?<=\\[nrt]))(?:mysql\w*|mariadb[\w-]*|mongo\w*|redis-cli|sqlcmd|bcp|ldap\w+|sshpass|login|kinit"
    r"|ipmi[\w-]+|racadm|snmp\w+|useradd|usermod|(?:un)?zip|7za?|htpasswd)(?![\w=:])",
    re.IGNORECASE,
)
"""Commands that take a password with an option of one letter."""
_LETTER = re.compile(r"(?<![\w-])-[pPaAwXc]")
_OPTION = re.compile(r"--?[A-Za-z]")
_USER_OPTIONS = ("-u", "-U", "--user", "--proxy-user")
_APART = re.compile(r"(?:\\{0,8}[\"'],)?[ \t=]{1,8}(?!-)")
"""Between an option and its value, also where a program prints its arguments as a list."""
_ARGUMENT = re.compile(r"[^\s\"'\\,]+")
_BEFORE_ARGUMENT = re.compile(
    r"--from-literal(?:\\{0,8}[\"'],)?[ \t=]{1,8}"
    rf"|{BEGIN}(?:password[ \t]{{0,8}}\(|(?:password|identified\sby)\s)\s{{0,8}}(?=\\{{0,8}}[\"'])",
    re.IGNORECASE,
)
_BLANK = r"(?:\s|\\{1,8}n){1,32}"
_PHRASES = re.compile(
    r"(?<![\w-])(?:-u[\s=\"',\\]{0,8}|--(?:proxy-)?user[\s=\"',\\]{1,8})"
    r"(?P<user>[^\s\"':]{0,128}:[^\s\"']+)"
    r"|(?<![\w-])-U[\s=]{0,8}[^\s%]{1,64}%(?P<share>[^\s\"']+)"
    rf"|{BEGIN}(?:echo|printf)\s{{1,8}}(?P<piped>[^|\n]{{1,256}})"
    r"\|[^|\n]{0,64}(?:passwd|--password-stdin)"
    r"|(?:secret_access_key|session_token)\s{1,8}(?P<configured>[^\s\"',]+)"
    rf"|{BEGIN}(?:requirepass|masterauth)\s{{1,8}}(?P<redis>[^\s\"']+)"
    r"|\bsqlplus\s{1,8}(?:-\w{1,8}\s{1,8}){0,4}[^\s/]{1,64}/(?P<oracle>[^\s\"']+)"
    rf"|{BEGIN}(?:login|user|username){_BLANK}[^\s]{{1,128}}{_BLANK}"
    r"(?:password|secret)\s{1,8}(?:\d\s)?(?P<netrc>[^\s\"']+)"
    r"|\b(?:password|passphrase|passcode)\s{1,8}(?:is|was)[\s:]{1,8}"
    r"(?!(?:an?|being|cut|empty|expired|in|incorrect|invalid|kept|missing|needed|never|no|not|of|read"
    r"|removed|required|set|stored|the|too|unknown|used|wrong)\b)(?P<stated>[^\s\"']+)"
    rf"|{BEGIN}"
    r"(?:pass|passcode|passphrase|passwd|password|rootpw)\s{1,8}"
    r"(?:--(?:iscrypted|plaintext)\s{1,8})?(?=[^\s\d]{0,64}\d)(?=[^\sA-Za-z]{0,64}[A-Za-z])"
    r"(?P<follows>[^\s\"']{6,})"
    rf"|{BEGIN}"
    r"(?:key|secret|token)\s{1,8}(?P<hex>[0-9a-f]{20,})(?![\w-])"
    r"|[?&]code=(?P<code>[^\s\"'&]{8,})"
    rf"|{BEGIN}"
    r"response=\\{0,8}\"(?P<digest>[0-9a-f]{32,128})",
    re.IGNORECASE,
)


def secret_arguments(arguments: Sequence[Any]) -> set[int]:
    """Returns which items of a list are secret as arguments of a command."""
    texts = [each if isinstance(each, str) else "" for each in arguments]
    takes_password = any(_TAKES_PASSWORD.search(each[:128]) for each in texts)
    found = {
        index
        for index, (option, value) in enumerate(pairwise(texts), 1)
        if _is_before_secret(option, value, takes_password=takes_password)
    }
    if takes_password:
        found |= {i for i, each in enumerate(texts) if len(each) > 2 and _LETTER.match(each)}
    return found


def _is_before_secret(option: str, value: str, *, takes_password: bool) -> bool:
    if option in _USER_OPTIONS:
        return ":" in value
    if takes_password and _LETTER.fullmatch(option):
        return True
    named = bool(_OPTION.match(option)) and "=" not in option and is_secret(option)
    return named or option == "--from-literal"


def in_commands(text: str) -> Iterator[Span]:
    yield from _letters(text)
    for found in _BEFORE_ARGUMENT.finditer(text):
        yield from _argument(text, found.end())
    for found in _PHRASES.finditer(text):
        assert found.lastgroup
        yield found.span(found.lastgroup)


def _letters(text: str) -> Iterator[Span]:
    """Yields values of one-letter options, between such a command and the end of its line."""
    position = 0
    while command := _TAKES_PASSWORD.search(text, position):
        line = _BREAK.search(text, command.end())
        end = line.start() if line else len(text)
        for option in _LETTER.finditer(text, command.end(), end):
            apart = _APART.match(text, option.end())
            yield from _argument(text, apart.end() if apart else option.end())
        position = end


def _argument(text: str, start: int) -> Iterator[Span]:
    if quoted := quoted_at(text, start):
        yield quoted
    elif bare := _ARGUMENT.match(text, start):
        yield bare.span()
