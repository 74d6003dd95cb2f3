"""Checks documents: series have no gap, contents match their hash, and everything that requires a document has one."""

# ruff: noqa: S608  (the SQL is put together from constants of this package; values are always bound)

from services.documents.audit import e_invoice, issuing
from shared.data.audit import Check, public, same, versions

ID = public("document", "d.document_id")
ORDER_ID = public("order", "d.order_id")
DATA = "j.data"

SAYS_TAXES = "d.kind not in ('receipt', 'cancelling_receipt') and (j.data->>'schema_version')::int >= 2"
# Documents about money have no taxes; nor have those from before documents had them, or refunds said theirs.
# The documents about a supply that have their taxes, and what each row should be, from the copy and the refunds.
ITEMISED = """d as (
        select store_id, document_id, order_id, kind, cause, subject_id, total, data::jsonb as data from documents.documents
        where kind not in ('receipt', 'cancelling_receipt') and (data::jsonb->>'schema_version')::int >= 2
    ), rows as (
        select store_id, document_id, t->>'tax_code' as code, t->>'tax_rate' as rate, (t->>'net')::bigint as net,
            (t->>'tax')::bigint as tax, (t->>'gross')::bigint as gross, coalesce((t->>'rounding')::bigint, 0) as rounding
        from d, jsonb_array_elements(coalesce(data->'taxes', '[]')) t
    )"""
TAXES_DUE = f"""with {ITEMISED}, bought as (
        select store_id, order_id, l->>'tax_code' as code, l->>'tax_rate' as rate, (l->>'total')::bigint as gross,
            (l->>'tax')::bigint as tax from documents.orders, jsonb_array_elements(data->'lines') l where data is not null
        union all select store_id, order_id, data->>'shipping_tax_code', data->>'shipping_tax_rate', (data->>'shipping')::bigint,
            (data->>'shipping_tax')::bigint from documents.orders where data is not null
    ), refunded as (
        select store_id, order_id, data->>'refund_id' as refund_id, data->>'cause' as cause, data from documents.refunds
        where data->>'shipping_tax' is not null
    ), apart as (
        select store_id, order_id, t->>'tax_code' as code, t->>'tax_rate' as rate, (t->>'gross')::bigint as gross,
            (t->>'tax')::bigint as tax from refunded, jsonb_array_elements(data->'taxes') t where cause in ('part_cancellation', 'history')
    ), each as (
        select d.store_id, document_id, code, rate, gross, tax from d join bought using (store_id, order_id)
            where d.cause in ('order', 'cancellation')
        union all select d.store_id, document_id, code, rate, -gross, -tax from d join apart using (store_id, order_id)
            where d.cause = 'cancellation'
        union all select d.store_id, document_id, t->>'tax_code', t->>'tax_rate', (t->>'gross')::bigint, (t->>'tax')::bigint
            from d join refunded r on r.store_id = d.store_id and r.refund_id = d.subject_id,
            jsonb_array_elements(case d.kind when 'credit_note' then r.data->'taxes' else r.data->'payout_taxes' end) t
            where d.cause = 'refund'
        union all select d.store_id, document_id, o.data->>'shipping_tax_code', o.data->>'shipping_tax_rate', d.total,
            (r.data->>'shipping_kept_tax')::bigint from d join refunded r on r.store_id = d.store_id and r.refund_id = d.subject_id
            join documents.orders o on o.store_id = d.store_id and o.order_id = d.order_id where d.cause = 'shipping_kept'
    ), known as (
        select store_id, document_id from d where cause in ('order', 'cancellation') and not (cause = 'cancellation' and exists (
            select from documents.refunds r where r.store_id = d.store_id and r.order_id = d.order_id
            and r.data->>'cause' in ('part_cancellation', 'history') and r.data->>'shipping_tax' is null))
        union all select d.store_id, d.document_id from d join refunded r on r.store_id = d.store_id and r.refund_id = d.subject_id
            where d.cause in ('refund', 'shipping_kept')
    )"""

CHECKS: list[Check] = [
    *issuing.CHECKS,
    *e_invoice.CHECKS,
    Check(
        "series_gap",
        "a series runs from its first number to its last without a gap",
        """select coalesce(s.store_id, d.store_id) as store_id, coalesce(s.kind, d.kind) || ' ' || coalesce(s.year, d.year) as id,
                format('%s to %s; %s documents, %s to %s', s.first, s.last, d.n, d.low, d.high) as detail
            from documents.series s full join (select store_id, kind, year, count(*) as n, min(counted) as low, max(counted) as high
                from documents.documents group by 1, 2, 3) d using (store_id, kind, year)
            where (s.last - s.first + 1, s.last, s.first) is distinct from (d.n, d.high, d.low)""",
    ),
    same(
        "document_altered",
        "a document's columns match its contents, its contents match its hash, and its number belongs to its series",
        store="d.store_id",
        about_id=ID,
        source="""documents.documents d cross join lateral (select d.data::jsonb as data offset 0) j
            left join documents.series s on s.store_id = d.store_id and s.kind = d.kind and s.year = d.year""",
        pairs={
            "sha256": ("d.sha256", "encode(sha256(convert_to(d.data, 'UTF8')), 'hex')"),
            "document_id": (ID, f"{DATA}->>'document_id'"),
            "order_id": (ORDER_ID, f"{DATA}->>'order_id'"),
            **{
                name: (f"d.{name}", f"{DATA}->>'{name}'") for name in ("order_number", "customer_id", "kind", "cause", "number", "currency")
            },
            "issued_on": ("d.issued_on", f"({DATA}->>'issued_on')::date"),
            "total": ("d.total", f"({DATA}->>'total')::bigint"),
            "refers_to": (public("document", "d.refers_to"), f"{DATA}->'refers_to'->>'document_id'"),
            "refers_to_external": ("d.refers_to_external", f"{DATA}->'refers_to_external'"),
            "year": ("d.year", "extract(year from d.issued_on)::int"),
            "counted": ("d.number", "s.prefix || '-' || d.year || '-' || lpad(d.counted::text, greatest(6, length(d.counted::text)), '0')"),
        },
    ),
    same(
        "document_without_event",
        "each document was published exactly once, with its own data",
        store="coalesce(d.store_id, e.store_id)",
        about_id=f"coalesce({ID}, e.data->>'document_id')",
        source=f"""(documents.documents d cross join lateral (select d.data::jsonb as data offset 0) j)
            full join (select * from documents.events where type = 'document.issued.v1') e
            on e.store_id = d.store_id and e.data->>'document_id' = {ID}""",
        pairs={
            "order": (ORDER_ID, "e.subject"),
            "issued_at": ("d.issued_at", "e.recorded_at"),
            "public": ("e.public", "true"),
            **{name: (f"d.{name}", f"e.data->>'{name}'") for name in ("customer_id", "kind", "number", "currency", "sha256")},
            "total": ("d.total", "(e.data->>'total')::bigint"),
            "issued_on": ("d.issued_on", "(e.data->>'issued_on')::date"),
            "refers_to": (public("document", "d.refers_to"), "e.data->>'refers_to'"),
            "tax": (f"case when {SAYS_TAXES} then j.data->>'tax' end", "e.data->>'tax'"),
            "net": (f"case when {SAYS_TAXES} then d.total - (j.data->>'tax')::bigint end", "(e.data->>'net')::bigint"),
            "taxes": (
                f"""case when {SAYS_TAXES} then (select coalesce(jsonb_agg(t - 'rounding' order by n), '[]')
                    from jsonb_array_elements(j.data->'taxes') with ordinality t(t, n)) else '[]' end""",
                "coalesce(e.data->'taxes', '[]')",
            ),
        },
    ),
    Check(
        "document_taxes",
        "a document's taxes add up to its total and its tax, and each row says how far its tax is from net × rate",
        f"""with {ITEMISED}, sums as (
                select store_id, document_id, sum(gross) as gross, sum(tax) as tax, bool_and(net + tax = gross) as rows_add_up,
                    bool_and(rounding = case when rate is null then 0 else tax - round(net * rate::numeric / 100) end) as rounded
                from rows group by 1, 2
            )
            select d.store_id, {ID} as id, format('total %s, overpaid %s, tax %s; rows: gross %s, tax %s, add up %s, rounded %s', d.total,
                d.data->>'overpaid', d.data->>'tax', gross, tax, rows_add_up, rounded) as detail
            from d left join sums using (store_id, document_id)
            where (coalesce(gross, 0), coalesce(tax, 0)) is distinct from
                (d.total - (d.data->>'overpaid')::bigint, (d.data->>'tax')::bigint) or not rows_add_up or not rounded""",
    ),
    Check(
        "document_taxes_due",
        "a document's taxes are those of what was bought, or of what its refund credits or pays",
        f"""{TAXES_DUE} select store_id, {public("document", "document_id")} as id,
                format('code %s, rate %s: gross %s and tax %s too little', code, rate, sum(gross), sum(tax)) as detail
            from (select each.* from each join known using (store_id, document_id)
                union all select store_id, document_id, code, rate, -gross, -tax from rows join known using (store_id, document_id)) x
            group by store_id, document_id, code, rate having sum(gross) <> 0 or sum(tax) <> 0""",
    ),
    Check(
        "delivery_place",
        "an invoice says where the goods go, as its order was confirmed, where the settings that it was issued under ask for it",
        f"""select d.store_id, {ID} as id, coalesce(d.data::jsonb->>'delivery', 'nothing') as detail
            from documents.documents d left join documents.orders o using (store_id, order_id)
            left join documents.settings s on s.store_id = d.store_id and s.version = (d.data::jsonb->>'letterhead_version')::bigint
            cross join lateral (select d.cause = 'order' and coalesce((s.letterhead->>'print_delivery_place')::boolean, false)
                and coalesce(o.data->>'fulfilment', 'shipping') = 'shipping' as asked) a
            where (not a.asked and d.cause not in ('replacement', 'correction') and d.data::jsonb ? 'delivery')
            or (a.asked and o.personal ? 'invoiced_address'
                and d.data::jsonb->'delivery' is distinct from o.personal->'invoiced_address')""",
    ),
    same(
        "document_copy",
        "the columns of an order's copy match its data, and its counter matches its document.* events",
        store="o.store_id",
        about_id=public("order", "o.order_id"),
        source=f"""documents.orders o cross join lateral (select coalesce(max(sequence), 0) as last from documents.events e
            where e.store_id = o.store_id and e.subject = {public("order", "o.order_id")}) e""",
        pairs={
            "version": ("o.version", "coalesce((o.data->>'version')::bigint, 0)"),
            "event_sequence": ("o.event_sequence", "e.last"),
            "order_id": (f"case when o.data is not null then {public('order', 'o.order_id')} end", "o.data->>'order_id'"),
            "customer_id": ("o.customer_id", "coalesce(o.data->>'customer_id', o.customer_id)"),
        },
    ),
    same(
        "refund_copy",
        "the columns of a refund's copy match its data",
        store="r.store_id",
        about_id=public("refund", "r.refund_id"),
        source="documents.refunds r",
        pairs={
            "refund_id": (public("refund", "r.refund_id"), "r.data->>'refund_id'"),
            "order_id": (public("order", "r.order_id"), "r.data->>'order_id'"),
            "order_version": ("r.order_version", "(r.data->>'order_version')::bigint"),
        },
    ),
    same(
        "request_copy",
        "the columns of a refund request match its data",
        store="r.store_id",
        about_id=public("refund", "r.refund_id"),
        source="documents.requests r",
        pairs={
            "refund_id": (public("refund", "r.refund_id"), "r.data->>'refund_id'"),
            "order_id": (public("order", "r.order_id"), "r.data->>'order_id'"),
            "requested_at": ("r.requested_at", "(r.data->>'requested_at')::timestamptz"),
        },
    ),
    Check(
        "rendering",
        "a document has one rendering, whose stored bytes match their hash, made ahead if the settings that it was issued under say so",
        f"""select coalesce(d.store_id, r.store_id) as store_id, {ID} as id, format('%s attempts, hash %s', r.attempts, r.pdf_sha256) as
            detail
            from documents.documents d left join documents.renderings r using (store_id, document_id)
            left join documents.settings s on s.store_id = d.store_id and s.version = (d.data::jsonb->>'letterhead_version')::bigint
            where r.store_id is null or r.attempts < 0 or r.ahead is distinct from coalesce(s.letterhead->>'render' = 'ahead', false)
            or r.pdf_sha256 is distinct from encode(sha256(r.pdf), 'hex')
            or (r.rendered_at is null) <> (r.pdf is null)""",
    ),
    versions("documents", "document settings"),
    Check(
        "logo",
        "a logo matches its hash",
        "select store_id, sha256 as id, length(png) || ' bytes' as detail from documents.logos where sha256 <> encode(sha256(png), 'hex')",
    ),
]
