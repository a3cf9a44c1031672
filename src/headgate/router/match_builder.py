"""From a route's ``match`` to its :class:`RouteMatcher`."""

from __future__ import annotations

from typing import Final

from headgate.api.errors import ConfigError, NotSupportedYet
from headgate.api.registry import ExtensionScope
from headgate.config.models import HeaderMatchConfig, RouteMatchConfig, VariableMatchConfig
from headgate.observe.variables import VariableReader
from headgate.router.matchers import ANY, PATH, PREFIX, REGEX, HeaderMatcher, RouteMatcher, ValueMatcher, VariableMatcher
from headgate.router.regex import RouteRegex, compile_regex

_RPC_KEY: Final = "service"
_RPC_ANY: Final = ".*"


def build_matcher(config: RouteMatchConfig, path: str, findings: list[ConfigError], scope: ExtensionScope | None = None) -> RouteMatcher:
    """Make a route's matcher. Of ``prefix``, ``path``, ``regex`` and ``variables`` the first that is given counts (MOSN); ``headers`` are
    always AND-ed, also with ``variables`` (where MOSN leaves them out). Without any of these every request matches.

    :param path: where the match stands
    :param findings: errors are added here
    :param scope: the extensions of the configuration at hand
    """
    if config.dsl_expressions:
        findings.append(NotSupportedYet(f"{path}.dsl_expressions", ""))
    kind, text, regex = ANY, "", None
    variables: list[list[VariableMatcher]] = []
    if config.prefix:
        kind, text = PREFIX, _checked_path(config.prefix, f"{path}.prefix", findings)
    elif config.path:
        kind, text = PATH, _checked_path(config.path, f"{path}.path", findings)
    elif config.regex:
        kind, regex = REGEX, _regex(config.regex, f"{path}.regex", 414, findings)
    elif config.variables:
        variables = _variables(config.variables, f"{path}.variables", findings, scope)
    headers = [_header(header, f"{path}.headers[{i}]", findings) for i, header in enumerate(config.headers)]
    if kind == ANY and not variables and len(headers) == 1:
        _apply_rpc_rule(headers[0])
    return RouteMatcher(kind, text, regex, headers, variables)


def _checked_path(text: str, path: str, findings: list[ConfigError]) -> str:
    if not text.startswith("/") and text != "*":
        findings.append(ConfigError(path, f"a path begins with '/': {text!r}", "no request would match"))
    elif "?" in text:
        findings.append(ConfigError(path, f"only the path is matched, without the query: {text!r}", "no request would match"))
    return text


def _regex(text: str, path: str, too_long: int, findings: list[ConfigError]) -> RouteRegex | None:
    try:
        return compile_regex(text, path, too_long)
    except ConfigError as error:
        findings.append(error)
        return None


def _header(config: HeaderMatchConfig, path: str, findings: list[ConfigError]) -> HeaderMatcher:
    if not config.name:
        findings.append(ConfigError(f"{path}.name", "the name of a header is missing"))
    regex = _regex(config.value, f"{path}.value", 431, findings) if config.regex else None
    return HeaderMatcher(config.name.lower(), ValueMatcher(config.value, regex))


def _apply_rpc_rule(header: HeaderMatcher) -> None:
    """MOSN's RPC rule: the only condition is on the header ``service``, whose value ``.*`` stands for any service."""
    value = header.value
    if header.key == _RPC_KEY and value.regex is None and value.value == _RPC_ANY:
        header.value = ValueMatcher("", None, anything=True)


def _variables(
    configs: list[VariableMatchConfig], path: str, findings: list[ConfigError], scope: ExtensionScope | None
) -> list[list[VariableMatcher]]:
    """Conditions joined by their ``model`` with the next one: ``and`` binds more tightly than ``or``."""
    groups: list[list[VariableMatcher]] = [[]]
    for i, config in enumerate(configs):
        where = f"{path}[{i}]"
        regex = _regex(config.regex, f"{where}.regex", 431, findings) if config.regex else None
        if not config.regex and not config.value:
            findings.append(ConfigError(where, "a condition on a variable needs a value or a regex", "an empty value: regex ^$"))
        groups[-1].append(VariableMatcher(VariableReader(config.name, scope), ValueMatcher(config.value, regex)))
        model = config.model.lower()
        if model == "or":
            groups.append([])
        elif model not in ("", "and"):
            findings.append(ConfigError(f"{where}.model", f"expected 'and' or 'or', got {config.model!r}"))
    return [group for group in groups if group]
