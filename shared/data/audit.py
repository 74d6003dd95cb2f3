"""How a check is written: one set-based SELECT that returns a row (store_id, id, detail) for each inconsistency.

Changes from before the instant `settled` must have reached every service; events about later changes may still be on their way.
"""

# ruff: noqa: S608  (the SQL is assembled from constants of this package; values are always bound)

from collections.abc import Mapping
from dataclasses import dataclass

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True, slots=True)
class Check:
    """One query to one service's database; the rows that it returns (store_id, id, detail) are the inconsistencies.

    `kind` is a stable code; `about` says what should hold. `$1` is `settled`, where used.
    """

    kind: str
    about: str
    sql: str
    of_clocks: bool = False
    """Whether only times are wrong. All rows are then reported as one finding: nothing repairs them, and all else may be right."""
    service: str = ""
    """Whose database is queried. Audits leave it out; the registry fills it in."""


def public(prefix: str, column: str) -> str:
    """SQL: the public id (TypeID: base 32 of the UUID's 128 bits after two zero bits) of a uuid column."""
    bits = f"(b'00' || ('x' || replace(({column})::text, '-', ''))::bit(128))"
    digits = f"select string_agg(substr('{ALPHABET}', substring({bits} from 5 * i + 1 for 5)::bit(5)::int + 1, 1), '' order by i)"
    return f"('{prefix}_' || ({digits} from generate_series(0, 25) i))"


def differs(pairs: Mapping[str, tuple[str, str]]) -> str:
    """SQL: text that names each of `pairs` (name: two expressions) whose two sides differ; empty if none does."""
    parts = [
        f"case when ({left}) is distinct from ({right}) then "
        f"'{name}: ' || left(coalesce(({left})::text, 'nothing'), 120) || ' is not ' || left(coalesce(({right})::text, 'nothing'), 120) end"
        for name, (left, right) in pairs.items()
    ]
    return f"concat_ws('; ', {', '.join(parts)})"


def same(
    kind: str, about: str, *, store: str, about_id: str, source: str, pairs: Mapping[str, tuple[str, str]], only: str = "true"
) -> Check:
    """A check that both sides of each pair are equal in every row of `source` that meets the condition `only`."""
    where = " or ".join(f"({left}) is distinct from ({right})" for left, right in pairs.values())
    sql = f"select {store} as store_id, ({about_id})::text as id, {differs(pairs)} as detail from {source} where ({only}) and ({where})"
    return Check(kind, about, sql)


def versions(service: str, what: str) -> Check:
    """A check that a store's settings are numbered without a gap."""
    sql = f"""select store_id, '{what}' as id, format('%s versions, %s to %s', count(*), min(version), max(version)) as detail
        from {service}.settings group by store_id having count(*) <> max(version) or min(version) <> 1"""
    return Check(what.replace(" ", "_"), f"a store's {what} are numbered without a gap", sql)


def clocks(kind: str, about: str, sql: str) -> Check:
    """A check for times that contradict each other; `kind` says which."""
    return Check(kind, about, sql, of_clocks=True)


def field(document: str, name: str, kind: str = "text") -> str:
    """SQL: a field of a JSON document as `kind`; `jsonb` gives null for a JSON null."""
    if kind == "jsonb":
        return f"nullif({document}->'{name}', 'null'::jsonb)"
    return f"({document}->>'{name}')::{kind}"


def fields(row: str, document: str, names: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Pairs of a row's columns and the fields of the same names in a JSON document; `names` gives each one's type."""
    return {name: (f"{row}.{name}", field(document, name, kind)) for name, kind in names.items()}
