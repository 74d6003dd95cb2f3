"""Checks that what requires a document has one, by who issues it, and no other; what waits, what was corrected, and where series start."""

# ruff: noqa: S608  (the SQL is put together from constants of this package; values are always bound)

from shared.data.audit import Check, differs, public

ID = public("document", "d.document_id")


def _mode(kind: str, at: str, of: str) -> str:
    """SQL: who issues a kind at a moment, of a row's store."""
    newest = f"select m.mode from documents.modes m where m.store_id = {of}.store_id and m.kind = '{kind}' and m.since <= {at}"
    return f"coalesce(({newest} order by m.since desc limit 1), 'on')"


def _basis(at: str) -> str:
    """SQL: what a credit decided on this version of an order is about; `since` is the first version that named an invoice."""
    return f"""case when invoicing = 'on' then 'ours' when since <= {at} then 'external' when invoicing <> 'elsewhere' then 'none'
        when since is not null then 'external' else 'awaited' end"""


PAID_AT = """coalesce((select (b->>'recorded_at')::timestamptz from jsonb_array_elements(oi.data->'payments') b
    where b->>'payment_id' = p->>'reverses'), (p->>'recorded_at')::timestamptz)"""

# Which documents an order requires (product page, section 4; real-shops.md 3.3), from the copy, the approved refunds and the modes alone.
DUE = f"""with o as (
        select store_id, order_id, version, data, data->>'order_id' as public_id, coalesce(data->'cancellation'->>'cancelled_from',
            data->>'status') as reached,
            data->>'status' = 'cancelled' as cancelled, (data->>'total')::bigint as total,
            coalesce((data->>'imported')::boolean, false) as imported, (data->'cancellation'->>'order_version')::bigint as cancelled_at,
            (data->'cancellation'->>'recorded_at')::timestamptz as cancelled_on,
            coalesce(data->>'confirmed_at', data->>'placed_at')::timestamptz as confirmed_on
        from documents.orders where data is not null
    ), named as (
        select store_id, order_id, min((d->>'order_version')::bigint) as since
        from documents.orders, jsonb_array_elements(data->'external_documents') d where d->>'kind' = 'invoice' group by 1, 2
    ), oi as (
        select o.*, since, case when imported or reached not in ('confirmed', 'picked_up', 'shipped', 'delivered') then 'off'
            else {_mode("invoice", "confirmed_on", "o")} end as invoicing
        from o left join named using (store_id, order_id)
    ), oc as (
        select oi.*, case when not cancelled or (imported and cancelled_at = 1) then 'none' else {_basis("cancelled_at")} end as whole
        from oi
    ), r as (
        select oc.store_id, oc.order_id, oc.whole, {_basis("r.order_version")} as basis, r.data->>'refund_id' as public_id,
            r.data->>'cause' as cause, (r.data->>'amount')::bigint as amount, (r.data->>'shipping_kept')::bigint as kept,
            coalesce((r.data->>'credit')::bigint, (r.data->>'amount')::bigint - (r.data->>'overpaid')::bigint) as credit,
            coalesce(r.data->>'decided_at', r.data->>'requested_at')::timestamptz as decided_on
        from documents.refunds r join oc on oc.store_id = r.store_id and oc.order_id = r.order_id
        where r.order_version <= oc.version and r.data->>'status' = 'approved'
    ), parts as (
        select store_id, order_id, count(*) as n, sum(credit)::bigint as credit from r
        where cause in ('part_cancellation', 'history') group by 1, 2
    ), notes as (
        select store_id, order_id, 'cancellation' as cause, public_id as subject_id, total - coalesce(parts.credit, 0) as total,
            whole as basis, cancelled_on as decided_on
            from oc left join parts using (store_id, order_id) where whole <> 'none'
            and coalesce(jsonb_array_length(oc.data->'part_cancellations'), 0)
                + case when jsonb_typeof(oc.data->'history'->'refunded') = 'object' then 1 else 0 end = coalesce(parts.n, 0)
            and {_mode("credit_note", "cancelled_on", "oc")} = 'on'
        union all select store_id, order_id, 'refund', public_id, credit, basis, decided_on from r
            where basis <> 'none' and (cause = 'request' or (cause in ('part_cancellation', 'adjustment') and credit > 0))
            and {_mode("credit_note", "decided_on", "r")} = 'on'
    ), due as (
        select store_id, order_id, 'order' as cause, public_id as subject_id, 'invoice' as kind, total from oi where invoicing = 'on'
        union all select store_id, order_id, cause, subject_id, 'credit_note', total from notes where basis <> 'awaited'
        union all select store_id, order_id, 'payment', p->>'payment_id', case when p->'reverses' = 'null' then 'receipt' else
            'cancelling_receipt' end,
            abs((p->>'amount')::bigint) from oi, jsonb_array_elements(oi.data->'payments') p
            where not (imported and exists (select from jsonb_array_elements(oi.data->'payments') b where b->'order_version' = '1'
                and b->>'payment_id' in (p->>'payment_id', p->>'reverses')))
            and {_mode("receipt", PAID_AT, "oi")} = 'on'
        union all select store_id, order_id, 'refund', public_id, 'refund_receipt', amount from r where cause <> 'history' and amount > 0
            and case when cause = 'overpaid' then true when cause in ('cancellation', 'payment') then whole = 'none' else basis = 'none' end
            and {_mode("refund_receipt", "decided_on", "r")} = 'on'
        union all select store_id, order_id, 'shipping_kept', public_id, 'invoice', kept from r
            where cause in ('cancellation', 'payment') and kept > 0 and whole <> 'none' and {_mode("invoice", "decided_on", "r")} = 'on'
        union all select c.store_id, c.order_id, case kind when 'invoice' then 'replacement' else 'correction' end,
            {public("document", "c.document_id")}, kind, total
            from documents.corrections c join (select store_id, document_id, total from documents.documents where kind = 'invoice') i
            using (store_id, document_id), unnest(array['invoice', 'credit_note']) kind
    )"""

# The newest invoice that the order had named when it was decided, or else the first that it named.
NAMED = """(select jsonb_build_object('number', x->'number', 'issued_on', x->'issued_on')
    from jsonb_array_elements(o.data->'external_documents') with ordinality x(x, n),
    lateral (select (x->>'order_version')::bigint as v) v where x->>'kind' = 'invoice'
    order by v <= decided_at desc, case when v <= decided_at then -v else v end, n desc limit 1)"""

SAME = ("lines", "goods", "shipping", "shipping_tax", "overpaid", "tax", "taxes", "discount", "total", "currency", "order_id", "country")
OF_BUYER = ("address", "buyer")

CHECKS: list[Check] = [
    Check(
        "document_due",
        "everything that requires a document has exactly one, of the right kind and amount, unless another system or nobody issues it",
        f"""{DUE} select coalesce(due.store_id, d.store_id) as store_id, coalesce(due.cause || ' ' || due.subject_id, {ID}) as id,
                format('due %s over %s; issued %s over %s', due.kind, due.total, d.kind, d.total) as detail
            from due full join documents.documents d on d.store_id = due.store_id and d.cause = due.cause and d.subject_id =
                due.subject_id
            where (due.kind, due.total, due.order_id) is distinct from (d.kind, d.total, d.order_id)""",
    ),
    Check(
        "document_refers",
        "a credit note refers to its order's newest invoice, or to the one of another system that the order named; a cancelling receipt to"
        " the receipt that it cancels; a correction to what it corrects; other documents to nothing",
        f"""{DUE}, d as (
                select d.*, n.basis, coalesce(r.order_version, case when d.cause = 'cancellation' then
                    (o.data->'cancellation'->>'order_version')::bigint end) as decided_at, o.data as order_data
                from documents.documents d left join notes n
                    on n.store_id = d.store_id and n.cause = d.cause and n.subject_id = d.subject_id
                left join documents.orders o on o.store_id = d.store_id and o.order_id = d.order_id
                left join documents.refunds r on r.store_id = d.store_id and d.cause = 'refund' and r.data->>'refund_id' = d.subject_id
                    and r.order_id = d.order_id
            )
            select d.store_id, {ID} as id, format('%s of %s refers to %s and to %s', d.kind, d.cause, coalesce(b.kind, 'nothing'),
                coalesce(d.refers_to_external->>'number', 'nothing')) as detail
            from d left join documents.documents b on b.store_id = d.store_id and b.document_id = d.refers_to and b.order_id = d.order_id
            left join documents.corrections c on c.store_id = b.store_id and c.document_id = b.document_id
            cross join lateral (select d.order_data as data) o
            where not case
                when d.cause in ('correction', 'replacement') then b.kind is not distinct from 'invoice'
                    and {public("document", "b.document_id")} = d.subject_id
                when d.kind = 'credit_note' and d.basis = 'ours' then b.cause in ('order', 'replacement') and c.document_id is null
                when d.kind = 'cancelling_receipt' then (b.kind, b.cause) is not distinct from ('receipt'::text, 'payment'::text)
                else d.refers_to is null end
            or (d.refers_to is null) is distinct from (b.document_id is null)
            or d.refers_to_external is distinct from case when d.kind = 'credit_note' and d.basis = 'external' then {NAMED} end""",
    ),
    Check(
        "waiting",
        "the credit notes that wait for the number of another system's invoice are listed, and no others",
        f"""{DUE}, wanted as (select * from notes where basis = 'awaited')
            select coalesce(n.store_id, w.store_id) as store_id, coalesce(n.subject_id, w.subject_id) as id,
                format('%s over %s waits; listed %s over %s', n.cause, n.total, w.cause, w.amount) as detail
            from wanted n full join documents.waiting w on w.store_id = n.store_id and w.cause = n.cause and w.subject_id = n.subject_id
            left join documents.orders o on o.store_id = n.store_id and o.order_id = n.order_id
            where (n.total, n.order_id, n.decided_on, o.data->>'number', o.data->>'currency') is distinct from
                (w.amount, w.order_id, w.since, w.order_number, w.currency)""",
    ),
    Check(
        "issue_mode",
        "each change of who issues a kind was said by the settings of its version, changes something, and the last is what they say now",
        """select m.store_id, m.kind || ' ' || m.since as id, format('%s after %s, of version %s', m.mode, m.before, m.version) as detail
            from (select *, lag(mode, 1, 'on') over (partition by store_id, kind order by since) as before from documents.modes) m
            left join lateral (select version, issue from documents.settings s where s.store_id = m.store_id and s.saved_at <= m.since
                order by version desc limit 1) s on true
            where m.version is distinct from s.version or m.mode = m.before or m.mode <> coalesce(s.issue->m.kind->>'mode', 'on')
            union all select s.store_id, kind, format('%s is said, %s in force', s.issue->kind->>'mode', m.mode)
            from (select distinct on (store_id) * from documents.settings order by store_id, version desc) s
            cross join unnest(array['invoice', 'receipt', 'credit_note', 'refund_receipt']) kind
            left join lateral (select mode from documents.modes m where m.store_id = s.store_id and m.kind = kind.kind
                order by since desc limit 1) m on true
            where coalesce(s.issue->kind->>'mode', 'on') <> coalesce(m.mode, 'on')
            union all select m.store_id, m.kind, 'without settings' from documents.modes m
            where not exists (select from documents.settings s where s.store_id = m.store_id)""",
    ),
    Check(
        "series_start",
        "a series begins with 1, or with what the settings of its year said",
        """select s.store_id, s.kind || ' ' || s.year as id, 'begins with ' || s.first as detail from documents.series s
            where s.first <> 1 and not exists (select from documents.settings v where v.store_id = s.store_id
                and v.starts->s.kind = jsonb_build_object('year', s.year, 'first', s.first))""",
    ),
    Check(
        "correction",
        "a corrected invoice has a credit note and a new invoice, issued together, of the same lines and money",
        f"""select c.store_id, {public("document", "c.document_id")} as id, concat_ws(' ', d.cause, {
            differs({name: (f"n.data->'{name}'", f"b.data->'{name}'") for name in SAME})
        }) as detail
            from documents.corrections c join documents.documents d on d.store_id = c.store_id
                and d.cause in ('correction', 'replacement') and d.subject_id = {public("document", "c.document_id")}
            left join documents.documents old on old.store_id = c.store_id and old.document_id = c.document_id
            cross join lateral (select d.data::jsonb as data) n cross join lateral (select old.data::jsonb as data) b
            where c.corrected_at <> d.issued_at or old.order_id is distinct from c.order_id
            or {" or ".join(f"n.data->'{name}' is distinct from b.data->'{name}'" for name in SAME if name != "country")}
            or (d.cause = 'correction' and ({
            " or ".join(f"n.data->'{name}' is distinct from b.data->'{name}'" for name in (*OF_BUYER, "country"))
        }))""",
    ),
]
