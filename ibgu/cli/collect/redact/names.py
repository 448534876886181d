"""Decides by the names of fields, variables, headers and parameters whether their values are
secret."""

import re
from functools import lru_cache

MAX_NAME = 128
"""Characters of a name that are read: its last ones."""

_CASE_CHANGE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN = re.compile(r"[^A-Za-z0-9]+")
_SECRET = re.compile(
    r"passw|passphrase|passcode|pwd|secret|token|credential|authorization|cookie|bearer|jwt|webhook"
    r"|docker_?cfg|docker_?config_?json|sess(?:ion)?_?id|[cx]srf"
    r"|(?:^|_)(?:auth|creds?|otp|psk|pw|sas|sid|sig|signature|session|dsn|hmac)(?:_|$)"
    r"|(?<!by)(?<!com)pass(?:_|$)|(?:admin|bind|root|user)pw(?:_|$)|saml_?(?:assertion|re)"
    r"|(?:access|account|activation|aes|api|app|application|auth|client|consumer|crypto|database|db|deploy"
    r"|encryption|event|host|ingest|ingestion|integration|license|master|priv|private|root|routing"
    r"|rsa|security|service|shared|signing|ssh|ssl|storage|tls)_?key"
)
_HARMLESS = re.compile(
    r"(?:^|_)(?:names?|refs?|references?|namespaces?|type|kind|count|file|path|dir|ttl|seconds"
    r"|expir\w*|reviews?|review_\w+|policy|version)$"
)
"""Where a secret is, or what it is like, is no secret."""


@lru_cache(maxsize=8192)
def is_secret(name: str) -> bool:
    """Returns whether a value of that name is secret: `DB_PASSWORD`, `clientSecret`, `tls.key`."""
    short = _CASE_CHANGE.sub("_", name[-MAX_NAME:])
    words = _BETWEEN.sub("_", short).strip("_").lower()
    return bool(_SECRET.search(words)) and not _HARMLESS.search(words)
