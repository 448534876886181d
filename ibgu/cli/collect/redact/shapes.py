"""Finds secrets by their looks, wherever they are."""

import binascii
import re
from binascii import a2b_base64
from collections.abc import Iterator
from itertools import pairwise

from ibgu.cli.collect.redact.spans import BEGIN, Span

_MAX_KEY = 16384
"""Characters of a private key, at most."""

_KEY_BEGINS = re.compile(
    r"-----BEGIN(?:[A-Z0-9 +]|%20){0,40}PRIVATE(?:[ +]|%20)KEY(?:(?:[ +]|%20)BLOCK)?-----"
    r"|Private-Lines:"
)
_KEY_GOES_ON = re.compile(r"[A-Za-z0-9+/=%\s\\:,-]*+")
_KEY_ENDS = ("-----END", "Private-MAC:")
_TOKENS = re.compile(
    r"""
    eyJ[\w.+/=-]{8,}+                                           # base64 of {": JWT, configuration
    | LS0tLS1[\w+/=-]{8,}+                                      # base64 of -----: PEM
    | sha256~[\w-]{16,}+                                        # OpenShift
    | gh[opusr]_\w{16,}+ | github_pat_\w{16,}+                  # GitHub
    | gl(?:agent|cbt|dt|ffct|ft|imt|oas|pat|ptt|rt|soat)-[\w-]{16,}+  # GitLab
    | xox[a-z]-[\w-]{8,}+ | xapp-[\w-]{8,}+                     # Slack
    | (?:ABIA|ACCA|AGPA|AIDA|AKIA|AROA|ASIA)[A-Z0-9]{16}        # AWS
    | AIza[\w-]{30,}+ | ya29\.[\w.-]{8,}+ | GOCSPX-[\w-]{16,}+  # Google
    | [\w~.-]{3}\dQ~[\w~.-]{30,}+                               # Azure
    | (?:sk|rk|pk)_(?:live|test)_\w{10,}+ | whsec_[\w+/=]{10,}+ # Stripe
    | SG\.[\w-]{16,}+\.[\w-]{16,}+                              # SendGrid
    | (?:AC|SK)[0-9a-f]{32}                                     # Twilio
    | key-[0-9a-f]{32} | (?<![0-9a-f])[0-9a-f]{32}-us\d{1,2}                 # Mailgun, Mailchimp
    | npm_\w{30,}+ | pypi-[\w-]{16,}+ | NRAK-[A-Z0-9]{20,}+     # npm, PyPI, New Relic
    | (?<![A-Za-z0-9])sk-[\w-]{20,}+ | hf_[A-Za-z]\w{29,}+      # OpenAI, Hugging Face
    | dckr_(?:oat|pat)_[\w-]{16,}+ | AKCp[A-Za-z0-9]{10,}+      # Docker, Artifactory
    | hv[bsr]\.[\w-]{16,}+ | gl(?:c|sa)_\w{16,}+                # Vault, Grafana
    | do[opr]_v1_[0-9a-f]{32,}+ | dapi[0-9a-f]{32}              # DigitalOcean, Databricks
    | (?<!\d)\d{8,10}:AA[\w-]{30,}+                             # Telegram
    | (?<![\w.])[a-z0-9]{6}\.(?=[a-z]{0,15}\d)[a-z0-9]{16}(?![\w.])   # kubeadm
    | AGE-SECRET-KEY-1[A-Z0-9]{20,}+                            # age
    | \$(?:2[abxy]|apr1|argon2\w{1,2}|[156y])\$[\w./+=,$-]{16,}+ | \{S?SHA\}[\w+/=]{16,}+  # hashes
    | (?<=hooks\.slack\.com/)[^\s"'<>\\]++                           # without its scheme
    """,
    re.VERBOSE,
)
_SCHEMES = re.compile(
    BEGIN + r"(?:bearer|basic)\s{1,8}"
    r"(?!(?:auth\w*|tokens?|credentials?|realm|scheme|challenge)\b)(?P<secret>[^\s\"',;<>\\]+)",
    re.IGNORECASE,
)
_ENCODED = re.compile(r"(?:(?<![\w+/=\\-])|(?<=\\[nrt]))[\w+/-]{12,512}+={0,2}(?![\w+/-])")
_LOGIN = re.compile(rb"[ -9;-~]{0,64}:[!-~]{4,}\n?|[ -~]{0,64}\0[ -~]{1,64}\0[ -~]+")
"""A user and a password, as basic authentication and SMTP's put them together."""
_RUNS = re.compile(r"(?<![\w+/-])[\w+/-]{24,}+={0,3}")


def shapes(text: str) -> Iterator[Span]:
    if len(text) < 8:
        return
    yield from _private_keys(text)
    yield from (found.span() for found in _TOKENS.finditer(text))
    yield from (found.span() for found in _RUNS.finditer(text) if _random(found[0]))
    yield from (found.span("secret") for found in _SCHEMES.finditer(text))
    yield from (found.span() for found in _ENCODED.finditer(text) if _is_login(found[0]))


def _private_keys(text: str) -> Iterator[Span]:
    """Yields private keys, some of which lack their end."""
    begins = _KEY_BEGINS.search(text)
    while begins:
        start, inside = begins.span()
        ends = [text.find(each, inside, inside + _MAX_KEY) for each in _KEY_ENDS]
        end = min((each for each in ends if each >= 0), default=-1)
        if end < 0:
            goes_on = _KEY_GOES_ON.match(text, inside)
            assert goes_on
            end = goes_on.end()
        else:
            closing = text.find("-----", end + 8, end + 80)
            end = end + 8 if closing < 0 else closing + 5
        yield start, end
        begins = _KEY_BEGINS.search(text, end)


def _random(run: str) -> bool:
    """Returns whether the text looks random: digits among capital and small letters, in no order,
    so a key, or base64."""
    kinds = [_kind(each) for each in run]
    pairs = pairwise(kinds)
    changes = sum(one != other for one, other in pairs if "-" not in (one, other))
    return all(kinds.count(kind) >= 2 for kind in "Aa0") and changes >= 0.3 * len(run)


def _kind(character: str) -> str:
    if character.isdigit():
        return "0"
    return "A" if character.isupper() else "a" if character.islower() else "-"


def _is_login(run: str) -> bool:
    """Returns whether it is a user and a password in base64."""
    plain = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return bool(_LOGIN.fullmatch(a2b_base64(plain + "=" * (-len(plain) % 4))))
    except binascii.Error:
        return False
