"""The error with which the importer ends."""


class CannotImport(Exception):  # noqa: N818  (it is printed as one line, never as a traceback)
    """What is wrong and, in `fix`, what to do about it."""

    def __init__(self, what: str, fix: str = "") -> None:
        self.what = what
        self.fix = fix
        super().__init__(what)
