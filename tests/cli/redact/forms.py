"""The forms in which a secret is put into the words that it is met in."""

import string
from base64 import b64encode

from hypothesis import strategies as st

LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
Planted = st.SearchStrategy[tuple[str, str]]
"""A text with a secret in it, and the secret."""


def random(alphabet: str, least: int, most: int | None = None) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=least, max_size=most or least)


WORD = random("jkqvwxzJKQVWXZ0123456789", 10, 18).map(lambda found: f"Zq{found}")
"""A word that is in no text by chance, and too short to be taken for a key by its looks alone."""


def planted(form: str, secret: st.SearchStrategy[str] = WORD) -> Planted:
    """A text with the secret where the form has a `…`."""
    return secret.map(lambda found: (form.replace("…", found), found))


def encoded(form: str) -> Planted:
    """The form in base64, which is the secret."""
    found = WORD.map(lambda found: b64encode(form.replace("…", found).encode()).decode())
    return found.map(lambda found: (found, found))
