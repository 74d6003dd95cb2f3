"""The audit explains a store that changed who issues what, and finds what was issued, left out or changed behind its back."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from services.documents.audit import CHECKS, issuing
from tests.services.documents.telling import Life, Teller
from tests.services.documents.test_document_corrections import correct, items, taxed, unit
from tests.services.documents.test_document_modes import now, save
from tests.shop import Shop


async def busy(shop: Shop, teller: Teller) -> None:
    """Corrections; credits of ours, elsewhere, named early, late and not yet; and everything that a mode left out."""
    (await save(shop, start={"invoice": 77})).ok()
    corrected, credited = taxed(shop), taxed(shop)
    for life in (corrected, credited):
        life.at = now()
        await teller.tell(shop, life.step("pending"), life.pay(11000), life.step("delivered"))
        invoice = next(one for one in await items(shop, life) if one["kind"] == "invoice")
        (await correct(shop, invoice["document_id"])).ok()
    await teller.tell(shop, unit(credited, 1))
    past = Life(shop.store)
    await teller.tell(
        shop, past.come("delivered", 11000), past.refund(500, goods=500), past.name_invoice("F-0"), past.refund(700, goods=700)
    )
    (
        await save(shop, start={"invoice": 77}, issue={"invoice": {"mode": "elsewhere"}, "receipt": {"mode": "off", "from": "2099-01-01"}})
    ).ok()
    for numbers in ((), ("F-1", "F-2"), ("F-3",)):
        life = Life(shop.store)
        life.at = now()
        await teller.tell(shop, life.step("pending"), life.pay(3000), life.step("delivered"))
        if len(numbers) == 1:
            await teller.tell(shop, life.name_invoice(numbers[0]))
        await teller.tell(shop, life.refund(5500, goods=5000, shipping=500))
        if len(numbers) == 2:
            await teller.tell(shop, *(life.name_invoice(number) for number in numbers))
    waiting = Life(shop.store)
    waiting.at = now()
    await teller.tell(shop, waiting.step("pending"), waiting.step("shipped"), waiting.step("cancelled"))
    await teller.tell(shop, waiting.refund(0, cause="cancellation"))
    off = {"mode": "off"}
    (await save(shop, issue={"invoice": off, "receipt": off})).ok()
    none = Life(shop.store)
    none.at = now()
    await teller.tell(shop, none.step("pending"), none.pay(3000), none.step("delivered"), none.refund(2000, goods=2000))
    back = none.reverse(none.payments[0].payment_id)
    await teller.tell(shop, back)


@pytest.fixture
async def connection(shop: Shop, teller: Teller) -> AsyncIterator[asyncpg.Connection]:
    """The administrator's, in a store in which all of it happened."""
    await busy(shop, teller)
    made = await asyncpg.connect(shop.stack.postgres_url, database=shop.stack.name)
    yield made
    await made.close()


async def found(connection: asyncpg.Connection, store: str) -> dict[str, Any]:
    """What the audit finds wrong with a store's documents, by kind."""
    made: dict[str, Any] = {}
    for check in (*issuing.CHECKS, *(one for one in CHECKS if one.kind == "series_gap")):
        rows = await connection.fetch(f"select * from ({check.sql}) x where store_id = $1", store)
        made |= {check.kind: [tuple(row) for row in rows]} if rows else {}
    return made


CHANGES = [
    ("documents", "delete", "kind = 'credit_note' and cause = 'refund' and refers_to_external is null", "document_due"),
    ("documents", "delete", "kind = 'credit_note' and refers_to_external->>'number' = 'F-1'", "document_due"),
    ("documents", "delete", "kind = 'refund_receipt'", "document_due"),
    ("documents", "delete", "cause = 'replacement'", "document_due"),
    ("documents", "delete", "cause = 'correction'", "document_due"),
    ("documents", """refers_to_external = '{"number": "F-2", "issued_on": "2026-11-20"}'""", "refers_to_external->>'number' = 'F-1'",
     "document_refers"),
    ("documents", "refers_to_external = null", "refers_to_external is not null", "document_refers"),
    ("documents", "refers_to = null", "cause in ('correction', 'replacement')", "document_refers"),
    ("documents", "refers_to = (select document_id from documents.documents o where o.order_id = documents.order_id and o.cause = 'order')",
     "cause = 'refund' and refers_to is not null", "document_refers"),
    ("documents", "data = jsonb_set(data::jsonb, '{lines,0,quantity}', '1')::text", "cause = 'replacement'", "correction"),
    ("documents", "data = jsonb_set(data::jsonb, '{address,city}', '\"Kolkata\"')::text", "cause = 'correction'", "correction"),
    ("documents", "data = jsonb_set(data::jsonb, '{tax}', '1')::text", "cause = 'correction'", "correction"),
    ("corrections", "delete", "true", "document_due"),
    ("corrections", "document_id = gen_random_uuid()", "true", "document_due"),
    ("corrections", "order_id = gen_random_uuid()", "true", "document_due"),
    ("corrections", "corrected_at = corrected_at - interval '1 second'", "true", "correction"),
    ("waiting", "delete", "cause = 'refund'", "waiting"),
    ("waiting", "delete", "cause = 'cancellation'", "waiting"),
    ("waiting", "amount = amount + 1", "true", "waiting"),
    ("waiting", "cause = case cause when 'refund' then 'cancellation' else 'refund' end", "true", "waiting"),
    ("waiting", "subject_id = subject_id || 'x'", "true", "waiting"),
    ("waiting", "order_id = gen_random_uuid()", "true", "waiting"),
    ("waiting", "order_number = '1'", "true", "waiting"),
    ("waiting", "currency = 'EUR'", "true", "waiting"),
    ("waiting", "since = since + interval '1 second'", "true", "waiting"),
    ("modes", "delete", "kind = 'invoice' and mode = 'elsewhere'", "document_due"),
    ("modes", "delete", "kind = 'invoice' and mode = 'off'", "issue_mode"),
    ("modes", "delete", "kind = 'receipt'", "document_due"),
    ("modes", "mode = 'off'", "mode = 'elsewhere'", "issue_mode"),
    ("modes", "mode = 'elsewhere'", "kind = 'receipt'", "issue_mode"),
    ("modes", "kind = 'credit_note'", "kind = 'receipt'", "issue_mode"),
    ("modes", "version = version + 1", "mode = 'elsewhere'", "issue_mode"),
    ("modes", "version = version - 1", "kind = 'receipt'", "issue_mode"),
    ("modes", "since = since - interval '1 minute'", "mode = 'elsewhere'", "issue_mode"),
    ("modes", "since = since + interval '1 minute'", "mode = 'elsewhere'", "document_due"),
    ("settings", "issue = '{}'", "version = 3", "issue_mode"),
    ("settings", "starts = '{}'", "starts <> '{}'", "series_start"),
    ("series", "first = 1", "kind = 'invoice'", "series_gap"),
    ("series", "first = first + 1, last = last + 1", "kind = 'invoice'", "series_start"),
]  # fmt: skip


async def test_everything_is_explained_and_changes_are_found(shop: Shop, connection: asyncpg.Connection) -> None:
    assert await found(connection, shop.store) == {}
    for table, what, where, kind in CHANGES:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("set local session_replication_role = replica")  # past the triggers and keys that refuse changes
        place = where if table == "settings" else f"ctid = (select ctid from documents.{table} where store_id = $1 and {where} limit 1)"
        change = f"delete from documents.{table}" if what == "delete" else f"update documents.{table} set {what}"
        done = await connection.execute(f"{change} where store_id = $1 and {place}", shop.store)
        assert done.split()[-1] != "0", (table, what, where)
        wrong = await found(connection, shop.store)
        assert kind in wrong, (table, what, where, wrong)
        await transaction.rollback()
