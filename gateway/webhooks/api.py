"""`/api/v1/webhooks`: where partners are told. Each partner sees its own alone."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from gateway.webhooks.schemas import Message, NewSecret, SecretsView, SecretView, WebhookBody, WebhookView
from gateway.webhooks.storage import WebhookRepository, list_webhooks
from gateway.webhooks.use_cases import Webhooks, move_webhook
from gateway.webhooks.webhook import WebhookMove, WebhookStatus
from libs.common.access import CurrentCaller, CurrentClock, Query, requires
from libs.common.commands import command
from libs.common.database import UnitOfWork
from libs.common.domain import Forbidden
from libs.common.pages import CurrentPage, Page

PREFIX, TAGS = "/api/v1/webhooks", ["webhooks"]

router = APIRouter(prefix=PREFIX, tags=list(TAGS))


async def show(uow: UnitOfWork, webhook_id: UUID) -> WebhookView:
    return WebhookView.of(await WebhookRepository(uow).get(webhook_id))


Create = Annotated[UnitOfWork, command(show, conditional=False)]
Change = Annotated[UnitOfWork, command(show, conditional=True)]


@router.get("", dependencies=[requires("webhooks:read")])
async def find(uow: Query, page: CurrentPage, status: WebhookStatus | None = None) -> Page[WebhookView]:
    rows = await list_webhooks(uow, status=status, after=page.after, limit=page.limit)
    return page.of(uow, [WebhookView.of(row) for row in rows])


@router.get("/{webhook_id}", dependencies=[requires("webhooks:read")])
async def read(webhook_id: UUID, uow: Query) -> WebhookView:
    return uow.answer(await show(uow, webhook_id))


@router.post("/{webhook_id}/pause", dependencies=[requires("webhooks:change")])
async def pause(webhook_id: UUID, uow: Change) -> WebhookView:
    """What happens meanwhile waits, for three days at most."""
    return uow.answer(WebhookView.of(await move_webhook(uow, webhook_id, WebhookMove.PAUSE)))


@router.post("/{webhook_id}/resume", dependencies=[requires("webhooks:change")])
async def resume(webhook_id: UUID, uow: Change) -> WebhookView:
    """Go on after a pause, or after the endpoint answered 410."""
    return uow.answer(WebhookView.of(await move_webhook(uow, webhook_id, WebhookMove.RESUME)))


@router.post("/{webhook_id}/end", dependencies=[requires("webhooks:end")])
async def end(webhook_id: UUID, uow: Change) -> WebhookView:
    """For good; what waits is not sent any more."""
    return uow.answer(WebhookView.of(await move_webhook(uow, webhook_id, WebhookMove.END)))


async def event(body: Message) -> None:
    """What is sent to a webhook, as `application/cloudevents+json`, with the headers of Standard Webhooks.

    Any 2xx takes it; 410 stops the webhook; anything else is tried again, for some hours. It may come twice, with the
    same `webhook-id`. Messages of one customer come in order.
    """


def webhooks_router(webhooks: Webhooks) -> APIRouter:
    """What needs the keys of secrets, and the rules of where messages may be sent."""
    router = APIRouter(prefix=PREFIX, tags=list(TAGS))

    @router.post("", status_code=201, dependencies=[requires("webhooks:change")])
    async def register(body: WebhookBody, uow: Create, caller: CurrentCaller, clock: CurrentClock) -> WebhookView:
        """Events from now on are told to `url`, signed as Standard Webhooks has it; read its secret at `/secrets`."""
        if caller.partner is None:
            raise Forbidden("Only a partner has webhooks.")
        webhook = await webhooks.register(uow, partner=caller.partner, **dict(body), at=clock.now())
        return uow.answer(WebhookView.of(webhook))

    @router.put("/{webhook_id}", dependencies=[requires("webhooks:change")])
    async def describe(webhook_id: UUID, body: WebhookBody, uow: Change) -> WebhookView:
        """Say anew where to tell, and what."""
        return uow.answer(WebhookView.of(await webhooks.describe(uow, webhook_id, **dict(body))))

    @router.get("/{webhook_id}/secrets", dependencies=[requires("webhooks:change")])
    async def read_secrets(webhook_id: UUID, uow: Query, clock: CurrentClock) -> SecretsView:
        """The secrets that are valid now: two while one takes the other's place."""
        version = (await show(uow, webhook_id)).version
        held = [SecretView(**vars(secret)) for secret in await webhooks.secrets(uow, webhook_id, at=clock.now())]
        return uow.answer(SecretsView(id=webhook_id, version=version, secrets=held))

    @router.post("/{webhook_id}/secrets", dependencies=[requires("webhooks:change")])
    async def change_secret(webhook_id: UUID, body: NewSecret, uow: Change, clock: CurrentClock) -> WebhookView:
        """Make another secret; with `overlap_hours` of 0 the one before it ends at once."""
        overlap = timedelta(hours=body.overlap_hours)
        return uow.answer(WebhookView.of(await webhooks.change_secret(uow, webhook_id, overlap, at=clock.now())))

    return router
