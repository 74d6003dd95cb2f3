"""A rendering process: reads views, returns PDFs, and can do nothing else (shared/web/confined_child.py)."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

import typst

from services.documents.rendering.textlayer import repaired
from shared.web.confined_child import confine, serve

HERE = Path(__file__).parent


def compiler(folders: Iterable[str] = (str(HERE / "fonts"),)) -> typst.Compiler:
    """A compiler: our templates as its root, the fonts of these folders and no others, no packages."""
    return typst.Compiler(
        str(HERE / "templates" / "document.typ"),
        root=str(HERE / "templates"),
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=list(folders)),
        ignore_system_fonts=True,
        package_path=str(HERE / "templates" / "no-packages"),
        package_cache_path=str(HERE / "templates" / "no-packages"),
    )


def render(compile_with: typst.Compiler, view: bytes) -> bytes:
    """The PDF of a view (JSON). The same view always gives the same bytes: the clock is not read."""
    json.loads(view)  # fail early: a message that is not JSON is our own mistake
    made = compile_with.compile(format="pdf", timestamp=0, sys_inputs={"view": view.decode()})
    if not isinstance(made, bytes):
        raise TypeError("the compiler did not return a PDF")
    return repaired(made)


class Renders:
    """Renders with the fonts that each question names: its first line is JSON, their `stamp` and `folders`; the rest is the view."""

    def __init__(self) -> None:
        self._stamp: str | None = None
        self._compiler: typst.Compiler | None = None

    def __call__(self, question: bytes) -> bytes:
        """The PDF."""
        fonts, _, view = question.partition(b"\n")
        wanted = json.loads(fonts)
        if self._compiler is None or self._stamp != wanted["stamp"]:
            self._compiler, self._stamp = compiler(wanted["folders"]), wanted["stamp"]
        return render(self._compiler, view)


if __name__ == "__main__":
    confine(int(sys.argv[1]))
    serve(Renders(), sys.stdin.buffer, sys.stdout.buffer)
