"""Nothing is read from a database but within the scope of whoever asks."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.architecture.sources import ROOT, Finding, Source, dotted, none, sources, write

QUERIES = ("services/*/storage/queries.py", "gateway/*/storage.py", "libs/directory/reading.py")
UNIT_OF_WORK = "UnitOfWork"
ADD = "add"
"""Stores what a use case has made, and reads nothing."""

UNSCOPED: Mapping[str, str] = {
    "services/complaints/storage/repository.py DeadlinePolicyRepository.days_by_regime": "rules of law, of no customer",
    "services/customer/storage/repository.py CustomerRepository.document_is_known": (
        "a document belongs to one customer of the whole bank; only yes or no comes out, as from the unique constraint"
    ),
    "services/customer/storage/repository.py AccountRepository.number_is_known": "as document_is_known: yes or no",
    **{
        f"services/scoring/storage/{name}": "figures of the bank's own, of no customer"
        for name in (
            "queries.py list_policies",
            "repository.py PolicyRepository.get",
            "repository.py PolicyRepository.in_force",
            "ranking.py RankingRepository.bounds",
            "ranking.py RankingRepository.is_due",
            "ranking.py RankingRepository.draw",
            "ranking.py RankingRepository.move",
        )
    },
    **{
        f"services/marketing/storage/{name}": "the bank's own, of no customer"
        for name in (
            "queries.py list_products",
            "repository.py ProductRepository.get",
            "repository.py ProductRepository.get_for_change",
            "points.py PointsRepository.rules_for",
        )
    },
    "services/marketing/storage/points.py PointsRepository.enter": "stores what a use case has made, and reads nothing",
    "services/marketing/storage/audience.py AudienceRepository.welcome": "stores what was heard, and reads nothing",
    "services/customer/storage/holdings.py HoldingsRepository.changed": "reads nothing; at the commit Changed.owners does",
    "services/customer/storage/grades.py GradeRepository.reviewed": "changes rows whose customers were read in scope",
    "services/customer/storage/grades.py GradeRepository.ladder": "the bank's own, of no customer",
    "services/manager/storage/tasks.py TaskRepository.occasion": "the bank's own, of no customer",
    "services/manager/storage/tasks.py TaskRepository.let_wait": "stores what was heard, and reads nothing",
    "services/manager/storage/repository.py StaffRepository.works": (
        "who is let in may come from any unit; only yes or no comes out"
    ),
    "services/manager/storage/repository.py KnownCustomerRepository.note": "stores what was heard, and reads nothing",
    "gateway/audit/storage.py list_entries": "whoever may read the audit trail reads all of it",
    "gateway/audit/storage.py list_alerts": "of staff, and for whoever reads all of the audit trail",
    **{
        f"gateway/changes/storage.py {name}": "places and versions, no content; each is told within the scope alone"
        for name in ("after", "of_customers", "newest", "remembers")
    },
    "gateway/view/storage.py versions": "counters by which a consistency token is awaited, no content",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def unscoped(root: Path) -> dict[str, Finding]:
    """What reads without a scope: its name → where it stands."""
    found: dict[str, Finding] = {}
    for source in sources(root, "services", "gateway"):
        for node in source.tree.body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("Repository"):
                found.update(_of_repository(source, node))
    for source in sources(root, *QUERIES):
        functions = _functions(source.tree.body)
        for name in _without_scope(functions):
            found[f"{source.path} {name}"] = source.finding(functions[name], f"{name} applies no scope")
    return found


def _of_repository(source: Source, repository: ast.ClassDef) -> Iterator[tuple[str, Finding]]:
    methods = _functions(repository.body)
    if "__init__" not in methods or not _takes_unit_of_work(methods.pop("__init__")):
        yield (
            f"{source.path} {repository.name}",
            source.finding(repository, f"{repository.name} holds no {UNIT_OF_WORK}"),
        )
    for name in _without_scope(methods):
        if name != ADD:
            whole = f"{repository.name}.{name}"
            yield f"{source.path} {whole}", source.finding(methods[name], f"{whole} applies no scope")


def _functions(body: list[ast.stmt]) -> dict[str, Function]:
    return {node.name: node for node in body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def _without_scope(functions: Mapping[str, Function]) -> list[str]:
    """Public ones that neither apply a scope nor call one beside them that does."""
    scoped = {name for name, function in functions.items() if "scope" in _names(function)}
    while more := {n for n, f in functions.items() if n not in scoped and _names(f) & scoped}:
        scoped |= more
    return [name for name in functions if name not in scoped and not name.startswith("_")]


def _names(function: Function) -> set[str]:
    """`scope` where the unit of work's is used, and every function of this class or file that is called."""
    names: set[str] = set()
    for node in ast.walk(function):
        if dotted(node).endswith("uow.scope"):
            names.add("scope")
        if isinstance(node, ast.Call):
            names.add(dotted(node.func).removeprefix("self."))
    return names


def _takes_unit_of_work(function: Function) -> bool:
    return any(arg.annotation and dotted(arg.annotation) == UNIT_OF_WORK for arg in function.args.args)


def test_everything_is_read_within_a_scope() -> None:
    none(found for name, found in unscoped(ROOT).items() if name not in UNSCOPED)


def test_every_exemption_is_still_needed() -> None:
    assert set(UNSCOPED) <= set(unscoped(ROOT))


REPOSITORY = """
class LoanRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, loan):
        self._uow.session.add(loan)

    async def get(self, loan_id):
        return await self._one(loans.c.id == loan_id)

    async def all(self):
        return await self._uow.session.execute(select(loans))

    async def _one(self, condition):
        return await self._uow.session.execute(select(loans).where(condition, self._uow.scope.customers(c)))
"""
QUERY = """
async def list_loans(uow: UnitOfWork):
    return await uow.session.execute(select(loans).where(uow.scope.customers(loans.c.customer_id)))

async def count_loans(uow: UnitOfWork):
    return await uow.session.execute(select(func.count()))
"""


def test_a_method_and_a_query_without_a_scope_are_found(tmp_path: Path) -> None:
    write(tmp_path, "services/lending/storage/repository.py", REPOSITORY)
    write(tmp_path, "services/lending/storage/queries.py", QUERY)
    write(tmp_path, "services/lending/storage/held.py", "class HeldRepository:\n    pass\n")
    assert sorted(str(found) for found in unscoped(tmp_path).values()) == [
        "services/lending/storage/held.py:1: HeldRepository holds no UnitOfWork",
        "services/lending/storage/queries.py:5: count_loans applies no scope",
        "services/lending/storage/repository.py:12: LoanRepository.all applies no scope",
    ]
