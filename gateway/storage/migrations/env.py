from gateway.audit import tables as audit
from gateway.changes import tables as changes
from gateway.limits import tables as limits
from gateway.view import tables as view
from gateway.webhooks import tables as webhooks
from libs.common.migrations import run
from libs.directory import tables as directory

run(
    view.metadata,
    directory.metadata,
    audit.metadata,
    audit.own,
    limits.metadata,
    changes.metadata,
    webhooks.metadata,
    webhooks.own,
)
