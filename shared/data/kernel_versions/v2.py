"""Version 2: a kept answer knows whom and what it is about, so that an erasure finds it by an index.

The column is generated: no writer can forget it, rows of before have it too, and an answer that was blanked leaves the index by itself.
Applying it writes the table anew (30 days of answers), during which that service takes no writes.
"""

from shared.data.kernel_versions.statements import step

STATEMENTS = (
    # All that an answer names in the shape of our ids, and the customer who got it: itself, or somebody via whom it was asked. An id
    # may contain " via ", so each beginning that ends before one counts: an erasure rather blanks one answer more.
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
    # A short list of what is not yet sorted in: the call that sorts it in should not notice.
    "create index ix_idempotency_subjects on {schema}.idempotency using gin (subjects) with (gin_pending_list_limit = 256)",
)
BACK = (
    "alter table {schema}.idempotency drop column subjects",
    "drop function {schema}.answer_subjects(text, text, text)",
)
apply, undo = step(STATEMENTS), step(BACK)
