"""The error with which a command ends: what is wrong, and the fix."""


class Trouble(Exception):  # noqa: N818  (it is printed as one line, never as a traceback)
    """What is wrong and, in `fix`, what to do about it."""

    def __init__(self, what: str, fix: str = "") -> None:
        self.what = what
        self.fix = fix
        super().__init__(f"{what} Fix: {fix}" if fix else what)
