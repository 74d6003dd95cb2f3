"""Long SQL statements: files in a service's folder `sql`, which can be pasted into psql."""

from pathlib import Path

import sqlalchemy as sa


def statement(package_file: str, name: str) -> sa.TextClause:
    """The statement in `sql/<name>.sql` beside the module `package_file`, or beside the folder that it is in.

    Call it once, when the module is imported. Raises FileNotFoundError.
    """
    folder = Path(package_file).parent
    room = folder if (folder / "sql").is_dir() else folder.parent
    return sa.text((room / "sql" / f"{name}.sql").read_text(encoding="utf-8"))
