from __future__ import annotations

import pytest

from headgate.config.redaction import REDACTED, redacted, secret_name

PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    "name",
    ["password", "db_passwd", "client-secret", "githubToken", "X-Api-Key", "apikey", "private_key", "Authorization", "Set-Cookie", "pwd"],
)
def test_names_of_secrets(name: str) -> None:
    assert secret_name(name)
    assert redacted({name: "hush"}) == {name: REDACTED}


@pytest.mark.parametrize("name", ["user", "author", "keys", "path", "monkey", "compass", "User"])
def test_other_names(name: str) -> None:
    assert not secret_name(name)
    assert redacted({name: "x"}) == {name: "x"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"secrets": {"a": "x", "b": ["y", {"c": "z"}]}}, {"secrets": {"a": REDACTED, "b": [REDACTED, {"c": REDACTED}]}}),
        ({"password": 1234, "token": True, "secret": ""}, {"password": REDACTED, "token": True, "secret": ""}),
        ({"token_bucket": {"rate": 5}}, {"token_bucket": {"rate": 5}}),
        ({"auth": {"User": "admin", "password": "x"}}, {"auth": {"User": "admin", "password": REDACTED}}),
        ({"auth": "Basic abc"}, {"auth": REDACTED}),
        ({"cookie": {"name": "sid"}}, {"cookie": {"name": "sid"}}),
        ({"header": {"key": "Authorization", "value": "Bearer x"}}, {"header": {"key": "Authorization", "value": REDACTED}}),
        ({"name": "x-tenant", "value": "a"}, {"name": "x-tenant", "value": "a"}),
        ({"url": "http://me:pass@host/x"}, {"url": f"http://{REDACTED}@host/x"}),
        ({"ca": "-----BEGIN CERTIFICATE-----"}, {"ca": "-----BEGIN CERTIFICATE-----"}),
        ({"pem": "x\n-----BEGIN EC PRIVATE KEY-----\ny"}, {"pem": REDACTED}),
        ([1, None, 2.5], [1, None, 2.5]),
    ],
)
def test_redacted(value: object, expected: object) -> None:
    assert redacted(value) == expected


def test_a_configuration_loses_its_secrets() -> None:
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
        "filters": [
            {"config": {"User": "admin", "api_token": REDACTED, "limits": {"tokens": REDACTED, "password": ""}, "key_pem": REDACTED}}
        ],
        "upstream": f"redis://{REDACTED}@cache:6379/0",
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
