"""A step from one version to the next, or back, as a list of SQL statements."""

from collections.abc import Callable, Sequence

import sqlalchemy as sa

Step = Callable[[sa.Connection, str], None]


def step(statements: Sequence[str]) -> Step:
    """A step that runs these statements in order, with `{schema}` replaced by the schema's name."""

    def run(bind: sa.Connection, schema: str) -> None:
        for statement in statements:
            bind.exec_driver_sql(statement.format(schema=schema))

    return run
