"""Secrets in the environment."""

import pytest

from headgate.config.redaction import secret_name
from headgate.control.admin.secret_variables import secret_variable

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
