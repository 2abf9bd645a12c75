"""Secrets of a cluster for trying Guanxi out: generated once, and rendered for `kubectl apply`."""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import trustme

from guanxi.local.issuer import LocalIssuer
from guanxi.local.secrets import Secrets, write_private
from guanxi.local.settings import APPS

NAMESPACE = "guanxi"


class ClusterSecrets:
    """Passwords, key rings, certificates and an issuer of tokens, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._secrets, self.issuer = Secrets(folder, APPS), LocalIssuer(folder)
        self._passwords, self._tls = folder / "passwords.json", folder / "tls"

    @property
    def authority(self) -> Path:
        """Who signed the certificates, as PEM."""
        return self._tls / "ca.crt"

    def ensure(self) -> None:
        """Generate what is not there yet."""
        self._secrets.ensure()
        self.issuer.ensure()
        if not self.authority.exists():
            self._certify()

    def resources(self) -> Iterator[dict[str, Any]]:
        """Kubernetes' Secrets, by the names that deploy/k8s mounts."""
        for app in APPS:
            yield _secret(f"{app}-secrets", {"GUANXI_DATABASE_URL": self._address(app, "app")})
            yield _secret(f"{app}-owner", {"GUANXI_OWNER_DATABASE_URL": self._address(app, "owner")})
            rings = {"own.json": app, "shared.json": "shared"}
            keys = {file: self._secrets.keyring(ring).read_bytes() for file, ring in rings.items()}
            yield _secret(f"{app}-keys", {**keys, "issuer.jwks.json": self.issuer.jwks.read_bytes()})
            yield _secret(f"{app}-tls", self._certificate(app))
        yield _secret("operator-secrets", {})
        yield _secret("operator-tls", {"ca.crt": self.authority.read_bytes()})
        yield _secret("servers", {"passwords.json": self._passwords.read_bytes()})

    def write(self, folder: Path) -> None:
        """As folders of files, for containers without a cluster: a folder for each of `resources`."""
        for secret in self.resources():
            place = folder / secret["metadata"]["name"]
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name, content in secret["data"].items():
                (place / name).unlink(missing_ok=True)
                write_private(place / name, b64decode(content).decode())

    def _address(self, app: str, role: str) -> bytes:
        return f"postgresql://{app}_{role}:{self._secrets.password(app, role)}@postgres:5432/{app}".encode()

    def _certify(self) -> None:
        authority = trustme.CA()
        for app in APPS:
            host = f"{app}-app"
            names = (host, f"{host}.{NAMESPACE}", f"{host}.{NAMESPACE}.svc", "localhost", "127.0.0.1")
            issued = authority.issue_cert(*names)
            write_private(self._tls / f"{app}.key", issued.private_key_pem.bytes().decode())
            write_private(self._tls / f"{app}.crt", b"".join(pem.bytes() for pem in issued.cert_chain_pems).decode())
        write_private(self.authority, authority.cert_pem.bytes().decode())

    def _certificate(self, app: str) -> dict[str, bytes]:
        files = {"tls.crt": self._tls / f"{app}.crt", "tls.key": self._tls / f"{app}.key", "ca.crt": self.authority}
        return {name: file.read_bytes() for name, file in files.items()}


def _secret(name: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    data = {file: b64encode(content).decode() for file, content in files.items()}
    named = {"name": name, "namespace": NAMESPACE, "labels": {"app.kubernetes.io/part-of": "guanxi"}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": named, "data": data}
