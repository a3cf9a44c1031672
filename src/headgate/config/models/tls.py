"""TLS contexts (MOSN ``tls_context``): downstream on a filter chain, upstream on a cluster."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from headgate.config.models.base import ConfigModel, Duration, FreeMapping


class SecretSourceConfig(ConfigModel):
    """One secret that a control plane delivers."""

    name: str = Field(default="", description="Name of the secret.")
    sds_config: FreeMapping = Field(
        default_factory=dict,
        validation_alias="sdsConfig",
        serialization_alias="sdsConfig",
        description="Where it comes from (Envoy ConfigSource).",
    )


class SdsSourceConfig(ConfigModel):
    """Certificate and validation context delivered over SDS."""

    certificate_config: SecretSourceConfig | None = Field(
        default=None,
        validation_alias="CertificateConfig",
        serialization_alias="CertificateConfig",
        description="The certificate and its key.",
    )
    validation_config: SecretSourceConfig | None = Field(
        default=None, validation_alias="ValidationConfig", serialization_alias="ValidationConfig", description="The CA certificates."
    )


class TlsContextConfig(ConfigModel):
    """TLS of one filter chain or cluster; without ``status: true`` it is off."""

    own_keys: ClassVar[frozenset[str]] = frozenset({"handshake_timeout"})

    status: bool = Field(default=False, description="Whether TLS is on.")
    type: str = Field(
        default="",
        description="Certificate extension that supplies the certificates: empty (what stands here), `sni_verify`, `loader`, or another.",
    )
    extend_verify: FreeMapping = Field(default_factory=dict, description="Configuration of the certificate extension.")
    server_name: str = Field(
        default="", description="Server: a name that chooses this context; client: the name asked for (SNI) and verified."
    )
    ca_cert: str = Field(default="", description="CA certificates: a path or a PEM text. Client: empty is the system's.")
    cert_chain: str = Field(default="", description="Certificate chain: a path or a PEM text.")
    private_key: str = Field(default="", description="Private key: a path or a PEM text. Never shown in dumps.")
    verify_client: bool = Field(default=False, description="Verify a certificate that the client offers.")
    require_client_cert: bool = Field(default=False, description="With `verify_client`: refuse clients without a certificate.")
    insecure_skip: bool = Field(default=False, description="Client: do not verify the server.")
    cipher_suites: str = Field(default="", description="Cipher suites of TLS 1.2, by OpenSSL's or Go's names, separated by colons.")
    ecdh_curves: str = Field(default="", description="Curves, separated by commas: x25519, p256, p384, p521; a single one takes effect.")
    min_version: str = Field(default="", description="tls_auto (1.2), tlsv1_0, tlsv1_1, tlsv1_2 or tlsv1_3.")
    max_version: str = Field(default="", description="tls_auto (1.3), tlsv1_0, tlsv1_1, tlsv1_2 or tlsv1_3.")
    alpn: str = Field(default="", description="Application protocols, separated by commas; only http/1.1 is offered so far.")
    ticket: str = Field(default="", description="Session tickets: `on` (also if empty) or `off`.")
    fall_back: bool = Field(
        default=False, description="Go on in plain text: a server whose certificate cannot be used, a client whose handshake fails."
    )
    handshake_timeout: Duration = Field(default=15.0, description="Time for the handshake.")
    callbacks: list[str] = Field(default_factory=list, description="Names of callbacks told when a secret arrives over SDS.")
    sds_source: SdsSourceConfig | None = Field(default=None, description="Certificates delivered by a control plane (SDS).")
