"""An authority of the test's own, and a certificate of it for this machine's loopback."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key


@dataclass(frozen=True)
class Certificates:
    """Files as the settings name them; `identity` holds key and certificate in one."""

    authorities: Path
    certificate: Path
    key: Path
    identity: Path

    @classmethod
    def make(cls, folder: Path) -> "Certificates":
        folder.mkdir(parents=True, exist_ok=True)
        names = ("authorities.pem", "certificate.pem", "key.pem", "identity.pem")
        made = cls(*(folder / name for name in names))
        authority = trustme.CA()
        issued = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(made.authorities)
        made.certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        # As PKCS 8, since Java reads no other.
        key = load_pem_private_key(issued.private_key_pem.bytes(), None)
        made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        made.identity.write_bytes(made.key.read_bytes() + made.certificate.read_bytes())
        for secret in (made.key, made.identity):
            secret.chmod(0o600)
        return made

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authorities)
