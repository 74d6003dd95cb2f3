"""Checks notes and timelines: every text ever written is stored, and every change is counted once for each side that may see it."""

# ruff: noqa: S608  (the SQL is put together from constants of this package; values are always bound)

from shared.data.audit import Check, clocks, public, same, versions

ID = public("note", "n.note_id")
ORDER_ID = public("order", "n.order_id")

CHECKS: list[Check] = [
    same(
        "note_is_not_its_history",
        "a note matches its last revision, and each of its changes was published",
        store="n.store_id",
        about_id=ID,
        source=f"""notes.notes n
            cross join lateral (select count(*) as n, max(revision) as last, min(revision) as first
                from notes.revisions v where v.store_id = n.store_id and v.note_id = n.note_id) v
            left join notes.revisions w on w.store_id = n.store_id and w.note_id = n.note_id and w.revision = n.revision
            left join notes.revisions f on f.store_id = n.store_id and f.note_id = n.note_id and f.revision = 1
            left join lateral (select count(*) as n, count(*) filter (where type = 'note.added.v1') as added, count(*) filter (where type
                = 'note.edited.v1') as edited,
                max((data->>'revision')::int) as revision, bool_and(data->>'audience' = n.audience and data->>'order_id' = {ORDER_ID}
                and public = (n.audience = 'customer')) as same, max(occurred_at) filter (where type = 'note.retracted.v1') as retracted,
                max(data->'by'->>'role') filter (where type = 'note.retracted.v1') as retracted_by
                from notes.events e where e.store_id = n.store_id and e.subject in ({ORDER_ID}, {ORDER_ID} || ':private') and
                    e.data->>'note_id' = {ID}) e on true""",
        pairs={
            "revision": ("n.revision", "v.n"),
            "revisions": ("v.last", "v.n"),
            "first": ("v.first", "1"),
            "text": ("n.text", "w.text"),
            "written_at": ("n.written_at", "f.written_at"),
            "edited_at": ("n.edited_at", "case when n.revision > 1 then w.written_at end"),
            "published": ("e.n", "n.revision + case when n.retracted_at is null then 0 else 1 end"),
            "added": ("e.added", "1"),
            "edited": ("e.edited", "n.revision - 1"),
            "events": ("e.revision", "n.revision"),
            "audience": ("e.same", "true"),
            "retracted_at": ("n.retracted_at", "e.retracted"),
            "retracted_by_side": (
                "n.retracted_by_side",
                "case when e.retracted_by = 'customer' then 'customer' when e.retracted_by is not null then 'shop' end",
            ),
            "by": ("(n.by_role, n.by_id, n.by_via)", "(f.by_role, f.by_id, f.by_via)"),
            "side": ("n.side", "case when n.by_role = 'customer' then 'customer' else 'shop' end"),
        },
    ),
    Check(
        "note_event_of_nothing",
        "each note.* event belongs to an existing note",
        f"""select e.store_id, e.subject as id, e.type || ' of ' || (e.data->>'note_id') as detail from notes.events e
            where e.type like 'note.%' and not exists (select from notes.notes n where n.store_id = e.store_id and {ID} =
                e.data->>'note_id')""",
    ),
    same(
        "order_positions",
        "an order's counters match its changes, separately for the shop and for the customer",
        store="n.store_id",
        about_id=ORDER_ID,
        source=f"""notes.orders n
            cross join lateral (select count(*) as n, count(customer_position) as c, coalesce(max(shop_position), 0) as shop,
                coalesce(max(customer_position), 0) as customer
                from notes.timeline t where t.store_id = n.store_id and t.order_id = n.order_id) t
            cross join lateral (select coalesce(max(shop_position), 0) as shop, coalesce(max(customer_position), 0) as customer, count(*)
                as n
                from notes.notes x where x.store_id = n.store_id and x.order_id = n.order_id) x
            cross join lateral (select count(*) as n, count(distinct shop_position) as d, count(customer_position) as c, count(distinct
                customer_position) as dc
                from (select shop_position, customer_position from notes.timeline t where t.store_id = n.store_id and t.order_id =
                    n.order_id
                union all select shop_position, customer_position from notes.notes x where x.store_id = n.store_id and x.order_id =
                    n.order_id) p) p
            cross join lateral (select coalesce(max(sequence) filter (where subject = {ORDER_ID}), 0) as public,
                coalesce(max(sequence) filter (where subject <> {ORDER_ID}), 0) as private from notes.events e
                where e.store_id = n.store_id and e.subject in ({ORDER_ID}, {ORDER_ID} || ':private')) e""",
        pairs={
            "shop_position": ("n.shop_position", "t.n + n.public_sequence + n.private_sequence"),
            "customer_position": ("n.customer_position", "t.c + n.public_sequence"),
            "last for the shop": ("greatest(t.shop, x.shop)", "n.shop_position"),
            "last for the customer": ("greatest(t.customer, x.customer)", "n.customer_position"),
            "positions": ("p.n", "p.d"),
            "customer positions": ("p.c", "p.dc"),
            "public_sequence": ("n.public_sequence", "e.public"),
            "private_sequence": ("n.private_sequence", "e.private"),
        },
    ),
    Check(
        "timeline_entry",
        "an entry has the rank and audience of its type",
        """select n.store_id, n.event_id::text as id, n.type || ' for ' || n.audience as detail from notes.timeline n
            left join notes.orders o on o.store_id = n.store_id and o.order_id = n.order_id
            where o.order_id is null or n.source_rank is distinct from case split_part(n.type, '.', 1) when 'order' then 0 when 'refund'
                then 1 when 'document' then 2 end
            or n.audience is distinct from case when n.type in ('refund.requested.v1', 'refund.settlement_failed.v1',
                'order.difference_closed.v1') then 'private' else
                'customer' end""",
    ),
    Check(
        "note_of_nothing",
        "a note belongs to an existing order",
        f"""select n.store_id, {ID} as id, 'order ' || {ORDER_ID} as detail from notes.notes n
            left join notes.orders o on o.store_id = n.store_id and o.order_id = n.order_id where o.order_id is null""",
    ),
    clocks(
        "notes read before they were written",
        "a note is read after it was written",
        f"""select n.store_id, {ID} as id, format('written %s, read %s and %s', written_at, customer_read_at, shop_read_at) as detail
            from notes.notes n where n.customer_read_at < n.written_at or n.shop_read_at < n.written_at""",
    ),
    versions("notes", "note settings"),
]
