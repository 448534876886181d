"""Secrets of many kinds, each in the words in which it is met, and the places they are met in."""

import json
import string
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from hypothesis import strategies as st

LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def _secret(alphabet: str, least: int, most: int | None = None) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=least, max_size=most or least)


WORD = _secret("jkqvwxzJKQVWXZ0123456789", 10, 18).map(lambda found: f"Zq{found}")
"""In no text by chance, and too short to be taken for a key by its looks alone."""


def _as(form: str, secret: st.SearchStrategy[str] = WORD) -> st.SearchStrategy[tuple[str, str]]:
    """A text with the secret in it, and the secret."""
    return secret.map(lambda found: (form.replace("…", found), found))


def _encoded(form: str) -> st.SearchStrategy[tuple[str, str]]:
    """A text with it in base64, and that."""
    encoded = WORD.map(lambda found: b64encode(form.replace("…", found).encode()).decode())
    return encoded.map(lambda found: (found, found))


KINDS: dict[str, st.SearchStrategy[tuple[str, str]]] = {
    "password in words": _as("password=…"),
    "password, quoted": _as('db_password: "…", user: x'),
    "password with spaces": _as('"adminPassword": "correct … staple"'),
    "a quote within a password": _as(r'"password": "ab\"…"'),
    "DSN of words": _as("host=db user=ibgu password=… dbname=x"),
    "DSN, single quotes": _as("host=db password='a …' sslmode=require"),
    "DSN as an address": _as("postgresql://ibgu:…@db.example.com:5432/ibgu"),
    "DSN with a slash": _as("postgresql://ibgu:a/…@db:5432/ibgu"),
    "DSN's sslpassword": _as("sslcert=/x.crt sslpassword=…"),
    "user alone in an address": _as("https://…@git.example.com/x.git"),
    "token in a query": _as("https://registry.example.com/v2/?token=…"),
    "client_secret": _as("grant_type=x&client_secret=…&scope=y"),
    "escaped client secret": _as("body%3Dx%26client_secret%3D…"),
    "API key": _as("x-api-key: …"),
    "access key in words": _as("access key: …"),
    "Slack webhook": _as("https://hooks.slack.com/services/T01/B02/…"),
    "Slack webhook, no scheme": _as("POST hooks.slack.com/services/T01/B02/… failed"),
    "Teams webhook": _as("https://x.webhook.office.com/webhookb2/…/IncomingWebhook/y"),
    "another's webhook": _as("https://chat.example.com/hooks/…"),
    "Logic Apps": _as("https://prod-1.westeurope.logic.azure.com/workflows/…/triggers"),
    "Telegram": _as("https://api.telegram.org/bot1234567:…/sendMessage"),
    "bearer": _as("Authorization: Bearer …"),
    "bearer alone": _as("sent Bearer …, refused"),
    "basic": _encoded("admin:…").map(lambda found: (f"Basic {found[0]}", found[1])),
    "cookie": _as("Cookie: a=b; session=…; c=d"),
    "JWT": WORD.map(lambda found: b64encode(json.dumps({"sub": found}).encode()).decode())
    .map(lambda found: found.rstrip("="))
    .map(lambda found: (f"eyJhbGciOiJSUzI1NiJ9.{found}.c2ln", found)),
    "OpenShift token": _as("sha256~…", _secret(LETTERS + "-_", 43)),
    "private key": _as("-----BEGIN RSA PRIVATE KEY-----\n…\n-----END RSA PRIVATE KEY-----"),
    "private key, one line": _as(
        r"-----BEGIN PRIVATE KEY-----\n…\nabc\n-----END PRIVATE KEY-----\n"
    ),
    "private key, no end": _as("-----BEGIN OPENSSH PRIVATE KEY-----\n…\n"),
    "private key in base64": _encoded("-----BEGIN EC PRIVATE KEY-----\n…\n"),
    "pull secret": _as('{"auths":{"quay.io":{"auth":"…","email":"x@example.com"}}}'),
    "pull secret in base64": _encoded('{"auths":{"quay.io":{"auth":"…"}}}'),
    "kubeconfig": _as("users:\n- name: admin\n  user:\n    client-key-data: …\n"),
    "kubeconfig's token": _as("  user:\n    token: …\n"),
    "AWS key id": _as("AKIA…", _secret(string.ascii_uppercase, 16)),
    "AWS secret key": _as("aws_secret_access_key = …", _secret(LETTERS + "/+", 40)),
    "Azure account key": _as("AccountName=x;AccountKey=…==;EndpointSuffix=y"),
    "Azure SAS": _as("https://x.blob.core.windows.net/c?sv=2022&sig=…"),
    "Google key": _as("AIza…", _secret(LETTERS, 35)),
    "Google service account": _as('{"type": "service_account", "private_key": "x…"}'),
    "GitHub": _as("ghp_…", _secret(LETTERS, 36)),
    "GitHub, fine-grained": _as("github_pat_…", _secret(LETTERS, 50)),
    "GitLab": _as("glpat-…", _secret(LETTERS, 20)),
    "Slack": _as("xoxb-1234567890-…", _secret(LETTERS, 24)),
    "Stripe": _as("sk_live_…", _secret(LETTERS, 24)),
    "SendGrid": _as("SG.aaaaaaaaaaaaaaaaaaaaaa.…", _secret(LETTERS, 43)),
    "Twilio": _as("SK…", _secret(HEX, 32)),
    "npm": _as("//registry.npmjs.org/:_authToken=npm_…", _secret(LETTERS, 36)),
    "PyPI": _as("pypi-…", _secret(LETTERS, 60)),
    "Vault": _as("hvs.…", _secret(LETTERS, 30)),
    "Docker Hub": _as("dckr_pat_…", _secret(LETTERS, 27)),
    "htpasswd": _as("admin:$2y$05$…", _secret(LETTERS, 53)),
    "curl": _as("curl -u admin:… https://bmc.example.com"),
    "an option": _as("helper --token … --verbose"),
    "SQL": _as("ALTER ROLE ibgu PASSWORD '…'"),
    "netrc": _as("machine x login admin password …"),
    "XML": _as("<config><password>…</password></config>"),
    "environment in YAML": _as("- name: FIRST\n  value: …\n- name: SECOND\n"),
    "environment in JSON": _as('[{"name": "FIRST", "value": "…"}]'),
    "the value first": _as('{"value":"…","name":"FIRST"} and more'),
    "Secret in YAML": _as("kind: Secret\nmetadata: {name: x}\nstringData:\n  any: …\n"),
    "Secret in JSON": _as('applied {"kind":"Secret","data":{"any":"…"},"type":"Opaque"}'),
    "Secret below": _as("kind: Secret\ndata: {}\nstringData:\n  any: |\n    one\n    …\nmore: x\n"),
    "block in YAML": _as("password: |\n  …\n  more\nother: x\n"),
    "list in YAML": _as("tokens:\n- …\n- more\nother: x\n"),
}

CALM = st.sampled_from(
    ["", "pull failed: ", "x " * 40, "Prep: it said (", "error: ", "\n", "a: b\n", "site-1, "]
)
AFTER = st.sampled_from(["", " ", "\nnext line", " and more", ", then nothing"])

Place = Callable[[str], Any]


def _in_object(**spec: Any) -> dict[str, Any]:
    return {"kind": "ManagedCluster", "metadata": {"name": "site-1"}, **spec}


def _in_feedback(text: str) -> dict[str, Any]:
    value = {"name": "progress", "fieldValue": {"type": "String", "string": text}}
    return _in_object(status={"statusFeedback": {"values": [value]}})


def _in_raw_feedback(text: str) -> dict[str, Any]:
    raw = json.dumps({"conditions": [{"type": "x", "message": text}]})
    value = {"name": "conditions", "fieldValue": {"type": "JsonRaw", "jsonRaw": raw}}
    return _in_object(status={"statusFeedback": {"values": [value]}})


def _deep(text: str) -> dict[str, Any]:
    value: Any = text
    for level in range(20):
        value = [value] if level % 2 else {"inner": value}
    return _in_object(status=value)


PLACES: dict[str, Place] = {
    "condition": lambda text: _in_object(status={"conditions": [{"message": text}]}),
    "annotation": lambda text: _in_object(metadata={"annotations": {"note": text}}),
    "own annotation": lambda text: _in_object(metadata={"annotations": {"ibgu.dev/pause": text}}),
    "label": lambda text: _in_object(metadata={"labels": {"note": text}}),
    "environment": lambda text: _in_object(spec={"env": [{"name": "NOTE", "value": text}]}),
    "feedback": _in_feedback,
    "feedback in JSON": _in_raw_feedback,
    "claim": lambda text: _in_object(
        status={"clusterClaims": [{"name": "version.openshift.io", "value": text}]}
    ),
    "event": lambda text: {"kind": "Event", "note": text, "regarding": {"name": "ran-1"}},
    "member": lambda text: {"cluster": "site-1", "message": text, "reason": {"message": text}},
    "nested": _deep,
    "a key": lambda text: _in_object(status={text: 1}),
    "JSON in a text": lambda text: _in_object(note=json.dumps({"message": text})),
    "JSON in JSON": lambda text: _in_object(note=json.dumps({"a": json.dumps({"b": text})})),
    "JSON after words": lambda text: _in_object(note=f"said {json.dumps({'message': text})}"),
    "JSON in JSON after words": lambda text: _in_object(
        note=f"said {json.dumps({'message': json.dumps({'inner': text})})} twice"
    ),
    "YAML in a text": lambda text: _in_object(note=yaml.safe_dump({"a": [{"message": text}]})),
}


def leaks(secret: str, text: str) -> bool:
    """Whether a piece of it is there that would be worth something: eight characters of it."""
    return any(piece in text for piece in _pieces(secret))


def _pieces(secret: str) -> Iterator[str]:
    for start in range(max(1, len(secret) - 7)):
        yield secret[start : start + 8]
