"""Which Kafka cluster answers at an address."""

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from guanxi.local.ports import listens


async def cluster_that_answers(host: str, port: int) -> str | None:
    """The id of the cluster whose broker answers metadata there, or None while none does."""
    if not await listens(host, port):
        return None
    client = AIOKafkaAdminClient(bootstrap_servers=f"{host}:{port}", request_timeout_ms=5000)
    try:
        await client.start()
        cluster = await client.describe_cluster()
    except (KafkaError, OSError):
        return None
    finally:
        await client.close()
    return str(cluster["cluster_id"]) if cluster["brokers"] else None
