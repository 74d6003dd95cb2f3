"""Checks that a document says whether it is an e-invoice, and what it lacks: the rule a second time, from the contents alone."""

# ruff: noqa: S608  (the SQL is put together from constants of this package; values are always bound)

from shared.contracts.currencies import MINOR_UNITS, WITHDRAWN
from shared.data.audit import Check, public

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
        "document_e_invoice",
        "a document says whether it is an e-invoice where one was wanted, and every reason why not (20 of a kind at most)",
        f"""{E_INVOICE} select store_id, {public("document", "document_id")} as id, detail from (
                select store_id, document_id, format('%s at %s: %s', code, pointer, case when many is null then 'not so' else 'unsaid' end)
                    as detail from wanted full join said using (store_id, document_id, pointer, code)
                where many is null or (told is null and many <= 20)
                union all select store_id, document_id, format('is %s, should be %s', said, wanted) from status
                    where said is distinct from wanted) x""",
    ),
]
