"""What Lua calls to verify signatures (see :mod:`headgate.runtimes.lua.host`): RSA (PKCS #1 v1.5) and ECDSA, keys in DER form.

Not compiled: the library is not there when mypyc compiles.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

if TYPE_CHECKING:
    from headgate.runtimes.lua.host import LuaHost, Value

MAX_KEYS: Final = 64
"""Keys that are kept ready in one Lua state; the one longest out of use makes way."""
MAX_KEY: Final = 16 * 1024
"""Bytes of a key."""
_HASHES: Final[dict[str, Callable[[], hashes.HashAlgorithm]]] = {
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}

PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey


class KeyCalls:
    """The functions over keys of one Lua state. A key's handle is its DER form: scripts keep it as long as they like."""

    def __init__(self, host: LuaHost) -> None:
        self._host = host
        self._keys: OrderedDict[bytes, PublicKey] = OrderedDict()

    def functions(self) -> dict[bytes, Callable[..., object]]:
        """Every function by its name in Lua."""
        return {b"import_key": self.import_key, b"verify": self.verify}

    @property
    def kept(self) -> int:
        """Keys that are kept ready."""
        return len(self._keys)

    def import_key(self, der: bytes) -> bool | None:
        """Whether this is a key; None if not."""
        return True if self._key(der) is not None else None

    def verify(self, hash_name: bytes, der: bytes, signature: bytes, data: bytes) -> Value:
        """None if the signature is right; else why not."""
        name = hash_name.decode("latin-1")
        algorithm = _HASHES.get(name.lower())
        if algorithm is None:
            return self._host.push(f"{name} is not supported.".encode())
        key = self._key(der)
        if key is None:
            return self._host.push(b"Failed to initialize digest verify.")
        try:
            if isinstance(key, RSAPublicKey):
                key.verify(signature, data, PKCS1v15(), algorithm())
            else:
                key.verify(signature, data, ECDSA(algorithm()))
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            return self._host.push(b"Failed to verify digest. Error code: 0")
        return None

    def _key(self, der: bytes) -> PublicKey | None:
        known = self._keys.get(der)
        if known is not None:
            self._keys.move_to_end(der)
            return known
        if len(der) > MAX_KEY:
            return None
        try:
            key = load_der_public_key(der)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            return None
        if not isinstance(key, (RSAPublicKey, EllipticCurvePublicKey)):
            return None
        self._keys[der] = key
        if len(self._keys) > MAX_KEYS:
            self._keys.popitem(last=False)
        return key
