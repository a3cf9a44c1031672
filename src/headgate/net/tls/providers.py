"""The certificate extensions that ship with Headgate and need nothing but the configuration: files and PEM texts, ``sni_verify``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from headgate.api.certificates import CertificateProvider, CertificateRejected, PeerCertificate, certificate_provider, san_matches


@certificate_provider("")
class ConfiguredCertificates(CertificateProvider):
    """What stands in ``tls_context``: the provider of contexts without a ``type``."""


class SniVerifyConfig(BaseModel):
    """``extend_verify`` of ``sni_verify``."""

    model_config = ConfigDict(extra="forbid")

    match_subject_alt_names: list[str] = Field(default_factory=list)


@certificate_provider("sni_verify", config=SniVerifyConfig)
class SniVerify(CertificateProvider):
    """A server is accepted if one of its certificate's alternative names is listed, whatever name was asked for (MOSN's extension)."""

    config: SniVerifyConfig

    def verify_server(self, peer: PeerCertificate, server_name: str) -> None:
        """Compare the names.

        :raises CertificateRejected: if none fits; an empty list lets none fit
        """
        wanted = self.config.match_subject_alt_names
        if not any(san_matches(name, pattern) or san_matches(pattern, name) for pattern in wanted for name in peer.names):
            raise CertificateRejected(f"none of the names {', '.join(peer.names) or '(none)'} is in match_subject_alt_names")
