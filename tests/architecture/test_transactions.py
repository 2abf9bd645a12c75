import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import EVERYTHING, ROOT, Finding, dotted, none, sources, write

ENDS = {"commit", "rollback"}
ELSEWHERE = {
    "libs/common/database.py": "the unit of work: the one place that ends a transaction",
    "libs/common/migrations.py": "alembic's own connection, in the owner's role",
    "bench/floors.py": "what the unit of work is measured beside: the same with nothing of ours",
}
OFFSETS = "consumer"
"""What a Kafka consumer commits are offsets."""


def ended_transactions(root: Path) -> Iterator[Finding]:
    for source in sources(root, *EVERYTHING):
        if str(source.path) in ELSEWHERE:
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = dotted(node.func.value).rpartition(".")[2]
                if _ends_one(owner, node.func.attr, in_a_test=source.path.parts[0] == "tests"):
                    yield source.finding(node, f"{owner}.{node.func.attr}(): the unit of work alone ends a transaction")


def _ends_one(owner: str, method: str, *, in_a_test: bool) -> bool:
    """A test may end what it did on a connection of its own; a session is the unit of work's there too."""
    if "session" in owner or in_a_test:
        return "session" in owner and method in {*ENDS, "begin"}
    return method in ENDS and owner != OFFSETS


def test_the_unit_of_work_alone_ends_a_transaction() -> None:
    none(ended_transactions(ROOT))


def test_what_stands_elsewhere_is_still_there() -> None:
    for path in ELSEWHERE:
        assert "commit" in (ROOT / path).read_text(), path


SAMPLE = """
async def pay(self, uow, session):
    await self.consumer.commit(offsets)
    await session.commit()
    await uow.session.commit()
    await make_session().rollback()
    async with self.session.begin():
        async with engine.begin() as connection:
            await self._commit(offsets)
"""


def test_a_commit_on_a_session_is_found_and_one_of_offsets_is_not(tmp_path: Path) -> None:
    write(tmp_path, "services/lending/use_cases/paying.py", SAMPLE)
    assert [found.line for found in ended_transactions(tmp_path)] == [4, 5, 6, 7]


def test_a_test_may_commit_on_its_own_connection_and_on_no_session(tmp_path: Path) -> None:
    write(tmp_path, "tests/test_x.py", "connection.commit()\nuow.session.commit()\n")
    assert [found.line for found in ended_transactions(tmp_path)] == [2]
