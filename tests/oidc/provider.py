"""A real OpenID provider as a process: `oidc-provider` on Node.js, which comes as a wheel; over TLS."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe

import httpx
from joserfc.jwk import ECKey, RSAKey

from guanxi.local.issuer import AUDIENCE
from tests.certificates import Certificates
from tests.node import NODE, installed
from tests.polling import until

SOURCE = Path(__file__).parent
Key = RSAKey | ECKey


@dataclass
class Provider:
    """Signs clients in, each of them named `<name>` with the roles that it was given."""

    port: int
    home: Path
    certificates: Certificates
    clients: dict[str, list[str]]
    secret: str = field(default_factory=token_urlsafe)
    _process: asyncio.subprocess.Process | None = None

    @property
    def issuer(self) -> str:
        return f"https://localhost:{self.port}"

    async def start(self, keys: Sequence[Key], algorithm: str = "RS256") -> None:
        program = await installed(SOURCE, "provider.mjs")
        settings = {
            "issuer": self.issuer,
            "port": self.port,
            "audience": AUDIENCE,
            "algorithm": algorithm,
            "jwks": {"keys": [key.as_dict(private=True) for key in keys]},
            "clients": [{"name": name, "secret": self.secret, "roles": roles} for name, roles in self.clients.items()],
            "certificate": str(self.certificates.certificate),
            "key": str(self.certificates.key),
        }
        place = self.home / "provider.json"
        place.write_text(json.dumps(settings))
        with (self.home / "provider.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                NODE, program, place, cwd=program.parent, stdout=log, stderr=log
            )
        await until(self._answers)

    async def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            await self._process.wait()
            self._process = None

    async def token(self, name: str) -> str:
        """What the provider gives this client for its credentials."""
        async with httpx.AsyncClient(verify=self.certificates.trust()) as client:
            answer = await client.post(
                f"{self.issuer}/token", data={"grant_type": "client_credentials"}, auth=(name, self.secret)
            )
        return str(answer.raise_for_status().json()["access_token"])

    async def _answers(self) -> bool:
        try:
            async with httpx.AsyncClient(verify=self.certificates.trust()) as client:
                return (await client.get(f"{self.issuer}/.well-known/openid-configuration")).is_success
        except httpx.TransportError:
            return False
