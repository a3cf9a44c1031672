"""TLS contexts at load: every fault has its path and its hint, and no message holds a key."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Mapping
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, load_pem_private_key

from headgate.config import examine
from tests.simple_config import simple_config

CONTEXT = "servers[0].listeners[0].filter_chains[0].tls_context"


class Files:
    """Certificates in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.leaf = self.authority.issue_cert("localhost")
        self.write("ca.pem", self.authority.cert_pem.bytes())
        self.write("cert.pem", self.leaf.cert_chain_pems[0].bytes())
        self.write("key.pem", self.leaf.private_key_pem.bytes())
        self.write("other.key", self.authority.issue_cert("other").private_key_pem.bytes())
        key = load_pem_private_key(self.leaf.private_key_pem.bytes(), None)
        self.write("locked.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
        self.write("rubbish.pem", b"rubbish")
        self.write("damaged.key", self.leaf.private_key_pem.bytes().replace(b"M", b"!", 3))
        self.write("damaged.pem", b"-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n")
        past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        expired = self.authority.issue_cert("localhost", not_before=past - datetime.timedelta(days=9), not_after=past)
        self.write("expired.pem", expired.cert_chain_pems[0].bytes())
        self.write("expired.key", expired.private_key_pem.bytes())

    def write(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def found(files: Files, tls: Mapping[str, object], listener: Mapping[str, object] | None = None) -> tuple[list[str], list[str]]:
    """Errors and warnings about a listener's context, whose relative paths start at the folder."""
    config = simple_config(listener=listener)
    config["servers"][0]["listeners"][0]["filter_chains"][0]["tls_context"] = {
        "status": True,
        "cert_chain": "cert.pem",
        "private_key": "key.pem",
        **tls,
    }
    examination = examine(config, base=files.folder)
    return [error.render() for error in examination.errors], [warning.render() for warning in examination.warnings]


def test_a_good_one_in_relative_files(files: Files) -> None:
    assert found(files, {}) == ([], [])


@pytest.mark.parametrize(
    ("tls", "key", "message"),
    [
        ({"cert_chain": "none.pem"}, "cert_chain", "no such file"),
        ({"private_key": "none.key"}, "private_key", "no such file"),
        ({"cert_chain": "."}, "cert_chain", "is not a regular file"),
        ({"cert_chain": "rubbish.pem"}, "cert_chain", "holds no PEM block"),
        ({"cert_chain": "key.pem"}, "cert_chain", "are the two keys swapped?"),
        ({"private_key": "cert.pem"}, "private_key", "are the two keys swapped?"),
        ({"cert_chain": "damaged.pem"}, "cert_chain", "damaged"),
        ({"private_key": "damaged.key"}, "private_key", "damaged"),
        ({"private_key": "locked.key"}, "private_key", "the key is encrypted"),
        ({"private_key": "other.key"}, "private_key", "does not belong to the certificate"),
        ({"private_key": ""}, "private_key", "missing"),
        ({"cert_chain": "", "private_key": ""}, "cert_chain", "missing: a server needs a certificate"),
        ({"cert_chain": "expired.pem", "private_key": "expired.key"}, "cert_chain", "has expired at"),
        ({"verify_client": True}, "ca_cert", "missing: clients cannot be verified"),
        ({"verify_client": True, "ca_cert": "key.pem"}, "ca_cert", "no certificate in it"),
        ({"ca_cert": "damaged.pem"}, "ca_cert", "damaged"),
        ({"min_version": "tlsv1_4"}, "min_version", "unknown TLS version"),
        ({"max_version": "ssl3"}, "max_version", "unknown TLS version"),
        ({"min_version": "tlsv1_3", "max_version": "tlsv1_2"}, "max_version", "below the lowest version"),
        ({"cipher_suites": "ECDHE-RSA-AES128-GCM-SHA257"}, "cipher_suites", "did you mean"),
        ({"ecdh_curves": "p257"}, "ecdh_curves", "known: x25519"),
        ({"ticket": "maybe"}, "ticket", "neither on nor off"),
        ({"handshake_timeout": "0s"}, "handshake_timeout", "must be more than 0"),
        ({"sds_source": {"CertificateConfig": {"name": "x"}}}, "sds_source", "not supported yet"),
    ],
)
def test_faults(files: Files, tls: dict[str, object], key: str, message: str) -> None:
    errors, _ = found(files, tls)
    assert len(errors) == 1, errors
    assert f"{CONTEXT}.{key}" in errors[0] and message in errors[0]
    secret = (files.folder / "key.pem").read_text().splitlines()[1:-1]
    assert not any(line in errors[0] for line in secret)


@pytest.mark.parametrize("key", ["private_key", "cert_chain", "ca_cert"])
def test_a_key_that_is_taken_for_a_path_is_not_shown(files: Files, key: str) -> None:
    """A key that stands in the configuration without its first line, or with a spoiled one."""
    pem = (files.folder / "key.pem").read_text()
    lines = pem.splitlines()[1:-1]
    spoiled = [
        "".join(lines),
        "\n".join(lines),
        pem.replace("-----BEGIN", "---BEGIN"),
        " ".join(pem.replace("-----BEGIN", "").split("\n")),
        base64.b64encode(pem.encode()).decode(),
        "MC4CAQAwBQYDK2VwBCIEIGxp/2Z1c2tYX5o9RtVvYl8M1hLIYi0/4b4k7xgZzQ0S",
    ]
    for value in spoiled:
        errors, _ = found(files, {key: value})
        assert len(errors) == 1, errors
        assert f"{CONTEXT}.{key}: neither a file nor a PEM text" in errors[0] and "\n" not in errors[0]
        assert lines[0][:24] not in errors[0] and value[:24] not in errors[0]


@pytest.mark.parametrize(
    ("tls", "listener", "message"),
    [
        ({"alpn": "h2,http/1.1"}, None, "h2 is not offered"),
        ({"callbacks": ["x"]}, None, "callbacks: no effect"),
        ({"require_client_cert": True}, None, "every client is let in"),
        ({"ecdh_curves": "p256,p384"}, None, "only a single curve"),
        ({"min_version": "tlsv1_0"}, None, "is not safe"),
        ({"insecure_skip": True}, None, "it is for the client's side"),
        ({"cipher_suites": "TLS_AES_128_GCM_SHA256"}, None, "always on"),
        ({"fall_back": True, "private_key": "other.key"}, None, "TLS is OFF"),
        ({"status": False}, {"inspector": True}, "inspector: no effect"),
    ],
)
def test_warnings(files: Files, tls: dict[str, object], listener: dict[str, object] | None, message: str) -> None:
    errors, warnings = found(files, tls, listener)
    assert not errors and any(message in warning for warning in warnings), (errors, warnings)


def test_a_context_that_is_off_is_not_looked_at(files: Files) -> None:
    assert found(files, {"status": False, "cert_chain": "none.pem", "min_version": "nonsense"})[0] == []


def test_a_certificate_that_expires_in_force_stays(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(files, {}) == ([], [])
    later = datetime.datetime(9990, 1, 1, tzinfo=datetime.UTC).timestamp()
    monkeypatch.setattr("headgate.config.validation.tls.time.time", lambda: later)
    errors, warnings = found(files, {})
    assert not errors and any("it is in force already and stays" in warning for warning in warnings)


def test_a_cluster_without_the_managers_context(files: Files) -> None:
    config = simple_config(cluster={"cluster_manager_tls": True})
    errors = [error.render() for error in examine(config, base=files.folder).errors]
    assert errors and "cluster_manager_tls: there is no TLS context to use" in errors[0]
