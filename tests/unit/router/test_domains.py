from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.api import ConfigError
from headgate.router.domains import DomainTable, split_host_port
from headgate.router.virtual_host import VirtualHost


def table_of(*domains: str) -> DomainTable:
    table = DomainTable()
    for i, domain in enumerate(domains):
        table.add(domain, VirtualHost(domain, []), f"domains[{i}]")
    return table


def found(table: DomainTable, authority: str) -> str | None:
    virtual_host = table.find(authority)
    return None if virtual_host is None else virtual_host.name


@pytest.mark.parametrize(
    ("authority", "domain"),
    [
        ("a.example.com:80", "a.example.com:80"),
        ("a.example.com:81", "a.example.com"),
        ("a.example.com", "a.example.com"),
        ("A.EXAMPLE.COM", "a.example.com"),
        ("b.example.com:80", "*.com:80"),  # a suffix with port before a longer one without
        ("b.example.com:81", "*.example.com"),
        ("b.example.com", "*.example.com"),
        ("x.b.example.com", "*.b.example.com"),
        ("b.other.com", "*.com"),
        (".com", "*"),  # the star stands for at least one character
        ("com", "*"),
        ("my-service.org", "*-service.org"),
        ("[::1]", "[::1]"),
        ("[::1]:8080", "[::1]:8080"),
        ("[::1]:9090", "[::1]"),
        ("[::2]:8080", "*"),
        ("", "*"),
        ("a.example.com:", "a.example.com"),  # the same as without a colon (RFC 3986 section 3.2.3)
    ],
)
def test_priority(authority: str, domain: str) -> None:
    table = table_of(
        "*",
        "*.com",
        "*.example.com",
        "*.com:80",
        "*.b.example.com",
        "a.example.com",
        "a.example.com:80",
        "*-service.org",
        "[::1]",
        "[::1]:8080",
    )
    assert found(table, authority) == domain


def test_order_of_configuration_does_not_matter() -> None:
    domains = ["*", "*.com", "*.example.com", "a.example.com", "a.example.com:80"]
    for order in (domains, domains[::-1]):
        assert found(table_of(*order), "a.example.com:80") == "a.example.com:80"


def test_a_star_in_place_of_the_port_is_any_port() -> None:
    table = table_of("a.com:*", "*.b.com:*")
    assert found(table, "a.com") == found(table, "a.com:1") == "a.com:*"
    assert found(table, "x.b.com") == found(table, "x.b.com:1") == "*.b.com:*"


def test_a_port_for_any_host() -> None:
    table = table_of("*:8080", "*")
    assert found(table, "a.com:8080") == "*:8080"
    assert found(table, "a.com:8081") == found(table, "a.com") == "*"


def test_no_domain_fits() -> None:
    assert found(table_of("a.com"), "b.com") is None
    assert found(table_of("a.com"), "") is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a.com", "A.com"),
        ("*", "*"),
        ("*.a.com", "*.A.com"),
        ("a.com:80", "a.com:80"),
        ("*.a.com:80", "*.a.com:80"),
        ("a.com", "a.com:*"),
        ("*", "*:*"),
    ],
)
def test_a_domain_that_stands_twice(first: str, second: str) -> None:
    with pytest.raises(ConfigError, match=r"domains\[1\]: the domain .* stands twice in this router"):
        table_of(first, second)


@pytest.mark.parametrize(
    "domain", ["", " ", ":80", "a.com:http", "a.*", "*.a.*", "**", "http://a.com", "a.com/x", "a.com,b.com", "a b.com", "u@a.com"]
)
def test_what_is_no_domain(domain: str) -> None:
    with pytest.raises(ConfigError, match="domain"):
        table_of(domain)


def test_split() -> None:
    assert split_host_port("a.com:80") == ("a.com", "80")
    assert split_host_port("a.com") == ("a.com", "")
    assert split_host_port("[::1]:80") == ("[::1]", "80")
    assert split_host_port("[::1]") == ("[::1]", "")


# --- against an oracle that tries every domain

_LABELS = st.sampled_from(["a", "b", "ab", "x-a"])
_HOSTS = st.lists(_LABELS, min_size=1, max_size=4).map(".".join)
_PORTS = st.sampled_from(["", ":80", ":8080"])
_AUTHORITIES = st.builds(lambda host, port: host + port, _HOSTS, _PORTS)
_SUFFIXES = st.builds(lambda cut, host: "*" + host[min(cut, len(host)) :], st.integers(0, 3), _HOSTS)
_DOMAINS = st.one_of(
    st.just("*"),
    _AUTHORITIES,
    st.builds(lambda suffix, port: suffix + port, _SUFFIXES, _PORTS),
    st.builds(lambda host: "*." + host, _HOSTS),
)


def rank(domain: str, authority: str) -> tuple[int, int] | None:
    """How well a domain fits, after the rules as the reference states them: lower is better; None: it does not fit."""
    host, _, port = authority.partition(":")
    domain_host, _, domain_port = domain.partition(":")
    if domain == "*":
        return (5, 0)
    if domain_port and domain_port != port:
        return None
    if not domain_host.startswith("*"):
        if domain_host != host:
            return None
        return (1 if domain_port == port else 2, 0)
    suffix = domain_host[1:]
    if not host.endswith(suffix) or len(host) == len(suffix):
        return None
    return (3 if domain_port else 4, -len(suffix))


@given(st.lists(_DOMAINS, unique=True, max_size=12), _AUTHORITIES)
def test_against_the_oracle(domains: list[str], authority: str) -> None:
    ranked = [(fit, domain) for domain in domains if (fit := rank(domain, authority)) is not None]
    expected = min(ranked)[1] if ranked else None
    assert found(table_of(*domains), authority) == expected


# --- the cost of a look-up


class CountingDict(dict[str, VirtualHost]):
    """Counts look-ups."""

    lookups = 0

    def get(self, key: str, default: object = None) -> VirtualHost | None:  # type: ignore[override]  # only what the table uses
        CountingDict.lookups += 1
        return super().get(key)


def lookups_of(count: int) -> int:
    table = table_of("*", *[f"host{i:06}.example.com" for i in range(count)], *[f"*.suffix{i:06}.example.com" for i in range(count)])
    table._exact = CountingDict(table._exact)
    table._suffixes.by_suffix = CountingDict(table._suffixes.by_suffix)
    CountingDict.lookups = 0
    for authority in (f"host{count - 1:06}.example.com:80", f"www.suffix{count - 1:06}.example.com", "elsewhere.org"):
        found(table, authority)
    return CountingDict.lookups


def test_a_look_up_does_not_depend_on_the_number_of_virtual_hosts() -> None:
    assert lookups_of(10) == lookups_of(5000)
