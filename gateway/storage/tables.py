"""Every table of the gateway's database, for its migrations and whoever checks them."""

from gateway.audit import tables as audit
from gateway.changes import tables as changes
from gateway.limits import tables as limits
from gateway.view import tables as view
from gateway.webhooks import tables as webhooks
from libs.directory import tables as directory

METADATA = (
    view.metadata,
    directory.metadata,
    audit.metadata,
    audit.own,
    limits.metadata,
    changes.metadata,
    webhooks.metadata,
    webhooks.own,
)
