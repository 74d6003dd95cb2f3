"""What a schema consists of, as PostgreSQL's own catalog says it: two schemas are the same where these lines are."""

from typing import Any

import asyncpg

SCHEMA = "$1::regnamespace"
LINES = f"""
select 'column ' || c.relname || ' ' || row_number() over (partition by c.oid order by a.attnum) || ' ' || a.attname || ' ' ||
    format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else '' end || ' ' || a.attidentity::text
    || a.attgenerated::text || a.attstorage::text || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relnamespace = {SCHEMA} and c.relkind in ('r', 'p', 'v')
union all
select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint
where connamespace = {SCHEMA} and contype <> 'n'
union all
select 'index ' || pg_get_indexdef(indexrelid) from pg_index join pg_class c on c.oid = indexrelid where c.relnamespace = {SCHEMA}
union all
select 'trigger ' || pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text from pg_trigger t join pg_class c on c.oid = tgrelid
where c.relnamespace = {SCHEMA} and not tgisinternal
union all
select 'function ' || pg_get_functiondef(oid) from pg_proc where pronamespace = {SCHEMA}
union all
select 'sequence ' || c.relname || ' ' || format_type(s.seqtypid, null) || ' ' || s.seqstart || ' ' || s.seqincrement || ' ' || s.seqcache
from pg_sequence s join pg_class c on c.oid = seqrelid where c.relnamespace = {SCHEMA} and c.relname not like 'numbers\\_%'
union all
select 'table ' || relname || ' ' || relpersistence::text || ' ' || coalesce(array_to_string(reloptions, ','), '') || ' ' ||
    coalesce(obj_description(oid, 'pg_class'), '')
from pg_class where relnamespace = {SCHEMA} and relkind in ('r', 'p', 'v')
"""


async def catalog(connection: "asyncpg.Connection[Any]", schema: str) -> list[str]:
    """Every column, constraint, index, trigger, function, sequence and table of `schema`, sorted. The stores' own sequences are not."""
    return sorted(row[0] for row in await connection.fetch(LINES, schema) if "numbers_" not in row[0].split()[1])


async def counted(connection: "asyncpg.Connection[Any]", schema: str) -> dict[str, int]:
    """How many rows each table of `schema` has."""
    tables = await connection.fetch("select tablename from pg_tables where schemaname = $1 and tablename <> 'alembic_version'", schema)
    return {name: await connection.fetchval(f"select count(*) from {schema}.{name}") for (name,) in tables}
