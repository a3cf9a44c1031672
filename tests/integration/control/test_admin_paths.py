"""Every path of the admin API, its parameters and its errors (section 10 of the MOSN reference)."""

import os

import pytest
from prometheus_client.parser import text_string_to_metric_families

from headgate.config.models import (
    ClusterConfig,
    ClusterManagerConfig,
    FilterChainConfig,
    HeadgateConfig,
    ListenerConfig,
    RouterConfig,
    ServerConfig,
    TlsContextConfig,
)
from tests.integration.control.running_admin import Admin

GET_ONLY = [
    "/api/v1/config_dump", "/api/v1/stats", "/api/v1/stats_glob", "/api/v1/get_loglevel", "/api/v1/states", "/api/v1/features",
    "/api/v1/env", "/api/v1/plugins", "/api/v1/workers", "/metrics",
]  # fmt: skip
POST_ONLY = ["/api/v1/update_loglevel", "/api/v1/enable_log", "/api/v1/disable_log"]
ANY = ["/api/v1/version", "/healthz", "/readyz", "/", "/anything/else"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *[("POST", path) for path in GET_ONLY],
        *[("GET", path) for path in POST_ONLY],
        *[(method, path) for method in ("PUT", "DELETE", "HEAD", "OPTIONS", "PATCH") for path in ("/api/v1/version", "/api/v1/stats", "/")],
    ],
)
def test_a_wrong_method_is_405_and_empty(admin: Admin, method: str, path: str) -> None:
    answer = admin.request(method, path)
    assert (answer.status, answer.body) == (405, b"")
    expected = "GET" if path in GET_ONLY else "POST" if path in POST_ONLY else "GET, POST"
    assert answer.headers["allow"] == expected


@pytest.mark.parametrize("path", ANY)
def test_any_method_is_answered(admin: Admin, path: str) -> None:
    assert admin.get(path).status == 200
    assert admin.post(path).body == admin.get(path).body


def test_version(admin: Admin) -> None:
    assert admin.get("/api/v1/version").text == "mosn version: 1.2.3"


def test_states(admin: Admin) -> None:
    assert admin.get("/api/v1/states").text == "pid=4711&state=6\n"
    admin.view.current_state = 8
    assert admin.get("/api/v1/states").text == "pid=4711&state=8\n"


def test_health_is_about_the_supervisor_only(admin: Admin) -> None:
    admin.view.is_ready = False
    answer = admin.get("/healthz")
    assert (answer.status, answer.text) == (200, "ok\n")


def test_readiness(admin: Admin) -> None:
    answer = admin.get("/readyz")
    assert (answer.status, answer.text) == (200, "ready\n")
    admin.view.is_ready = False
    answer = admin.get("/readyz")
    assert (answer.status, answer.text) == (503, "not ready\n")


def test_workers(admin: Admin) -> None:
    assert admin.get("/api/v1/workers").json == [{"slot": 0, "pid": 4712, "state": "serving", "restarts": 0}]


@pytest.mark.parametrize("path", ["/", "/api/v1/none", "/favicon.ico", "//", "/api/v1/version/"])
def test_everything_else_lists_the_paths(admin: Admin, path: str) -> None:
    lines = admin.get(path).text.splitlines()
    assert lines[0] == "supported APIs:"
    assert set(lines[1:]) == {*GET_ONLY, *POST_ONLY, "/api/v1/plugin", "/api/v1/version", "/healthz", "/readyz"}


# plugin and plugins


@pytest.fixture
def plugged(admin: Admin) -> Admin:
    admin.view.plugin_states = {"checker": (True, True), "loader": (True, False)}
    return admin


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("status=all", "name:checker,enable:true,on:true\nname:loader,enable:true,on:false\n"),
        ("status=loader", "name:loader,enable:true,on:false\n"),
        ("disable=checker", "disable checker success\n"),
        ("enable=loader", "enable loader success\n"),
        ("status=all&disable=loader&enable=checker", "enable checker success\n"),
        ("status=all&disable=loader", "disable loader success\n"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_plugin_in_the_words_of_mosn(plugged: Admin, method: str, query: str, text: str) -> None:
    answer = plugged.request(method, f"/api/v1/plugin?{query}")
    assert (answer.status, answer.text) == (200, text)


@pytest.mark.parametrize("query", ["status=x", "enable=x", "disable=x"])
def test_an_unknown_plugin(plugged: Admin, query: str) -> None:
    answer = plugged.get(f"/api/v1/plugin?{query}")
    assert (answer.status, answer.text) == (400, "plugin x no register\n")


def test_plugin_without_a_parameter_tells_the_usage(plugged: Admin) -> None:
    answer = plugged.get("/api/v1/plugin")
    assert answer.status == 400
    assert answer.text.startswith("usage: /api/v1/plugin?status=all")


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, {"Origin": "http://evil.test"}])
def test_another_site_cannot_switch_a_plugin_even_by_a_link(plugged: Admin, headers: dict[str, str]) -> None:
    assert plugged.request("GET", "/api/v1/plugin?disable=checker", headers=headers).status == 403
    assert plugged.view.plugin_states["checker"] == (True, True)


def test_plugins(plugged: Admin) -> None:
    plugged.view.store.plugin("checker").in_flight = 3
    assert plugged.get("/api/v1/plugins").json == [{"name": "checker", "in_flight": 3}, {"name": "loader", "in_flight": 0}]


# config_dump


@pytest.fixture
def configured(admin: Admin) -> Admin:
    tls = TlsContextConfig(status=True, private_key="/etc/key.pem")
    listener = ListenerConfig(name="in", address="127.0.0.1:2046", filter_chains=[FilterChainConfig(tls_context=tls)])
    server = ServerConfig(listeners=[listener], routers=[RouterConfig(router_config_name="r1"), RouterConfig(router_config_name="r2")])
    admin.view.config = HeadgateConfig(servers=[server], cluster_manager=ClusterManagerConfig(clusters=[ClusterConfig(name="c1")]))
    return admin


def test_config_dump_whole(configured: Admin) -> None:
    answer = configured.get("/api/v1/config_dump")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json) == ["mosn_config", "listener", "cluster", "routers", "extends"]
    assert answer.json["listener"]["in"]["filter_chains"][0]["tls_context"]["private_key"] == "***REDACTED***"


@pytest.mark.parametrize(
    ("parameter", "keys"),
    [("allrouters", ["r1", "r2"]), ("allclusters", ["c1"]), ("alllisteners", ["in"])],
)
@pytest.mark.parametrize("suffix", ["", "=", "=anything"])
def test_config_dump_section(configured: Admin, parameter: str, keys: list[str], suffix: str) -> None:
    assert list(configured.get(f"/api/v1/config_dump?{parameter}{suffix}").json) == keys


def test_config_dump_mosnconfig(configured: Admin) -> None:
    dump = configured.get("/api/v1/config_dump?mosnconfig").json
    assert "servers" in dump
    assert "listeners" not in dump["servers"][0]


@pytest.mark.parametrize(
    ("parameter", "key", "name"),
    [("router=r2", "router_config_name", "r2"), ("cluster=c1", "name", "c1"), ("listener=in", "name", "in")],
)
def test_config_dump_entry(configured: Admin, parameter: str, key: str, name: str) -> None:
    assert configured.get(f"/api/v1/config_dump?{parameter}").json[key] == name


def test_config_dump_of_one_listener_is_redacted(configured: Admin) -> None:
    assert "/etc/key.pem" not in configured.get("/api/v1/config_dump?listener=in").text


def test_config_dump_takes_one_parameter(configured: Admin) -> None:
    answer = configured.get("/api/v1/config_dump?allrouters&allclusters")
    assert (answer.status, answer.text) == (400, "only support one parameter")


@pytest.mark.parametrize("query", ["router=none", "cluster=", "listener=x", "unknown", "unknown=1"])
def test_config_dump_of_what_does_not_exist_is_500(configured: Admin, query: str) -> None:
    answer = configured.get(f"/api/v1/config_dump?{query}")
    assert answer.status == 500
    assert "known:" in answer.error


# stats


@pytest.fixture
def counted(admin: Admin) -> Admin:
    listener = admin.view.store.listener("in", "edge")
    listener.request_total = 3
    listener.request_time.observe(5.0)
    admin.view.store.host("c1", "127.0.0.1:8080").request_total = 2
    admin.view.store.cluster("c1")
    return admin


def test_stats_have_mosns_shape(counted: Admin) -> None:
    stats = counted.get("/api/v1/stats").json
    assert stats["downstream"]["listener.in"]["request_total"] == "3"
    assert stats["downstream"]["proxy.edge"]["request_time_max"] == "5"
    assert stats["downstream"]["proxy.global"]["request_total"] == "3"
    assert stats["upstream"]["cluster.c1"]["request_total"] == "2"
    assert stats["upstream"]["cluster.c1.host.127.0.0.1:8080"]["request_total"] == "2"


def test_stats_of_one_key(counted: Admin) -> None:
    stats = counted.get("/api/v1/stats?key=downstream.listener.in").json
    assert list(stats) == ["downstream"]
    assert list(stats["downstream"]) == ["listener.in"]


def test_stats_errors(counted: Admin) -> None:
    answer = counted.get("/api/v1/stats?key=downstream.listener.none")
    assert (answer.status, answer.text) == (200, "no metrics key: downstream.listener.none")
    answer = counted.get("/api/v1/stats?other=1")
    assert (answer.status, answer.text) == (200, "no metrics key: ")
    answer = counted.get("/api/v1/stats?key=a&other=1")
    assert (answer.status, answer.text) == (400, "only support one parameter")


def test_stats_glob(counted: Admin) -> None:
    lines = counted.get("/api/v1/stats_glob").text.splitlines()
    assert "request_total:3" in lines
    assert "request_time_max:5" in lines


def test_stats_glob_before_the_first_listener(admin: Admin) -> None:
    answer = admin.get("/api/v1/stats_glob")
    assert (answer.status, answer.text) == (200, "")


def test_metrics(counted: Admin) -> None:
    answer = counted.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    (requests,) = [sample for sample in samples if sample.name == "downstream_request_total"]
    assert requests.value == 3


# log levels


def test_log_levels(admin: Admin) -> None:
    assert admin.get("/api/v1/get_loglevel").json == {"/var/log/headgate.log": "INFO"}
    answer = admin.post("/api/v1/update_loglevel", b'{"log_path": "/var/log/headgate.log", "log_level": "DEBUG"}')
    assert (answer.status, answer.text) == (200, "update logger success\n")
    assert admin.get("/api/v1/get_loglevel").json == {"/var/log/headgate.log": "DEBUG"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff",
        b"[]",
        b"{}",
        b'{"log_path": "/var/log/headgate.log"}',
        b'{"log_path": 1, "log_level": "DEBUG"}',
        b'{"log_path": "/var/log/headgate.log", "log_level": "LOUD"}',
        b'{"log_path": "/var/log/headgate.log", "log_level": "debug"}',
        b'{"log_path": "/elsewhere", "log_level": "DEBUG"}',
    ],
)
def test_a_bad_level_update_changes_nothing(admin: Admin, body: bytes) -> None:
    answer = admin.post("/api/v1/update_loglevel", body)
    assert answer.status == 400
    assert answer.error.startswith("update logger failed")
    assert admin.view.log_levels == {"/var/log/headgate.log": "INFO"}


@pytest.mark.parametrize("path", [b"/var/log/headgate.log", b"/var/log/in_access.log\n"])
def test_logs_go_off_and_on(admin: Admin, path: bytes) -> None:
    name = path.decode().strip()
    answer = admin.post("/api/v1/disable_log", path)
    assert (answer.status, answer.text) == (200, "disable logger success\n")
    assert not admin.view.enabled[name]
    answer = admin.post("/api/v1/enable_log", path)
    assert (answer.status, answer.text) == (200, "enable logger success\n")
    assert admin.view.enabled[name]


@pytest.mark.parametrize("verb", ["enable", "disable"])
@pytest.mark.parametrize("path", [b"", b"/elsewhere", b"\xff"])
def test_an_unknown_log_is_400(admin: Admin, verb: str, path: bytes) -> None:
    answer = admin.post(f"/api/v1/{verb}_log", path)
    assert answer.status == 400
    assert answer.error.startswith(f"{verb} logger failed")


# features and environment


def test_features(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    gates = {"MultiTenantMode": False, "PayLoadLimitEnable": False, "XdsMtlsEnable": False, "auto_config": False}
    assert admin.get("/api/v1/features").json == gates
    assert admin.get("/api/v1/features?key=auto_config").text == "false"
    assert admin.get("/api/v1/features?key=none").text == "false"
    assert admin.get("/api/v1/features?other").text == "false"
    monkeypatch.setattr(admin.view, "features", lambda: {"auto_config": True})
    assert admin.get("/api/v1/features?key=auto_config").text == "true"


def test_env(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "HEADGATE_TEST_NAME", "value")
    monkeypatch.setitem(os.environ, "HEADGATE_TEST_TOKEN", "t0p")
    monkeypatch.setitem(os.environ, "HEADGATE_TEST_URL", "https://me:t0p@example.org/")
    assert admin.get("/api/v1/env?key=HEADGATE_TEST_NAME").json == {"env": {"HEADGATE_TEST_NAME": "value"}}
    query = "&".join(f"key=HEADGATE_TEST_{name}" for name in ("NAME", "TOKEN", "URL", "ABSENT", "ABSENT_SECRET"))
    answer = admin.get(f"/api/v1/env?{query}")
    assert answer.json == {
        "env": {"HEADGATE_TEST_NAME": "value"},
        "not_found": ["HEADGATE_TEST_ABSENT"],
        "refused": ["HEADGATE_TEST_TOKEN", "HEADGATE_TEST_URL", "HEADGATE_TEST_ABSENT_SECRET"],
    }
    assert "t0p" not in answer.text


@pytest.mark.parametrize("query", ["", "?other=1"])
def test_env_needs_a_key(admin: Admin, query: str) -> None:
    answer = admin.get(f"/api/v1/env{query}")
    assert (answer.status, answer.error) == (400, "no env key")
