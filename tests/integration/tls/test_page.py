"""What docs/tls.md tells to try, done as it says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml

from headgate.config.models import ClusterConfig, ListenerConfig, TlsContextConfig
from tests.integration.harness import HeadgateFactory

PAGE = (Path(__file__).parents[3] / "docs" / "tls.md").read_text()


def blocks(language: str) -> list[str]:
    """The page's samples in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_try_it(headgate: HeadgateFactory, tmp_path: Path) -> None:
    make, use = blocks("sh")
    subprocess.run(make, shell=True, cwd=tmp_path, check=True, capture_output=True)
    config = yaml.safe_load(blocks("yaml")[0].replace("127.0.0.1:8443", "127.0.0.1:0").replace("certs/", f"{tmp_path}/certs/"))
    address = headgate(config).address("secure")
    curl = use.splitlines()[1].partition("#")[0].replace(":8443", f":{address[1]}")

    def output(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(f"{command} -sS", shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)

    assert output(curl).stdout == "hello over TLS\n"
    assert "self-signed" in output(curl.replace("--cacert certs/server.pem", "")).stderr
    assert "Empty reply" in output(curl.replace("https:", "http:")).stderr


def test_json_samples() -> None:
    """They are parts of a configuration."""
    texts = blocks("json")
    assert len(texts) == 3
    ListenerConfig.model_validate_json(texts[0])
    ClusterConfig.model_validate_json(texts[1])
    TlsContextConfig.model_validate_json(texts[2])
