"""``importPublicKey`` and ``verifySignature``."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from headgate.runtimes.lua.host import LuaHost
from headgate.runtimes.lua.key_calls import MAX_KEY, MAX_KEYS, KeyCalls
from headgate.testing import FilterTester

MakeTester = Callable[..., FilterTester]

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP384R1())
DATA = b"what is\0signed"
HASHES = (hashes.SHA1(), hashes.SHA224(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512())


def der(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def lua_string(data: bytes) -> str:
    return '"' + "".join(f"\\{byte:03d}" for byte in data) + '"'


def verify(lua: MakeTester, key: bytes, hash_name: str, signature: bytes, data: bytes) -> bytes:
    """What a script is told."""
    tester = lua(
        request=f"""
        local der, signature, data = {lua_string(key)}, {lua_string(signature)}, {lua_string(data)}
        local key = h:importPublicKey(der, #der):get()
        local ok, failure = h:verifySignature("{hash_name}", key, signature, #signature, data, #data)
        h:respond({{[":status"] = "200"}}, tostring(ok) .. " " .. tostring(failure))"""
    )
    return tester.request().body


@pytest.mark.parametrize("algorithm", HASHES, ids=lambda algorithm: algorithm.name)
def test_signatures_are_verified(lua: MakeTester, algorithm: hashes.HashAlgorithm) -> None:
    name = algorithm.name
    by_rsa = RSA.sign(DATA, padding.PKCS1v15(), algorithm)
    by_ec = EC.sign(DATA, ec.ECDSA(algorithm))
    assert verify(lua, der(RSA), name, by_rsa, DATA) == b"true nil"
    assert verify(lua, der(EC), name.upper(), by_ec, DATA) == b"true nil"
    wrong = b"false Failed to verify digest. Error code: 0"
    assert verify(lua, der(RSA), name, by_rsa, DATA + b"!") == wrong
    assert verify(lua, der(EC), name, by_ec[:-1], DATA) == wrong
    assert verify(lua, der(EC), name, by_rsa, DATA) == wrong


def test_an_unknown_hash_function_is_told(lua: MakeTester) -> None:
    assert verify(lua, der(RSA), "md5", b"", DATA) == b"false md5 is not supported."


@pytest.mark.parametrize(
    "key",
    [b"", b"no key", der(RSA)[:-1], der(ed25519.Ed25519PrivateKey.generate()), b"\0" * (MAX_KEY + 1)],
    ids=["empty", "no key", "cut", "of another kind", "too long"],
)
def test_what_is_no_key_is_nil(lua: MakeTester, key: bytes) -> None:
    tester = lua(request=f'local k = {lua_string(key)} h:respond({{[":status"]="200"}}, tostring(h:importPublicKey(k, #k):get()))')
    assert tester.request().body == b"nil"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ('h:verifySignature("sha256", "unknown", "s", 1, "d", 1)', "script:2: invalid public key"),
        ('h:importPublicKey("short", 6)', "script:2: the length of 'keyder' is not a number from 0 to 5"),
        ('h:importPublicKey("short", -1)', "script:2: the length of 'keyder' is not a number"),
        ("h:importPublicKey({}, 1)", "script:2: bad argument 'keyder' (string expected, got table)"),
    ],
)
def test_wrong_arguments(lua: MakeTester, code: str, message: str, caplog: pytest.LogCaptureFixture) -> None:
    assert lua(request=code, entry={"name": "script"}).request().status == 500
    assert message in caplog.text


def test_lengths_cut(lua: MakeTester) -> None:
    key, signature = der(RSA), RSA.sign(DATA, padding.PKCS1v15(), hashes.SHA256())
    tester = lua(
        request=f"""
        local key = h:importPublicKey({lua_string(key + b"rest")}, {len(key)}):get()
        local signature, data = {lua_string(signature + b"rest")}, {lua_string(DATA + b"x")}
        local ok = h:verifySignature("sha256", key, signature, {len(signature)}, data, {len(DATA)})
        h:respond({{[":status"] = "200"}}, tostring(ok))"""
    )
    assert tester.request().body == b"true"


def test_so_many_keys_are_kept_and_no_more() -> None:
    keys = KeyCalls(LuaHost("lua", {}))
    for number in range(MAX_KEYS + 10):
        point = ec.derive_private_key(number + 1, ec.SECP256R1())
        assert keys.import_key(der(point))
    assert keys.kept == MAX_KEYS
