from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.api import ConfigError
from headgate.router import SubjectTooLong
from headgate.router.regex import MAX_SUBJECT, compile_regex

LINEAR = [
    r".*\.php$",
    ".*user=beta.*",
    "(?i).*Bot",
    "",
    "foo",
    ".*",
    "[^/]+",
    "^/api/v[0-9]+/",
    r"^/users/\d+$",
    "^/users/[^/]+/posts/[^/]+$",
    r"^(\d{1,3}\.){3}\d{1,3}$",
    r"\.(js|css|png)$",
    "^(en|de|fr)(/.*)?$",
    r"^/([^/]+/)*index\.html?$",
    r"^(https?://)?([\w.-]+)(:\d+)?(/.*)?$",
    "(?i)(bot|crawler|spider)",
    "(?i:^/Foo)",
    "/api/.*",
    "([0-9a-f]{2}){3}",
    "(foo|far)+",
    "(?P<name>a)+",
    "^.*$",
    "^/a(b|[^b])c",
    "^(/[a-z]+(-[a-z]+)*)*$",
    "(?:)",
    "^/a(b?)?c",
    "^/a(b?|c?)d",
]
QUADRATIC = [
    "a.*b",
    "^/.*/a/.*/b$",
    "/users/[^/]+/posts/[^/]+$",
    "(/[^/]+)*$",
    r"^(\w+\.)*\w+$",
    r"Chrome/(\d+)\.(\d+)",
    "(?i)bad.*bot",
    "(?:a|b)*c",
]
EXPONENTIAL = [
    "(a+)+$",
    "(a*)*",
    "(?:a*)*b",
    "(.*/)*x",
    "(a.|.a)*b",
    "(a+){5}b",
    "(a?){30}a{30}",
    r"(\w\w|\w){30}x",
    "^/(?:[a-z]+-?)+$",
    "((a{2})+){3}b",
    "(x+x+)+y",
    "(?i)(a|A)*(?:(b|[a-c])+B?)+$",
    r"([a-zA-Z]+)*\d",
    "(.*)*",
    "(|a)+",
    "(.|.)+a.x",  # the parser makes of it .(|)
    "(x(|)y)*z",
    "(x(a?)?)+y",
    "(x(a?|b?)y)*z",
]
LONG = [
    r"(\w+\.)*\w+$",
    "[ab]+a(aa.){0,60}x",
    "^/v1/(.+)/(.+)/(.+)$",
    "a.*b[^c]*d",
    "/.*/a/.*/b",
    "^.*.*.*x",
    "^.*a.*b.*c.*d",
    "a?" * 20 + "b",
    r"\w{1,32}" * 5 + "b",
]
FOREIGN = [
    "(?=a)",
    "(?!a)b",
    "(?<=a)b",
    "(?<!a)b",
    r"(a)\1",
    r"(?P<n>a)(?P=n)",
    "(?>a+)",
    "a++",
    "(a)?(?(1)b)",
    r"\pL",
    r"\Qa.b\E",
    "a(?i)b",
]


@pytest.mark.parametrize("text", LINEAR)
def test_no_limit_for_linear_time(text: str) -> None:
    regex = compile_regex(text, "path")
    regex.found_in("/" * 100_000)


@pytest.mark.parametrize("text", QUADRATIC)
def test_a_limit_for_quadratic_time(text: str) -> None:
    regex = compile_regex(text, "path", too_long=414)
    regex.found_in("a" * MAX_SUBJECT)
    with pytest.raises(SubjectTooLong, match=f"limit {MAX_SUBJECT}") as caught:
        regex.found_in("a" * (MAX_SUBJECT + 1))
    assert caught.value.status == 414


@pytest.mark.parametrize("text", EXPONENTIAL)
def test_exponential_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="path: a client could make this regular expression run for ever"):
        compile_regex(text, "path")


@pytest.mark.parametrize("text", LONG)
def test_more_than_quadratic_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="path: a client could make this regular expression run very long"):
        compile_regex(text, "path")


@pytest.mark.parametrize("text", FOREIGN)
def test_what_re2_has_not_or_means_otherwise(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^path: "):
        compile_regex(text, "path")


@pytest.mark.parametrize("text", ["[a", "(", "a{2,1}", "*a", "[z-a]", "[[:foo:]]", "[[a]]", "[a--b]"])
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^path: .*regular expression"):
        compile_regex(text, "path")


@pytest.mark.parametrize(
    ("text", "subject", "expected"),
    [
        ("b", "abc", True),
        ("^b", "abc", False),
        ("a$", "a", True),
        ("a$", "a\n", False),
        (r"a\z", "a\n", False),
        (r"a\$", "a$", True),
        ("[$]", "$", True),
        ("[]$]", "$", True),
        ("[^]$]", "$", False),
        (r"[\]$]", "$", True),
        ("(?m)a$", "a\nb", True),
        (r"^\d$", "\u0663", False),  # ARABIC-INDIC DIGIT THREE: RE2's \d is ASCII
        (r"^\w$", "é", False),
        ("^[[:alpha:]]+$", "abC", True),
        ("^[[:alpha:]_[:digit:]]+$", "a_1", True),
        ("^[^[:space:]]$", " ", False),
        ("(?i)FOO", "foo", True),
    ],
)
def test_re2_meaning(text: str, subject: str, expected: bool) -> None:
    assert compile_regex(text, "path").found_in(subject) is expected


def test_an_idle_start_is_left_out_where_only_finding_counts() -> None:
    assert compile_regex("(?i).*?.*A", "path").pattern.pattern == "(?i)A"
    assert compile_regex(".*a", "path", place_matters=True).pattern.pattern == ".*a"
    assert compile_regex("^.*a", "path").pattern.pattern == "^.*a"
    assert compile_regex(".*a|b", "path").found_in("b")


_ATOMS = st.sampled_from(["a", "b", "/", ".", "[ab]", "[^/]", r"\d", r"\.", "(a|b)", "(?:ab|b)", "a?", "b*", "[^/]+", ".{0,3}"])
_EXPRESSIONS = st.builds(
    lambda start, atoms, end: start + "".join(atoms) + end,
    st.sampled_from(["", "^", ".*", ".*?"]),
    st.lists(_ATOMS, max_size=5),
    st.sampled_from(["", r"\z"]),
)


@given(_EXPRESSIONS, st.text(alphabet="ab/.1", max_size=12))
def test_what_is_accepted_means_what_re_makes_of_it(text: str, subject: str) -> None:
    try:
        regex = compile_regex(text, "path")
    except ConfigError:
        return
    assert regex.found_in(subject) == (re.search(text.replace(r"\z", r"\Z"), subject) is not None)
