"""A client that a generator made of `docs/api/openapi.json`, as an integrator would: it takes what the API answers."""

import importlib
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from guanxi.local.issuer import ADMIN
from guanxi.local.stack import Stack
from tests.conftest import ROOT
from tests.e2e.person import SignIn
from tests.e2e.test_story import known, open_branch
from tests.polling import until

pytestmark = pytest.mark.e2e

PACKAGE = "guanxi_client"
CONFIG = f"post_hooks: []\nproject_name_override: guanxi-client\npackage_name_override: {PACKAGE}\n"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the package lies; the generator must have nothing to say about the document."""
    folder = tmp_path_factory.mktemp("generated")
    config = folder / "config.yaml"
    config.write_text(CONFIG)
    generator = Path(sys.executable).with_name("openapi-python-client")
    argv = [generator, "generate", "--path", ROOT / "docs/api/openapi.json", "--meta", "none"]
    told = subprocess.run(  # noqa: S603 - no shell, nothing from outside
        [*argv, "--config", config, "--output-path", folder / PACKAGE, "--fail-on-warning"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout
    sys.path.insert(0, str(folder))
    yield folder / PACKAGE
    sys.path.remove(str(folder))


def part(name: str) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.{name}")


def test_every_operation_can_be_called_by_name(generated: Path) -> None:
    named = {path.stem for path in generated.glob("api/*/*.py")} - {"__init__"}
    assert {"complaints_reply", "customers_register", "view_view_360", "me_own_view", "audit_find"} <= named


async def test_a_story_told_by_the_generated_client(generated: Path, stack: Stack, signed_in: SignIn) -> None:
    assert generated.name == PACKAGE
    here = await open_branch(signed_in(ADMIN, "admin"), "g01")
    await known(signed_in("teller-g01", "teller"))
    models, token = part("models"), stack.issuer.token("teller-g01", ["teller"])
    client = part("client").AuthenticatedClient(
        base_url=stack.settings.gateway, token=token, raise_on_unexpected_status=True
    )
    async with client:
        registered = await part("api.customers.customers_register").asyncio_detailed(
            client=client, body=models.NewCustomer(name="生成"), idempotency_key=str(uuid.uuid4())
        )
        customer, after = registered.parsed, registered.headers["Guanxi-Consistency"]
        assert (customer.name, str(customer.home_unit_id)) == ("生成", here.unit_id)
        moved = await _add_phone(client, models, customer, after)
        assert isinstance(moved, models.CustomerView), moved
        assert moved.contact_points[0].value.endswith("8000")
        assert moved.version == customer.version + 1
        refused = await _add_phone(client, models, customer, after)
        assert (refused.status, refused.title) == (412, "Precondition Failed")
        await until(lambda: _is_shown(client, customer.id))
        case = models.NewComplaint(
            customer_id=customer.id, channel=models.Channel.PHONE, business="card", cause="fees", facts="等候过久。"
        )
        received = await part("api.complaints.complaints_receive").asyncio(
            client=client, body=case, idempotency_key=str(uuid.uuid4())
        )
        again = await part("api.complaints.complaints_read").asyncio(received.id, client=client)
        assert (again.number, again.status) == (received.number, "received")
        page = await part("api.customers.customers_find").asyncio(client=client, name="生成")
        assert customer.id in [row.id for row in page.items]


async def _add_phone(client: Any, models: Any, customer: Any, after: str) -> Any:
    return await part("api.customers.customers_add_contact").asyncio(
        customer.id,
        client=client,
        body=models.NewContactPoint(kind=models.ContactKind.PHONE, value="13800138000"),
        idempotency_key=str(uuid.uuid4()),
        guanxi_consistency=after,
        if_match=f'"{customer.version}"',
    )


async def _is_shown(client: Any, customer_id: uuid.UUID) -> bool:
    answer = await part("api.view.view_view_360").asyncio_detailed(customer_id, client=client)
    return answer.status_code == 200 and answer.parsed.sections.profile.state == "ok"
