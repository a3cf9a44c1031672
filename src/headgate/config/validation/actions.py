"""Checks of what a route does: forward, redirect, answer."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from headgate.config.findings import Findings, NameHints, shown
from headgate.config.models import DirectResponseConfig, RedirectConfig, RetryPolicyConfig, RouteActionConfig
from headgate.config.validation.texts import (
    check_headers_to_add,
    check_headers_to_remove,
    check_regex,
    check_target,
    check_unique,
)

_REDIRECT_CODES: Final = frozenset({301, 302, 303, 307, 308})
_WITHOUT_BODY: Final = frozenset({204, 205, 304})
_AUTHORITY: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:%\[\]\-]+\Z")
_TARGETS: Final = ("cluster_name", "cluster_variable", "weighted_clusters", "cluster_header")


class ActionValidator:
    """Checks the actions of routes.

    :param clusters: names of all clusters
    """

    def __init__(self, clusters: Collection[str], findings: Findings) -> None:
        self._clusters = clusters
        self._hints = NameHints(clusters)
        self._findings = findings

    def forward(self, action: RouteActionConfig, path: str) -> None:
        """``route``: one target, which there is; rewrites and header lists that can be applied."""
        given = action.model_fields_set
        targets = [key for key in _TARGETS if key in given and getattr(action, key)]
        if len(targets) != 1:
            self._findings.error(
                path, f"needs one of 'cluster_name', 'cluster_variable', 'weighted_clusters', has {' and '.join(targets) or 'none'}"
            )
        if action.cluster_name:
            self._cluster(action.cluster_name, f"{path}.cluster_name")
        if action.weighted_clusters:
            self._weighted(action, f"{path}.weighted_clusters")
        if action.retry_policy is not None:
            self._retry(action.retry_policy, f"{path}.retry_policy")
        self._rewrites(action, path)
        check_headers_to_add(action.request_headers_to_add, f"{path}.request_headers_to_add", self._findings)
        check_headers_to_remove(action.request_headers_to_remove, f"{path}.request_headers_to_remove", self._findings)
        check_headers_to_add(action.response_headers_to_add, f"{path}.response_headers_to_add", self._findings)
        check_headers_to_remove(action.response_headers_to_remove, f"{path}.response_headers_to_remove", self._findings)

    def _cluster(self, name: str, path: str) -> None:
        if name not in self._clusters:
            self._findings.error(path, f"no cluster {shown(name)}", self._hints.hint(name))

    def _weighted(self, action: RouteActionConfig, path: str) -> None:
        targets = [entry.cluster for entry in action.weighted_clusters]
        for i, target in enumerate(targets):
            if target.name:
                self._cluster(target.name, f"{path}[{i}].cluster.name")
        check_unique([target.name for target in targets], path, "cluster", "cluster", self._findings)
        if sum(target.weight for target in targets) == 0:
            self._findings.error(path, "the weights come to 0", "no cluster would be chosen")

    def _retry(self, policy: RetryPolicyConfig, path: str) -> None:
        for i, code in enumerate(policy.status_codes):
            if not 100 <= code <= 599:
                self._findings.error(f"{path}.status_codes[{i}]", f"not a status code: {code}")

    def _rewrites(self, action: RouteActionConfig, path: str) -> None:
        if action.prefix_rewrite:
            check_target(action.prefix_rewrite, f"{path}.prefix_rewrite", self._findings)
        if action.regex_rewrite is not None:
            regex = action.regex_rewrite.pattern.regex
            check_regex(regex, f"{path}.regex_rewrite.pattern.regex", self._findings)
            if action.prefix_rewrite:
                self._findings.warn(f"{path}.regex_rewrite", "no effect", "'prefix_rewrite' wins over it")
        if action.host_rewrite and _AUTHORITY.match(action.host_rewrite) is None:
            self._findings.error(f"{path}.host_rewrite", f"not a host: {shown(action.host_rewrite)}")

    def redirect(self, redirect: RedirectConfig, path: str) -> None:
        """``redirect``: a redirecting code, and something that changes."""
        if redirect.response_code not in _REDIRECT_CODES:
            codes = ", ".join(str(code) for code in sorted(_REDIRECT_CODES))
            self._findings.error(f"{path}.response_code", f"not a code for a redirect: {redirect.response_code}", f"one of {codes}")
        if not (redirect.path_redirect or redirect.host_redirect or redirect.scheme_redirect):
            self._findings.error(path, "changes nothing", "give 'path_redirect', 'host_redirect' or 'scheme_redirect'")
        if redirect.path_redirect:
            check_target(redirect.path_redirect, f"{path}.path_redirect", self._findings)
        if redirect.host_redirect and _AUTHORITY.match(redirect.host_redirect) is None:
            self._findings.error(f"{path}.host_redirect", f"not a host: {shown(redirect.host_redirect)}")
        if redirect.scheme_redirect.lower() not in ("", "http", "https"):
            self._findings.error(f"{path}.scheme_redirect", f"expected http or https, got {shown(redirect.scheme_redirect)}")

    def direct_response(self, response: DirectResponseConfig, path: str) -> None:
        """``direct_response``: a final status code, and a body only where one can be."""
        if "status" in response.model_fields_set and not 200 <= response.status <= 599:
            self._findings.error(f"{path}.status", f"not a status code of an answer: {response.status}", "200 to 599")
        if response.body and response.status in _WITHOUT_BODY:
            self._findings.error(f"{path}.body", f"an answer with status {response.status} has no body")
