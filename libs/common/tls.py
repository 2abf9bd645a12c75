"""Whom we trust on the other end of a connection: the machine's authorities, or the bank's own."""

import ssl

from libs.common.settings import Settings


def client_context(settings: Settings) -> ssl.SSLContext:
    """Certificates and host names are checked, in every mode."""
    context = ssl.create_default_context(cafile=settings.tls_authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
