"""Version 2: a stored response lists the orders and the customer that it is about, so that an erasure finds it by an index.

The column is generated: no writer can forget it, existing rows get it too, and a blanked response leaves the index by itself.
Applying it rewrites the table (30 days of responses), during which the service takes no writes.
"""

from shared.data.kernel_versions.statements import step

STATEMENTS = (
    # Every text of a response that looks like one of our ids, and the customer who got it, directly or through a platform. A customer's
    # id may contain " via ", so each prefix that ends before one counts: an erasure may blank one response too many, never too few.
    """create function {schema}.answer_subjects(store_id text, caller text, body text) returns text[]
language sql immutable parallel safe as $$
  select array(
    select m[1] from regexp_matches(caller || ' ' || body collate "C", '[a-z]+_[0-9a-z]{{26}}', 'g') m
    union
    select store_id || ' ' || array_to_string(p.parts[1:n], ' via ')
    from (select string_to_array(caller, ' via ') as parts where starts_with(caller, 'customer:')) p,
         generate_series(1, cardinality(p.parts)) n
    order by 1)
$$""",
    """alter table {schema}.idempotency add column subjects text[] not null
    generated always as ({schema}.answer_subjects(store_id, caller, body)) stored""",
    # A short pending list, so that the call that merges it into the index is not slowed down.
    "create index ix_idempotency_subjects on {schema}.idempotency using gin (subjects) with (gin_pending_list_limit = 256)",
)
BACK = (
    "alter table {schema}.idempotency drop column subjects",
    "drop function {schema}.answer_subjects(text, text, text)",
)
apply, undo = step(STATEMENTS), step(BACK)
