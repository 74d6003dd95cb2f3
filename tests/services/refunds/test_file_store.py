"""Where files lie, tested from outside: an object store that speaks S3, a full disk, an upload that breaks off."""

import asyncio
import hashlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.refunds.commands.files import sweep
from services.refunds.settings import RefundsEnvironment
from services.refunds.tables import metadata
from shared.contracts.ids import new_id
from shared.data.db import Database
from tests.services.refunds.pictures import pdf, picture
from tests.services.refunds.s3_server import BUCKET, Store
from tests.services.refunds.scenes import ask, delivered, prepaid
from tests.services.refunds.test_refund_files import files, settings_of, upload
from tests.shop import Caller, Shop, eventually

LONG = pdf(bytes(7_000_000))  # more than one part


@contextmanager
def service(shop: Shop, **settings: str) -> Iterator[Shop]:
    """A refund service of this test's own, on the same database, with its files elsewhere."""
    process = shop.stack.run("refunds", roles=("api",), ports=None, **settings)
    before = dict(shop.stack.urls)
    try:
        shop.stack.urls.update(process.wait_until_ready().urls)
        yield shop
    finally:
        shop.stack.urls.update(before)
        process.stop()
        shop.stack.processes.remove(process)


async def swept(settings: RefundsEnvironment, now: datetime) -> int:
    """What the sweeper did."""
    database = Database(settings, metadata)
    try:
        return await sweep(database, settings, now=now)
    finally:
        await database.close()


async def test_an_object_store_keeps_serves_and_forgets_files(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store() as store, service(shop, **store.settings):
        order_id = await delivered(shop, **prepaid())
        used = (await upload(shop.customer(), LONG, "long.pdf")).ok()
        unused = (await upload(shop.customer(), picture())).ok()
        assert "POST uploads" in store.calls, "a long file goes in parts"
        assert store.uploads == {}
        assert sorted(hashlib.sha256(content).hexdigest() for content, _ in store.objects.values()) == sorted(
            (used["sha256"], unused["sha256"])
        )
        assert all(key.startswith("shop/refunds/") and "c-1" not in key for key in store.objects)
        (await ask(shop.customer(), order_id, (1, 1), attachments=[used["attachment_id"]])).ok()
        got = (await shop.staff.get(f"/refunds/v1/attachments/{used['attachment_id']}")).ok()
        assert got.content == LONG
        assert got.headers["content-disposition"].startswith("attachment;")

        orphan = next(iter(store.objects)).rsplit("/", 1)[0] + "/" + new_id("attachment")
        store.objects[orphan] = (b"a crash came before its row", datetime.now(UTC))
        for name, value in store.settings.items():
            monkeypatch.setenv(name, value)
        settings = settings_of(shop).model_copy(update={"files_url": f"s3://{BUCKET}/shop"})
        await swept(settings, datetime.now(UTC) + timedelta(hours=1))
        assert len(store.objects) == 3
        await swept(settings, datetime.now(UTC) + timedelta(hours=25))
        assert [key.rsplit("/", 1)[1] for key in store.objects] == [used["attachment_id"]]

        store.objects.clear()
        assert (await shop.staff.get(f"/refunds/v1/attachments/{used['attachment_id']}")).status == 404


async def test_an_object_store_that_fails_is_a_503_and_nothing_is_half_done(shop: Shop) -> None:
    with Store() as store, service(shop, **store.settings):
        kept = (await upload(shop.customer(), picture())).ok()["attachment_id"]
        store.failing = True
        refused = await upload(shop.customer(), pdf(), key="again")
        assert (refused.status, refused.code, refused.headers["retry-after"]) == (503, "unavailable", "5")
        away = await shop.customer().get(f"/refunds/v1/attachments/{kept}")
        assert (away.status, away.code) == (503, "unavailable")
        assert (len(await files(shop)), len(store.objects)) == (1, 1)
        store.failing = False
        assert (await upload(shop.customer(), pdf(), key="again")).status == 201
        assert (len(await files(shop)), len(store.objects)) == (2, 2)


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A disk of its own that is soon full; skips where this user may not mount one."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here to be filled ({mounted.stderr.strip()}): run this test as root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def on_disk(folder: Path) -> list[int]:
    """Sizes of all files there, finished or not."""
    return sorted(path.stat().st_size for path in folder.rglob("*") if path.is_file())


async def test_a_full_disk_is_a_503_and_nothing_is_half_done(shop: Shop, tmp_path: Path) -> None:
    content = pdf(bytes(300_000))
    with small_disk(tmp_path / "small", 256) as folder, service(shop, AFTERSALE_FILES_DIR=str(folder)):
        refused = await upload(shop.customer(), content, "long.pdf", key="again")
        assert (refused.status, refused.code, refused.headers["retry-after"]) == (503, "unavailable", "5")
        assert await files(shop) == []
        assert on_disk(folder) == [], "what was written of it is gone"
        small = (await upload(shop.customer(), pdf(), "short.pdf")).ok()
        assert on_disk(folder) == [small["size_bytes"]]
        await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,size=4m", str(folder)], check=True)
        assert (await upload(shop.customer(), content, "long.pdf", key="again")).status == 201
        assert on_disk(folder) == sorted((small["size_bytes"], len(content)))


async def half_an_upload(caller: Caller, url: str) -> None:
    """Say that a file comes, send half of it, and hang up."""
    host, port = url.removeprefix("http://").split(":")
    head = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    body = head + picture() + b"\r\n--cut--\r\n"
    lines = (
        "POST /v1/attachments HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {caller.token}", "Idempotency-Key: cut",
        "Content-Type: multipart/form-data; boundary=cut", f"Content-Length: {len(body)}", "", "",
    )  # fmt: skip
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write("\r\n".join(lines).encode() + body[: len(body) // 2])
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def test_an_upload_that_breaks_off_leaves_nothing(shop: Shop, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    with service(shop, AFTERSALE_FILES_DIR=str(tmp_path / "files"), TMPDIR=str(spool)):
        for _ in range(3):
            await half_an_upload(shop.customer(), shop.stack.urls["refunds"])
        assert (await upload(shop.customer(), picture(), key="cut")).status == 201, "the same key may be used again: nothing was done"
        assert (len(await files(shop)), len(on_disk(tmp_path / "files"))) == (1, 1)

        async def nothing_left() -> bool:
            return not os.listdir(spool)

        await eventually(nothing_left)
