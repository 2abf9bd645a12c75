from uuid import UUID, uuid4

from libs.common.ids import is_v7, new_id


def test_a_new_id_is_a_standard_uuid_of_version_seven() -> None:
    value = new_id()
    assert type(value) is UUID
    assert is_v7(value)


def test_later_ids_sort_after_earlier_ones() -> None:
    made = [new_id() for _ in range(10_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_other_uuids_are_not_version_seven() -> None:
    assert not is_v7(uuid4())
    assert not is_v7(UUID(int=0))
