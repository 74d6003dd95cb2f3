"""Files over HTTP: uploaded first, taken by a request, served as a download to those who may see the refund, swept when unused."""

import asyncio
import hashlib
import io
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from obstore.exceptions import BaseError
from PIL import Image

from services.refunds.commands.files import add_upload, sweep
from services.refunds.files import check
from services.refunds.files import store as file_store
from services.refunds.settings import RefundsEnvironment
from services.refunds.state import Attachment
from services.refunds.tables import metadata
from shared.contracts.actor import Actor
from shared.contracts.errors import Refused
from shared.contracts.ids import new_id, uuid_of
from shared.data.db import Database
from shared.web.app import front_of
from tests.services.refunds.pictures import PLACE, pdf, picture, polyglot, zip_bomb_png
from tests.services.refunds.scenes import ask, delivered, everything, policy, prepaid
from tests.services.test_unread_answers import running, token
from tests.shop import Answer, Caller, Shop, eventually
from tests.stack import Stack


async def upload(caller: Caller, content: bytes, name: str = "hole.jpg", media_type: str = "image/jpeg", **more: Any) -> Answer:
    """Upload a file; the answer may be a refusal, but not that this machine is too busy to decode."""

    async def answered() -> Answer | None:
        answer = await caller.post("/refunds/v1/attachments", files={"file": (name, content, media_type)}, **more)
        return None if answer.status == 503 and b"machine is too busy" in answer.content else answer

    found = await eventually(answered)
    assert found is not None
    return found


async def files(shop: Shop) -> list[dict[str, Any]]:
    """The rows of the store's files."""
    return await shop.rows("refunds", "select * from attachments where store_id = {store}")


def stored(shop: Shop) -> list[Path]:
    """The store's files on the disk."""
    folder = Path(shop.stack.settings["AFTERSALE_FILES_DIR"]) / file_store.key_of(shop.store, "x")
    return sorted(folder.parent.glob("*")) if folder.parent.exists() else []


async def test_a_file_goes_with_a_request_and_comes_back_as_a_download(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid())
    file = (await upload(shop.customer(), picture(), "Loch im Ärmel.jpeg")).ok()
    assert (file["name"], file["media_type"]) == ("Loch im Ärmel.jpg", "image/jpeg")
    refund = (await ask(shop.customer(), order_id, (1, 1), attachments=[file["attachment_id"]])).ok()
    shown = (await shop.staff.get(f"/refunds/v1/refunds/{refund['refund_id']}")).ok()
    assert [item["attachment_id"] for item in shown["attachments"]] == [file["attachment_id"]]
    for caller in (shop.customer(), shop.staff, shop.platform):
        got = (await caller.get(f"/refunds/v1/attachments/{file['attachment_id']}")).ok()
        assert hashlib.sha256(got.content).hexdigest() == file["sha256"]
        assert PLACE not in got.content
        assert Image.open(io.BytesIO(got.content)).format == "JPEG"
        assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''Loch%20im%20%C3%84rmel.jpg"
        assert (got.headers["x-content-type-options"], got.headers["content-security-policy"]) == ("nosniff", "default-src 'none'; sandbox")
    for stranger in (shop.customer("c-2"), shop.caller("staff", "s", store=f"{shop.store}-2"), shop.caller("guest", order_id)):
        assert (await stranger.get(f"/refunds/v1/attachments/{file['attachment_id']}")).status == 404


async def test_a_file_is_used_once_and_only_by_its_customer(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid())
    theirs = (await upload(shop.customer("c-2"), picture())).ok()["attachment_id"]
    mine = (await upload(shop.customer(), picture())).ok()["attachment_id"]
    before = await everything(shop, order_id)
    for wanted in ([theirs], [mine, theirs], [new_id("attachment")]):
        refused = await ask(shop.customer(), order_id, (1, 1), attachments=wanted)
        assert (refused.status, refused.code) == (409, "attachment_not_found")
    assert await everything(shop, order_id) == before
    (await ask(shop.customer(), order_id, (1, 1), attachments=[mine])).ok()
    assert (await ask(shop.customer(), order_id, (1, 1), attachments=[mine])).code == "attachment_not_found"
    six = [new_id("attachment") for _ in range(6)]
    assert (await ask(shop.customer(), order_id, (1, 1), attachments=six)).status == 422


@pytest.mark.parametrize(
    ("content", "name", "status", "code"),
    [
        (b"GIF89a" + bytes(99), "lies.jpg", 422, "file_type_not_allowed"),
        (b"<html><script>1</script>", "page.jpg", 422, "file_type_not_allowed"),
        (picture()[:300], "cut.jpg", 422, "file_unreadable"),
        (zip_bomb_png(), "bomb.png", 422, "image_too_large"),
        (pdf() + b"PK\x03\x04" + bytes(2_000), "both.pdf", 422, "file_unreadable"),
        (b"\xff\xd8\xff" + bytes(10_000_001), "big.jpg", 413, "file_too_large"),
        (b"\xff\xd8\xff" + bytes(22_000_000), "huge.jpg", 413, "too_large"),
    ],
)
async def test_what_is_refused_is_not_kept(shop: Shop, content: bytes, name: str, status: int, code: str) -> None:
    refused = await upload(shop.customer(), content, name)
    assert (refused.status, refused.code) == (status, code)
    assert (await files(shop), stored(shop)) == ([], [])


async def test_the_content_decides_not_the_name(shop: Shop) -> None:
    file = (await upload(shop.customer(), pdf(), "../../../invoice.jpg", "image/jpeg")).ok()
    assert (file["name"], file["media_type"]) == ("invoice.pdf", "application/pdf")
    file = (await upload(shop.customer(), polyglot(), "page.html", "text/html")).ok()
    assert (file["name"], file["media_type"]) == ("page.jpg", "image/jpeg")
    got = await shop.customer().get(f"/refunds/v1/attachments/{file['attachment_id']}")
    assert got.headers["content-type"] == "image/jpeg"
    assert b"<script>" not in got.content


async def test_the_same_key_uploads_once(shop: Shop) -> None:
    first = (await upload(shop.customer(), picture(), key="once")).ok()
    again = (await upload(shop.customer(), picture(), key="once")).ok()
    assert (again.content, again.replayed) == (first.content, True)
    assert (await upload(shop.customer(), pdf(), key="once")).code == "idempotency_key_reused"
    assert len(await files(shop)) == len(stored(shop)) == 1


async def test_not_a_form_and_not_a_file(shop: Shop) -> None:
    assert (await shop.customer().post("/refunds/v1/attachments", json={})).code in ("file_missing", "unsupported_media_type")
    assert (await shop.customer().post("/refunds/v1/attachments", files={"other": ("a", b"b")})).code == "file_missing"
    assert (await upload(shop.staff, picture())).code == "customer_missing"
    assert (await upload(shop.staff, picture(), data={"customer_id": "c-1"})).status == 201


async def test_the_setting_off_refuses_uploads(shop: Shop) -> None:
    await policy(shop, attachments=False)
    refused = await upload(shop.customer(), picture())
    assert (refused.status, refused.code) == (409, "attachments_off")
    assert (await files(shop), stored(shop)) == ([], [])


async def test_nobody_piles_up_files(shop: Shop) -> None:
    row = (await upload(shop.customer(), pdf())).ok()
    sql = (
        "insert into attachments (store_id, attachment_id, customer_id, name, media_type, size_bytes, sha256, uploaded_by, uploaded_at) "
        "select store_id, gen_random_uuid(), customer_id, name, media_type, size_bytes, sha256, uploaded_by, uploaded_at "
        "from attachments, generate_series(1, 19) where store_id = {store}"
    )
    await shop.rows("refunds", sql)
    assert row["media_type"] == "application/pdf"
    assert (await upload(shop.customer(), pdf(b"other"))).code == "too_many_attachments"


async def test_one_stores_uploads_leave_a_turn_to_another_store(shop: Shop, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        running("refunds", stack, monkeypatch) as one,
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=front_of(one)), base_url="http://here", timeout=60) as client,
    ):
        assert isinstance(one.settings, RefundsEnvironment)
        turns = check.turns(one.settings)
        give = [await turns.take(shop.store, "greedy") for _ in range(check.UPLOADS_AT_ONCE - 1)]

        async def uploaded(store: str) -> int:
            sent = {"Authorization": f"Bearer {token(shop, store=store)}", "Idempotency-Key": store}
            file = {"file": ("a.pdf", pdf(), "application/pdf")}
            return (await client.post("/v1/attachments", headers=sent, files=file, data={"customer_id": "c-1"})).status_code

        async def has_come() -> bool:
            return turns.waiting == 1 or waits.done()

        waits = asyncio.create_task(uploaded(shop.store))
        await eventually(has_come)
        assert not waits.done(), "one store's uploads wait for each other"
        assert await uploaded(f"{shop.store}-2") == 201
        assert not waits.done()
        for back in give:
            back()
        assert await waits == 201
        assert turns.used == 0


async def test_of_sixty_uploads_at_once_twenty_are_taken(shop: Shop) -> None:
    """Each counts those before it, however close; what is refused leaves no file behind, and no other customer's upload is refused."""
    uploads = [upload(shop.customer(), pdf(str(number).encode())) for number in range(60)]
    *answers, other = await asyncio.gather(*uploads, upload(shop.customer("c-2"), pdf()))
    assert Counter((answer.status, answer.code) for answer in answers) == {(201, None): 20, (409, "too_many_attachments"): 40}
    assert other.status == 201
    assert {row["attachment_id"] for row in await files(shop)} == {uuid_of("attachment", path.name) for path in stored(shop)}
    assert len(stored(shop)) == 21


async def test_the_last_place_is_given_once(shop: Shop) -> None:
    """Two uploads that both saw room wait for each other at their rows: the second counts the first."""
    database, actor = Database(settings_of(shop), metadata), Actor(shop.store, "customer", "c-1")
    now = datetime.now(UTC)

    def file() -> Attachment:
        return Attachment(
            attachment_id=new_id("attachment"), customer_id="c-1", name="a.pdf", media_type="application/pdf", size_bytes=1,
            sha256="0" * 64, uploaded_at=now,
        )  # fmt: skip

    async def second() -> None:
        async with database.transaction("tests.second") as tx:
            await add_upload(tx, actor, file(), 1, now=now)

    try:
        async with database.transaction("tests.first") as tx:
            await add_upload(tx, actor, file(), 1, now=now)
            late = asyncio.create_task(second())
            await eventually(lambda: one_is_blocked(shop, late))
            assert not late.done(), "the last place is given twice"
        with pytest.raises(Refused) as refused:
            await late
    finally:
        await database.close()
    assert refused.value.code == "too_many_attachments"
    assert len(await files(shop)) == 1


async def one_is_blocked(shop: Shop, late: "asyncio.Task[None]") -> bool:
    """Whether a session waits for an advisory lock, or nothing held it up."""
    sql = """select 1 from pg_locks join pg_database d on d.oid = database
        where locktype = 'advisory' and not granted and datname = current_database() and {store} <> ''"""
    return bool(await shop.rows("refunds", sql)) or late.done()


async def test_files_are_for_nobody_else_of_the_machine(shop: Shop) -> None:
    (await upload(shop.customer(), picture())).ok()
    [file] = stored(shop)
    modes = [path.stat().st_mode & 0o777 for path in (file, file.parent, file.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


async def test_what_an_upload_may_be_is_told_before(shop: Shop) -> None:
    told = (await shop.customer().get("/refunds/v1/attachments/limits")).ok().body
    pixels = {"image/jpeg": 220_000_000, "image/png": 25_000_000, "image/webp": 12_500_000, "application/pdf": None}
    assert {one["media_type"]: one["max_pixels"] for one in told.pop("types")} == pixels
    assert told == {"max_bytes": 10_000_000, "max_side_pixels": 20_000, "max_unused": 20, "unused_hours": 24, "max_in_a_request": 5}


async def test_a_heic_picture_is_refused_in_words_for_a_form(shop: Shop) -> None:
    refused = await upload(shop.customer(), b"\x00\x00\x00\x18ftypheic" + bytes(100), "IMG_1.HEIC", "image/heic")
    assert (refused.status, refused.code) == (422, "heic_not_taken")
    assert "choose JPEG" in refused["detail"]
    assert (await files(shop), stored(shop)) == ([], [])


def settings_of(shop: Shop) -> RefundsEnvironment:
    """The service's settings, as it reads them."""
    named = {name.removeprefix("AFTERSALE_").removeprefix("REFUNDS_").lower(): value for name, value in shop.stack.settings.items()}
    known = {name: value for name, value in named.items() if name in RefundsEnvironment.model_fields}
    settings = RefundsEnvironment.load("refunds", **known)
    assert isinstance(settings, RefundsEnvironment)
    return settings


async def test_unused_and_unknown_files_are_swept(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid())
    used, unused = [(await upload(shop.customer(), picture())).ok()["attachment_id"] for _ in range(2)]
    (await ask(shop.customer(), order_id, (1, 1), attachments=[used])).ok()
    settings = settings_of(shop)
    database = Database(settings, metadata)
    unknown = stored(shop)[0].parent / new_id("attachment")
    unknown.write_bytes(b"a crash came before its row")
    try:
        await sweep(database, settings, now=datetime.now(UTC))
        assert {path.name for path in stored(shop)} == {used, unused, unknown.name}
        await sweep(database, settings, now=datetime.now(UTC) + timedelta(hours=25))
    finally:
        await database.close()
    assert {path.name for path in stored(shop)} == {used}
    assert len(await files(shop)) == 1
    assert (await shop.customer().get(f"/refunds/v1/attachments/{unused}")).status == 404


async def test_a_file_that_cannot_be_deleted_stops_no_other(shop: Shop) -> None:
    for _ in range(5):
        (await upload(shop.customer(), picture())).ok()
    stuck = stored(shop)[2]
    stuck.unlink()
    stuck.mkdir()
    (stuck / "not empty").touch()
    database = Database(settings_of(shop), metadata)
    later = datetime.now(UTC) + timedelta(hours=25)
    try:
        with pytest.raises(BaseError):
            await sweep(database, settings_of(shop), now=later)
        assert (len(await files(shop)), stored(shop)) == (1, [stuck])
        shutil.rmtree(stuck)
        await sweep(database, settings_of(shop), now=later)
    finally:
        await database.close()
    assert (await files(shop), stored(shop)) == ([], [])


async def test_erasure_takes_texts_and_files_and_leaves_the_figures(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid())
    file = (await upload(shop.customer(), picture(), "canary-4711.jpg")).ok()["attachment_id"]
    asked = await ask(shop.customer(), order_id, (1, 1), attachments=[file], description="canary-4711", further_information="canary-4711")
    (await shop.platform.delete("/orders/v1/customers/c-1")).ok()

    async def erased() -> bool:
        return "canary-4711" not in str(await everything(shop, order_id))

    await eventually(erased)
    held = await everything(shop, order_id)
    assert [row["amount"] for row in held["refunds"]] == [5_500]
    assert (await shop.staff.get(f"/refunds/v1/attachments/{file}")).status == 404
    kept = await shop.rows("refunds", "select body from idempotency where store_id = {store}")
    assert "canary-4711" not in str(kept)
    assert asked.status == 201
    settings = settings_of(shop)
    database = Database(settings, metadata)
    try:
        await sweep(database, settings, now=datetime.now(UTC))
    finally:
        await database.close()
    assert (await files(shop), stored(shop)) == ([], [])
