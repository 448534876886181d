"""Bearer tokens that the sandbox hub's own key has signed, but that must not be accepted."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.users import SYSTEM_NAMESPACE

ISSUER = "https://kubernetes.default.svc"


def account_token(hub: SandboxHub, name: str, uid: str, *, age: timedelta, life: timedelta) -> str:
    """Returns a token as TokenRequest would have issued it for that ServiceAccount, `age` ago."""
    issued = datetime.now(UTC) - age
    claims = {
        "aud": [ISSUER],
        "iss": ISSUER,
        "sub": f"system:serviceaccount:{SYSTEM_NAMESPACE}:{name}",
        "iat": int(issued.timestamp()),
        "nbf": int(issued.timestamp()),
        "exp": int((issued + life).timestamp()),
        "kubernetes.io": {
            "namespace": SYSTEM_NAMESPACE,
            "serviceaccount": {"name": name, "uid": uid},
        },
    }
    return _signed(hub.folder / "service-accounts.key", claims)


def _signed(key_file: Path, claims: dict[str, object]) -> str:
    """A JWT; its signature is two numbers of 32 bytes, not X.509's form of them."""
    key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    told = f"{_encoded({'alg': 'ES256'})}.{_encoded(claims)}"
    r, s = utils.decode_dss_signature(key.sign(told.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{told}.{_base64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _encoded(part: dict[str, object]) -> str:
    return _base64(json.dumps(part).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
