"""Secrets in configurations and in the environment."""

import pytest

from headgate.control.admin.redaction import REDACTED, redacted, secret_name, secret_variable

PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    "name",
    ["private_key", "password", "dbPassword", "PGPASSWORD", "GITHUB_TOKEN", "apiKey", "api-key", "AWS_ACCESS_KEY_ID", "client_secret",
     "credential", "credentials", "passphrase", "db_pwd", "sentry.dsn", "Authorization", "hmac_key"],
)  # fmt: skip
def test_secret_names(name: str) -> None:
    assert secret_name(name)
    assert secret_variable(name, None)


@pytest.mark.parametrize("name", ["User", "key", "hash_policy", "name", "cluster_name", "path", "compass", "passive", "monkey"])
def test_names_that_are_none(name: str) -> None:
    assert not secret_name(name)


@pytest.mark.parametrize("name", ["GPG_KEY", "SESSION_ID", "SSH_AUTH_SOCK", "MY_COOKIE", "TLS_CERT"])
def test_the_environment_is_guarded_more_strictly(name: str) -> None:
    assert secret_variable(name, "x")


def test_values_of_the_environment_are_looked_at() -> None:
    assert secret_variable("DATABASE_URL", "postgres://me:s3cret@db/x")
    assert secret_variable("SETTINGS", PEM)
    assert not secret_variable("HOMEPAGE", "https://example.org/@me")
    assert not secret_variable("HOME", "/root")


def test_a_configuration_loses_its_secrets_and_nothing_else() -> None:
    config = {
        "name": "x",
        "tls_context": {"private_key": "/etc/key.pem", "cert_chain": "/etc/cert.pem", "ticket": ""},
        "filters": [{"config": {"User": "admin", "api_token": "t0p", "limits": {"tokens": 5, "password": ""}, "key_pem": PEM}}],
        "upstream": "redis://:s3cret@cache:6379/0",
        "secrets": {"one": "two"},
        "token": False,
        "count": 3,
        "none": None,
    }
    assert redacted(config) == {
        "name": "x",
        "tls_context": {"private_key": REDACTED, "cert_chain": "/etc/cert.pem", "ticket": ""},
        "filters": [{"config": {"User": "admin", "api_token": REDACTED, "limits": {"tokens": 5, "password": ""}, "key_pem": REDACTED}}],
        "upstream": f"redis://:{REDACTED}@cache:6379/0",
        "secrets": {"one": REDACTED},
        "token": False,
        "count": 3,
        "none": None,
    }


def test_a_list_under_a_secret_name_is_hidden_as_a_whole() -> None:
    assert redacted({"passwords": ["a", "b"], "private_keys": [{"k": "v"}]}) == {
        "passwords": [REDACTED, REDACTED],
        "private_keys": [{"k": REDACTED}],
    }


def test_the_argument_is_not_changed() -> None:
    config = {"a": [{"password": "x"}]}
    redacted(config)
    assert config == {"a": [{"password": "x"}]}
