"""Checks documents: series have no gap, contents match their hash, and everything that requires a document has one."""

# ruff: noqa: S608  (the SQL is put together from constants of this package; values are always bound)

from shared.contracts.currencies import MINOR_UNITS, WITHDRAWN
from shared.data.audit import Check, public, same, versions

ID = public("document", "d.document_id")
ORDER_ID = public("order", "d.order_id")
DATA = "j.data"

# Which documents an order requires (product page, section 4), from the copy and the approved refunds alone.
DUE = """with o as (
        select store_id, order_id, version, data, data->>'order_id' as public_id, coalesce(data->'cancellation'->>'cancelled_from',
            data->>'status') as reached,
            data->>'status' = 'cancelled' as cancelled, (data->>'total')::bigint as total,
            coalesce((data->>'imported')::boolean, false) as imported, (data->'cancellation'->>'order_version')::bigint as cancelled_at
        from documents.orders where data is not null
    ), named as (
        select store_id, order_id, min((d->>'order_version')::bigint) as since
        from documents.orders, jsonb_array_elements(data->'external_documents') d where d->>'kind' = 'invoice' group by 1, 2
    ), oi as (
        select o.*, not imported and reached in ('confirmed', 'picked_up', 'shipped', 'delivered') as invoiced,
            case when imported then since end as named_since, imported and cancelled_at = 1 as cancelled_before
        from o left join named using (store_id, order_id)
    ), oc as (
        select oi.*, cancelled and not cancelled_before and (invoiced or coalesce(named_since <= cancelled_at, false)) as cancelled_by_note
        from oi
    ), r as (
        select oc.store_id, oc.order_id, oc.cancelled_by_note, oc.imported, oc.invoiced or coalesce(named_since <= r.order_version, false)
            as may_credit, r.data->>'refund_id' as public_id, r.data->>'cause' as cause,
            (r.data->>'amount')::bigint as amount, (r.data->>'shipping_kept')::bigint as kept,
            coalesce((r.data->>'credit')::bigint, (r.data->>'amount')::bigint - (r.data->>'overpaid')::bigint) as credit
        from documents.refunds r join oc on oc.store_id = r.store_id and oc.order_id = r.order_id
        where r.order_version <= oc.version and r.data->>'status' = 'approved'
    ), parts as (
        select store_id, order_id, count(*) as n, sum(credit)::bigint as credit from r
        where cause in ('part_cancellation', 'history') group by 1, 2
    ), due as (
        select store_id, order_id, 'order' as cause, public_id as subject_id, 'invoice' as kind, total from oi where invoiced
        union all select store_id, order_id, 'cancellation', public_id, 'credit_note', total - coalesce(parts.credit, 0)
            from oc left join parts using (store_id, order_id) where cancelled_by_note
            and coalesce(jsonb_array_length(oc.data->'part_cancellations'), 0)
                + case when jsonb_typeof(oc.data->'history'->'refunded') = 'object' then 1 else 0 end = coalesce(parts.n, 0)
        union all select store_id, order_id, 'payment', p->>'payment_id', case when p->'reverses' = 'null' then 'receipt' else
            'cancelling_receipt' end,
            abs((p->>'amount')::bigint) from oi, jsonb_array_elements(oi.data->'payments') p
            where not (imported and exists (select from jsonb_array_elements(oi.data->'payments') b where b->'order_version' = '1'
                and b->>'payment_id' in (p->>'payment_id', p->>'reverses')))
        union all select store_id, order_id, 'refund', public_id, 'credit_note', credit from r
            where may_credit and (cause = 'request' or (cause in ('part_cancellation', 'adjustment') and credit > 0))
        union all select store_id, order_id, 'refund', public_id, 'refund_receipt', amount from r where cause <> 'history' and amount > 0
            and not case when cause = 'overpaid' then false when imported and cause in ('cancellation', 'payment') then cancelled_by_note
                else may_credit end
        union all select store_id, order_id, 'shipping_kept', public_id, 'invoice', kept from r
            where cause in ('cancellation', 'payment') and kept > 0 and (cancelled_by_note or not imported)
    )"""

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

# What an invoice or a credit note lacks to be an e-invoice (real-shops.md 3.6), from its contents alone.
_NATIONS = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD "
    "CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF "
    "GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN "
    "KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA "
    "NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI "
    "SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI "
    "VN VU WF WS YE YT ZA ZM ZW "
)
_IN = "('" + "', '".join(_NATIONS.split()) + "')"
COUNTRY = f"in ({_IN[1:-1]}, 'XK', '1A', 'AC', 'TA')"
PREFIX = f"in ({_IN[1:-1]}, 'EL', 'XI') and left(replace(t->>'number', ' ', ''), 2) <> 'SS'"
_UNFIT = sorted({code for code, digits in MINOR_UNITS.items() if digits > 2} | set(WITHDRAWN))
_WHOLE = sorted(code for code, digits in MINOR_UNITS.items() if digits == 0)


def _vat_of(numbers: str) -> str:
    """SQL: whether there is a VAT number that names its country among these."""
    return f"""exists (select from jsonb_array_elements({numbers}) t where t->>'scheme' = 'VA'
        and left(replace(t->>'number', ' ', ''), 2) {PREFIX} and length(replace(t->>'number', ' ', '')) > 2)"""


BLANKS = r"E' \t\n\r'"
_CODE_AT = "'/tax_codes/' || replace(replace(code, '~', '~0'), '/', '~1')"
E_INVOICE = f"""with d as materialized (
        select store_id, document_id, total, currency, e_invoice, data::jsonb as data from documents.documents
    ), a as materialized (
        select *, data->'seller' as seller, nullif(data->'address', 'null') as address, data->'buyer' as buyer,
            coalesce((data->>'shipping_tax')::bigint, 0) as shipping_tax
        from d where data->>'e_invoice' = 'factur-x' and data->>'kind' in ('invoice', 'credit_note')
    ), codes as (
        select store_id, document_id, c->>'code' as code, c->>'category' as category, btrim(c->>'note', {BLANKS}) as note
        from a, jsonb_array_elements(data->'tax_codes') c
    ), lines as (
        select store_id, document_id, '/lines/' || (n - 1) as at, l->>'tax_code' as code, (l->>'tax_rate')::numeric as rate,
            (l->>'amount')::bigint - (l->>'tax')::bigint as net, (l->>'tax')::bigint as tax, coalesce((l->>'fee')::bigint, 0) as fee
        from a, jsonb_array_elements(data->'lines') with ordinality l(l, n)
    ), supplies as (
        select store_id, document_id, at, code, rate, net - fee as net, tax from lines
        union all select a.store_id, a.document_id, '/shipping', data->>'shipping_tax_code', (data->>'shipping_tax_rate')::numeric,
            (data->>'shipping')::bigint - shipping_tax
                - (select coalesce(sum((f->>'amount')::bigint), 0) from jsonb_array_elements(data->'fees') f)
                + (select coalesce(sum(fee), 0) from lines where lines.store_id = a.store_id and lines.document_id = a.document_id),
            shipping_tax from a where (data->>'shipping')::bigint <> 0 or shipping_tax <> 0
    ), s as (
        select supplies.*, category, note, category in ('Z', 'E', 'AE', 'K', 'G', 'O') as free
        from supplies left join codes using (store_id, document_id, code)
    ), used as (
        select store_id, document_id, code, category, note,
            bool_or(free and rate <> 0 or category in ('S', 'L') and rate = 0) as contradicts,
            bool_or(category = 'O') over one as outside, min(category) over one <> max(category) over one as mixed
        from s where category is not null group by 1, 2, 3, 4, 5 window one as (partition by store_id, document_id)
    ), rated as (
        select store_id, document_id, free, rate, array_agg(code) as codes, count(*) as rows, sum(net) as net, sum(tax) as tax,
            sum(tax) - floor(sum(net) * rate / 100 + 0.5) as rounding
        from s where category is not null and rate is not null group by store_id, document_id, category, free, rate
    ), lacks as (
        select store_id, document_id, '/seller/name' as pointer, 'seller_vat_missing' as code from a
            where btrim(seller->>'name', {BLANKS}) = ''
        union all select store_id, document_id, '/seller/country_code', 'seller_vat_missing' from a
            where (seller->>'country_code' {COUNTRY}) is not true
        union all select store_id, document_id, '/seller/tax_numbers', 'seller_vat_missing' from a
            where not {_vat_of("seller->'tax_numbers'")}
        union all select store_id, document_id, '/customer/name', 'buyer_missing' from a
            where btrim(concat(buyer->>'company', address->>'company_name', address->>'name', buyer->>'name'), {BLANKS}) = ''
        union all select store_id, document_id,
            case when (address->>'country_code' {COUNTRY}) is not true then '/billing_address/country_code' else
                '/shipping_address/country_code' end, 'buyer_missing' from a
            where (address->>'country_code' {COUNTRY} and coalesce(data->>'country', address->>'country_code') {COUNTRY}) is not true
        union all select store_id, document_id, '/currency', 'currency_decimals' from a where currency in ('{"', '".join(_UNFIT)}')
        union all select store_id, document_id, '/lines', 'rate_missing' from a
            where not exists (select from s where s.store_id = a.store_id and s.document_id = a.document_id)
        union all select store_id, document_id, at || '/tax_rate', 'rate_missing' from s where rate is null
        union all select store_id, document_id, at || '/tax_code', 'category_unknown' from s where category is null
        union all select store_id, document_id, {_CODE_AT} || '/category', 'category_unknown' from used
            where contradicts or (mixed and category = 'O')
        union all select store_id, document_id, {_CODE_AT} || '/note', 'exemption_text_missing' from used
            where category in ('E', 'AE', 'K', 'G', 'O') and note = ''
        union all select distinct store_id, document_id, '/customer/tax_numbers', 'buyer_vat_missing' from used
            join a using (store_id, document_id) where category in ('AE', 'K') and not {_vat_of("buyer->'tax_numbers'")}
        union all select store_id, document_id, at, 'tax_not_by_rate' from s where net < 0 or tax < 0
        union all select store_id, document_id, coalesce((select '/taxes/' || min(n - 1) from jsonb_array_elements(data->'taxes')
                with ordinality t(t, n) where t->>'tax_code' = any(codes) and (t->>'tax_rate')::numeric = rate), '/taxes'),
                'tax_not_by_rate' from rated join a using (store_id, document_id)
                cross join lateral (select case when currency in ('{"', '".join(_WHOLE)}') then 100 else 1 end as hundredths) h
            where case when free then tax <> 0 else abs(rounding) * hundredths > least(rows, 99)
                or (rate < 0.5 and tax * hundredths >= 50) end
        union all select store_id, document_id, '/taxes', 'tax_not_by_rate' from a
            where (select (coalesce(sum(net + tax), 0), coalesce(sum(tax), 0)) from s
                where s.store_id = a.store_id and s.document_id = a.document_id) is distinct from (total::numeric, (data->>'tax')::numeric)
    ), wanted as (
        select *, count(*) over (partition by store_id, document_id, code) as many from lacks
    ), said as (
        select store_id, document_id, b->>'pointer' as pointer, b->>'code' as code, true as told
        from a, jsonb_array_elements(e_invoice->'because') b
    ), status as (
        select store_id, document_id, d.e_invoice->>'status' as said, case when a.data is null then null
            when exists (select from lacks l where l.store_id = d.store_id and l.document_id = d.document_id) then 'missing'
            else 'embedded' end as wanted from d left join a using (store_id, document_id)
    )"""

CHECKS: list[Check] = [
    Check(
        "series_gap",
        "a series runs 1, 2, 3 … to its last number without a gap",
        """select coalesce(s.store_id, d.store_id) as store_id, coalesce(s.kind, d.kind) || ' ' || coalesce(s.year, d.year) as id,
                format('last %s; %s documents, %s to %s', s.last, d.n, d.low, d.high) as detail
            from documents.series s full join (select store_id, kind, year, count(*) as n, min(counted) as low, max(counted) as high
                from documents.documents group by 1, 2, 3) d using (store_id, kind, year)
            where (s.last, s.last, 1) is distinct from (d.n, d.high, d.low::int)""",
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
        "document_due",
        "everything that requires a document has exactly one, of the right kind and amount",
        f"""{DUE} select coalesce(due.store_id, d.store_id) as store_id, coalesce(due.cause || ' ' || due.subject_id, {ID}) as id,
                format('due %s over %s; issued %s over %s', due.kind, due.total, d.kind, d.total) as detail
            from due full join documents.documents d on d.store_id = due.store_id and d.cause = due.cause and d.subject_id =
                due.subject_id
            where (due.kind, due.total, due.order_id) is distinct from (d.kind, d.total, d.order_id)""",
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
        "document_e_invoice",
        "a document says whether it is an e-invoice where one was wanted, and every reason why not (20 of a kind at most)",
        f"""{E_INVOICE} select store_id, {public("document", "document_id")} as id, detail from (
                select store_id, document_id, format('%s at %s: %s', code, pointer, case when many is null then 'not so' else 'unsaid' end)
                    as detail from wanted full join said using (store_id, document_id, pointer, code)
                where many is null or (told is null and many <= 20)
                union all select store_id, document_id, format('is %s, should be %s', said, wanted) from status
                    where said is distinct from wanted) x""",
    ),
    Check(
        "document_refers",
        "a credit note refers to its order's invoice, a cancelling receipt to the receipt that it cancels, other documents to nothing;"
        " an imported order's credit note refers to an invoice of another system that the order names",
        f"""select d.store_id, {ID} as id, d.kind || ' refers to ' || coalesce(b.kind, 'nothing') as detail
            from documents.documents d left join documents.documents b on b.store_id = d.store_id and b.document_id = d.refers_to and
                b.order_id = d.order_id
            left join documents.orders o on o.store_id = d.store_id and o.order_id = d.order_id
            cross join lateral (select coalesce((o.data->>'imported')::boolean, false) as imported) i
            where (b.kind, b.cause) is distinct from case
                when i.imported and d.kind = 'credit_note' then (null::text, null::text) else case d.kind
                when 'credit_note' then ('invoice'::text, 'order'::text) when 'cancelling_receipt'
                then ('receipt'::text, 'payment'::text)
                else (null::text, null::text) end end
            or (i.imported and d.kind = 'credit_note') is distinct from (d.refers_to_external is not null)
            or (d.refers_to_external is not null and not exists (select from jsonb_array_elements(o.data->'external_documents') x
                where x->>'kind' = 'invoice' and x->'number' = d.refers_to_external->'number'
                and x->'issued_on' = d.refers_to_external->'issued_on'))""",
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
