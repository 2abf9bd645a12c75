"""Whom we trust on the other end of a connection: the machine's authorities, or the bank's own."""

import ssl
from pathlib import Path

from libs.common.settings import Settings


def client_context(settings: Settings) -> ssl.SSLContext:
    """Certificates and host names are checked, in every mode."""
    return context_of(settings.tls_authorities)


def public_context(settings: Settings) -> ssl.SSLContext:
    """For whoever stands outside of the bank: the machine's authorities, and the bank's own beside them."""
    context = client_context(settings)
    context.load_default_certs()
    return context


def context_of(authorities: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
