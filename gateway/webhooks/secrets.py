"""What messages are signed with, as Standard Webhooks has it: HMAC-SHA256 over id, time and body, by each secret."""

import base64
import secrets
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from standardwebhooks import Webhook as Signer

from gateway.webhooks.tables import SECRETS
from libs.common.encryption import FieldCipher

PREFIX = "whsec_"
BYTES = 32


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(BYTES)).decode()


def seal(cipher: FieldCipher, secret: str, row: UUID) -> bytes:
    return cipher.encrypt(secret, table=SECRETS.table, column=SECRETS.column, row=row)


def unseal(cipher: FieldCipher, sealed: bytes, row: UUID) -> str:
    return cipher.decrypt(sealed, table=SECRETS.table, column=SECRETS.column, row=row)


def signed_headers(valid: Iterable[str], message_id: UUID, at: datetime, body: str) -> dict[str, str]:
    """Of a message: its id, the time in whole seconds, and a signature by each valid secret."""
    signatures = [Signer(secret).sign(str(message_id), at, body) for secret in valid]
    return {
        "webhook-id": str(message_id),
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
