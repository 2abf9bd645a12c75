import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from guanxi.local.failures import LocalFailure
from guanxi.local.jars import LOCK, class_path, read_lock


def quiet(_line: str) -> None:
    pass


def suffixes(folder: Path) -> set[str]:
    return {path.suffix for path in folder.iterdir()}


@pytest.fixture(scope="module")
async def jars(cache: Path) -> list[Path]:
    return await class_path(cache / "jars", None, quiet)


@pytest.fixture
async def mirror(jars: list[Path]) -> AsyncIterator[tuple[str, dict[str, bytes]]]:
    """A Maven mirror on this machine; what is put into `spoilt` it serves instead of the jar of that name."""
    files = {path.name: path for path in jars}
    spoilt: dict[str, bytes] = {}

    async def answer(request: web.Request) -> web.StreamResponse:
        name = request.path.rpartition("/")[2]
        if name in spoilt:
            return web.Response(body=spoilt[name])
        return web.FileResponse(files[name]) if name in files else web.Response(status=404)

    app = web.Application()
    app.router.add_get("/maven/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/maven/", spoilt
    await runner.cleanup()


def test_the_lock_has_a_hash_for_every_jar_and_no_address() -> None:
    assert "://" not in LOCK.read_text()
    assert len(read_lock()) == 92
    assert all(len(jar.sha256) == 64 for jar in read_lock())


async def test_jars_come_from_a_named_mirror_and_only_once(
    mirror: tuple[str, dict[str, bytes]], tmp_path: Path, jars: list[Path], free_port: Callable[[], int]
) -> None:
    address, _ = mirror
    lines: list[str] = []
    fetched = await class_path(tmp_path, address, lines.append)
    assert [path.name for path in fetched] == [path.name for path in jars]
    assert lines[-1] == "Fetching Kafka, only this once: 92 of 92 files"
    assert suffixes(tmp_path) == {".jar"}
    assert await class_path(tmp_path, f"http://127.0.0.1:{free_port()}", lines.append) == fetched
    assert len(lines) == 92


async def test_a_jar_that_differs_from_its_hash_is_not_taken(
    mirror: tuple[str, dict[str, bytes]], tmp_path: Path
) -> None:
    address, spoilt = mirror
    name = read_lock()[0].file
    spoilt[name] = b"something else"
    with pytest.raises(LocalFailure, match=r"differs from its hash in jars\.lock") as failure:
        await class_path(tmp_path, address, quiet)
    assert name in str(failure.value)
    assert failure.value.exit_status == os.EX_UNAVAILABLE
    assert not (tmp_path / name).exists()


async def test_a_jar_that_was_changed_in_the_cache_is_noticed_at_the_next_start(
    tmp_path: Path, jars: list[Path]
) -> None:
    for path in jars:
        (tmp_path / path.name).hardlink_to(path)
    changed = tmp_path / jars[5].name
    changed.unlink()
    changed.write_bytes(jars[5].read_bytes() + b"\0")
    with pytest.raises(LocalFailure) as failure:
        await class_path(tmp_path, None, quiet)
    assert str(failure.value) == f"{changed} differs from its hash in jars.lock: delete it and start again."


async def test_a_mirror_that_cannot_be_reached_is_said_in_one_sentence(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(LocalFailure) as failure:
        await class_path(tmp_path, address, quiet)
    assert str(failure.value) == (
        f"Kafka's jars could not be fetched from {address} (ConnectionError): "
        "connect this machine to it for the first start, "
        "or set GUANXI_MAVEN_REPOSITORY to a mirror that it reaches."
    )
    assert failure.value.exit_status == os.EX_UNAVAILABLE
    assert suffixes(tmp_path) == set()
