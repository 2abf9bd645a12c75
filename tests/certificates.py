"""An authority of the test's own, and a certificate of it for this machine's loopback."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificates:
    """Files as the settings name them."""

    authorities: Path
    certificate: Path
    key: Path

    @classmethod
    def make(cls, folder: Path) -> "Certificates":
        made = cls(folder / "authorities.pem", folder / "certificate.pem", folder / "key.pem")
        folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        issued = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(made.authorities)
        made.certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(made.key)
        return made

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authorities)
