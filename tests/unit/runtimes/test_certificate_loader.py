"""``loader``: certificates from a plugin, with a plugin host that is played."""

from __future__ import annotations

import asyncio
import datetime
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import trustme

from headgate.api.certificates import TlsSettings
from headgate.api.errors import ConfigError, ConfigRejected
from headgate.api.plugin import PluginCall, PluginClient, PluginDefinition, PluginError, PluginHost, PluginReceiver, plugins_from
from headgate.api.plugin_messages import PluginRequest, PluginResponse
from headgate.config.models import TlsContextConfig
from headgate.net.tls.managed import ManagedContext
from headgate.net.tls.owners import TlsBuilder
from headgate.observe.stats_store import StatsStore
from headgate.runtimes.process.certificate_loader import RETRY_AFTER, CertificateLoader, LoaderConfig


@dataclass
class FakePlugin(PluginClient):
    """Answers what it is told to.

    :ivar answers: what comes next; the last one comes for ever
    """

    name: str = "loader"
    answers: list[PluginResponse | PluginError] = field(default_factory=list)
    calls: int = 0

    def start(self, request: PluginRequest, timeout: float, receiver: PluginReceiver) -> PluginCall:
        raise NotImplementedError

    async def call(self, request: PluginRequest, timeout: float = 0.0) -> PluginResponse:
        return self.call_from_build(request, timeout)

    def call_from_build(self, request: PluginRequest, timeout: float) -> PluginResponse:
        self.calls += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, PluginError):
            raise answer
        return answer


class FakeHost(PluginHost):
    """One plugin, whatever is asked for."""

    def __init__(self, plugin: FakePlugin) -> None:
        self.online = True
        self.plugin = plugin
        self.asked: list[PluginDefinition] = []

    def register(self, definition: PluginDefinition) -> PluginClient:
        self.asked.append(definition)
        return self.plugin


AUTHORITY = trustme.CA()


def answer(header: dict[str, str] | None = None, **keys: object) -> PluginResponse:
    """A plugin's good answer, with a certificate of its own."""
    leaf = AUTHORITY.issue_cert("localhost")
    body = {"cert_pem": leaf.cert_chain_pems[0].bytes().decode(), "key_pem": leaf.private_key_pem.bytes().decode(), **keys}
    return PluginResponse(header or {}, {}, json.dumps(body).encode())


@pytest.fixture
def plugin() -> FakePlugin:
    return FakePlugin(answers=[answer()])


@pytest.fixture
def host(plugin: FakePlugin) -> Iterator[FakeHost]:
    host = FakeHost(plugin)
    with plugins_from(host):
        yield host


def build(store: StatsStore, **verify: object) -> ManagedContext:
    """The context of a cluster or listener with ``type: loader``."""
    builder = TlsBuilder(store, None)
    config = TlsContextConfig(status=True, type="loader", extend_verify=dict(verify))
    tls = builder.listener("in", [("at", config)], False)
    assert tls is not None
    return builder.contexts[0]


def test_asked_once_at_build(host: FakeHost, plugin: FakePlugin) -> None:
    context = build(StatsStore(), plugin="vault", args=["-x"], timeout="3s")
    assert context.context is not None and context.context.names == ["localhost"]
    assert (host.asked[0].name, host.asked[0].args, plugin.calls) == ("vault", ("-x",), 1)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([PluginError("timeout", "too late")], "no certificate from plugin 'loader': timeout: too late"),
        ([PluginResponse(body=b"-----BEGIN PRIVATE KEY----- oops")], "answered with something that is not JSON"),
        ([PluginResponse(body=b"[]")], "unusable JSON"),
        ([PluginResponse(body=b'{"cert_pem": 1}')], "unusable JSON: cert_pem"),
        ([PluginResponse(body=b"{}")], "answered without cert_pem and key_pem"),
        ([answer(key_pem="-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----")], "the key is damaged"),
        ([answer(cert_pem=AUTHORITY.cert_pem.bytes().decode())], "the key does not belong to the certificate"),
        ([answer({"refresh-after": "soon"})], "refresh-after that is no number"),
    ],
)
def test_no_usable_answer_at_build(host: FakeHost, plugin: FakePlugin, answers: list[PluginResponse | PluginError], message: str) -> None:
    plugin.answers = answers
    with pytest.raises((ConfigError, ConfigRejected)) as caught:
        build(StatsStore())
    assert message in str(caught.value) and "at.type" in str(caught.value)
    assert "SECRET" not in str(caught.value) and "oops" not in str(caught.value)


@pytest.mark.parametrize("verify", [{"plugin": ""}, {"timeout": 1}, {"timeout": "soon"}, {"nonsense": 1}])
def test_bad_configuration(host: FakeHost, verify: dict[str, object]) -> None:
    with pytest.raises(ConfigRejected, match=r"at\.extend_verify"):
        build(StatsStore(), **verify)


def test_check_asks_nothing(host: FakeHost, plugin: FakePlugin) -> None:
    host.online = False
    assert build(StatsStore()).context is None
    assert plugin.calls == 0


def test_refreshed_when_the_plugin_wishes_and_the_old_one_kept_when_it_fails(host: FakeHost, plugin: FakePlugin) -> None:
    store = StatsStore()
    plugin.answers = [answer(refresh_after=0.1), PluginError("died", "gone"), PluginResponse(body=b"rubbish"), answer()]
    managed = build(store, refresh_interval="100ms")
    first = managed.context

    async def main() -> None:
        managed.start()
        while managed.epoch == 0:
            assert managed.context is first
            await asyncio.sleep(0.01)
        managed.stop()

    asyncio.run(asyncio.wait_for(main(), 20))
    assert managed.context is not first
    stats = store.tls("listener", "in")
    assert (stats.refresh_failures, stats.refreshes) == (2, 1)


def dated(begin: int, end: int) -> PluginResponse:
    """An answer whose certificate is valid from and to so many days from now."""
    now = datetime.datetime.now(datetime.UTC)
    begins, ends = (now + datetime.timedelta(days=days) for days in (begin, end))
    leaf = AUTHORITY.issue_cert("localhost", not_before=begins, not_after=ends)
    return answer(cert_pem=leaf.cert_chain_pems[0].bytes().decode(), key_pem=leaf.private_key_pem.bytes().decode())


@pytest.mark.parametrize(("begin", "end", "message"), [(-9, -1, "has expired at"), (1, 9, "is not valid before")])
def test_a_certificate_out_of_its_time_does_not_replace_a_good_one(
    host: FakeHost, plugin: FakePlugin, caplog: pytest.LogCaptureFixture, begin: int, end: int, message: str
) -> None:
    store = StatsStore()
    plugin.answers = [answer(), dated(begin, end), answer()]
    managed = build(store, refresh_interval="100ms")
    first = managed.context

    async def main() -> None:
        managed.start()
        while managed.epoch == 0:
            assert managed.context is first
            await asyncio.sleep(0.01)
        managed.stop()

    asyncio.run(asyncio.wait_for(main(), 20))
    assert "the certificate stays as it is: the certificate of 'localhost' " + message in caplog.text
    stats = store.tls("listener", "in")
    assert (stats.refresh_failures, stats.refreshes) == (1, 1)


@pytest.mark.parametrize(("begin", "end", "message"), [(-9, -1, "has expired at"), (1, 9, "is not valid before")])
def test_the_log_warns_of_a_first_certificate_out_of_its_time(
    host: FakeHost, plugin: FakePlugin, caplog: pytest.LogCaptureFixture, begin: int, end: int, message: str
) -> None:
    plugin.answers = [dated(begin, end), answer()]
    managed = build(StatsStore(), refresh_interval="100ms")
    first = managed.context
    assert first is not None
    assert f"at: the certificate of 'localhost' {message}" in caplog.text

    async def main() -> None:
        managed.start()
        while managed.context is first:
            await asyncio.sleep(0.01)
        managed.stop()

    asyncio.run(asyncio.wait_for(main(), 20))


def test_fall_back_asks_again(host: FakeHost, plugin: FakePlugin, caplog: pytest.LogCaptureFixture) -> None:
    plugin.answers = [PluginError("died", "gone"), PluginError("timeout", "too late"), answer()]
    builder = TlsBuilder(StatsStore(), None)
    verify: dict[str, object] = {"refresh_interval": "100ms"}
    config = TlsContextConfig(status=True, type="loader", extend_verify=verify, fall_back=True)
    tls = builder.listener("in", [("at", config)], False)
    assert tls is not None and not tls.choice.contexts

    async def main() -> None:
        builder.start()
        while not tls.choice.contexts:
            await asyncio.sleep(0.01)
        builder.stop()

    asyncio.run(asyncio.wait_for(main(), 20))
    assert (plugin.calls, builder.contexts[0].epoch) == (3, 1)
    for text in ("TLS is OFF", "TLS stays OFF", "TLS is ON"):
        assert text in caplog.text


def test_without_a_first_answer_it_is_asked_again_soon(host: FakeHost) -> None:
    for config, seconds in ((LoaderConfig(), RETRY_AFTER), (LoaderConfig(refresh_interval="1h"), RETRY_AFTER)):  # type: ignore[arg-type]  # parsed
        assert CertificateLoader(TlsSettings(True), config).refresh_after() == seconds


def test_an_unchanged_answer_changes_nothing(host: FakeHost, plugin: FakePlugin) -> None:
    managed = build(StatsStore(), refresh_interval="100ms")

    async def main() -> None:
        managed.start()
        while plugin.calls < 3:
            await asyncio.sleep(0.01)
        managed.stop()

    asyncio.run(asyncio.wait_for(main(), 20))
    assert managed.epoch == 0


def test_the_provider_is_registered() -> None:
    from headgate.api.certificates import CERTIFICATE_PROVIDERS

    assert CERTIFICATE_PROVIDERS.find("loader", "").create is CertificateLoader
    with pytest.raises(ConfigError, match=r"unknown certificate provider 'laoder'.*did you mean 'loader'"):
        CERTIFICATE_PROVIDERS.find("laoder", "at.type")
