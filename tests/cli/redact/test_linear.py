"""The time that a text takes grows as the text does: nobody can hold a `collect` up by words."""

import time
from itertools import product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibgu.cli.collect.redact import MAX_LENGTH, Redactor, scrubbed

PIECES = (
    *(
        "a",
        "a/",
        "-",
        "--",
        " ",
        "\t",
        "\n",
        "\\n",
        "\\",
        '\\"',
        '"',
        "'",
        "`",
        "''",
        ":",
        "=",
        ",",
    ),
    *(
        "&",
        ";",
        "<",
        ">",
        "%3D",
        ".",
        "@",
        "://",
        "://a@",
        "://a:",
        "@sha256:a",
        "?",
        "eyJ",
        "LS0tLS1",
    ),
    *(
        "key_",
        "a.",
        "password",
        "password ",
        "password=",
        'password="',
        'password:\\"',
        "password='",
    ),
    *(
        "password=a,",
        "password=a&",
        "password: ",
        "tokens: [",
        "tokens:\n",
        "token: |\n  ",
        "data:\n ",
    ),
    *(
        "--token ",
        "-u ",
        "login ",
        "value: ",
        "value=",
        "Bearer ",
        "name: x\nvalue: ",
        "cookie: a;",
    ),
    *("-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----.", "-----END", "xoxb-", "sk-a"),
    *(
        "SG.aaaaaaaaaaaaaaaaaaaaaa",
        "$1$",
        "$2y$",
        "0123456789abcdef",
        "Aa0",
        '"kind":"Secret"',
        "{",
        "[",
    ),
    *(
        "mysql -p",
        "login -p ",
        "-p ",
        "-uadmin:",
        "echo a ",
        "login a\n",
        "password is ",
        "pass a",
        "rootpw --plaintext ",
        "token 0123456789abcdef",
        "?code=",
        "--from-literal ",
        "secrets: {",
    ),
    *("{a: '", "={", "}}", "''", '""', "&quot;", "a:b@", "a:5432:b:", "'password', '", "<a b"),
    *("password=\n", "YWRtaW46", "Private-Lines:", "-----BEGIN", "Some(", "\\npassword", "|"),
)
"""Beginnings and ends of what the patterns look for."""
SHORT, FACTOR = 4_000, 8


def seconds(text: str) -> float:
    """Returns seconds of the processor, the least of some tries."""
    tries = []
    for _ in range(3):
        began = time.process_time()
        scrubbed(text)
        tries.append(time.process_time() - began)
    return min(tries)


def grows_alike(unit: str) -> bool:
    """Eight times as much takes eight times as long, give or take; a square would take 64."""
    text = unit * (SHORT // len(unit) + 1)
    return seconds(text * FACTOR) < 3 * FACTOR * max(seconds(text), 0.0002)


@pytest.mark.parametrize("unit", PIECES)
def test_one_piece_again_and_again(unit: str) -> None:
    assert grows_alike(unit)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=2, max_size=5).map("".join))
def test_pieces_in_any_order(unit: str) -> None:
    assert grows_alike(unit)


@pytest.mark.parametrize(
    ("first", "then"), list(product(("password=", "://", '"'), ("a", "\\", " ")))
)
def test_a_beginning_without_an_end(first: str, then: str) -> None:
    assert grows_alike(first + then * 500)


def test_long_cluster_messages_are_cut_before_redaction() -> None:
    message = "http://" + "a:" * 120_000
    left = Redactor().redacted({"message": message, "reason": "Failed"})
    assert left["message"].endswith(" characters cut)")
    assert len(left["message"]) < MAX_LENGTH + 40
    assert left["reason"] == "Failed"


def test_depth_is_no_trouble() -> None:
    deep = msgspec.json.decode(b"[" * 500 + b"]" * 500)
    assert "(removed)" in str(Redactor().redacted({"status": deep}))
    assert Redactor().redacted("[" * 4000) == "[" * 4000
