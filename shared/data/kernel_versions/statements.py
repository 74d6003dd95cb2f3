"""A step from one version to the next, or back, as the statements that make it."""

from collections.abc import Callable, Sequence

import sqlalchemy as sa

Step = Callable[[sa.Connection, str], None]


def step(statements: Sequence[str]) -> Step:
    """Runs them in order, `{schema}` in each replaced by the schema's name."""

    def run(bind: sa.Connection, schema: str) -> None:
        for statement in statements:
            bind.exec_driver_sql(statement.format(schema=schema))

    return run
