"""A rendering process: reads views, returns PDFs, and can do nothing else (shared/web/confined_child.py)."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import typst

from services.documents.rendering.archival import with_invoice_described
from services.documents.rendering.textlayer import repaired
from shared.web.confined_child import confine, serve

HERE = Path(__file__).parent
STANDARD: Literal["a-3b"] = "a-3b"  # ISO 19005-3: the part of PDF/A that may hold any file


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


def render(compile_with: typst.Compiler, view: bytes, attached: dict[str, Any] | None = None) -> bytes:
    """The PDF of a view (JSON). The same view always gives the same bytes: the clock is not read.

    `attached`: an e-invoice (`xml`), with which the PDF is a PDF/A-3 made `at` that second since 1970.
    """
    json.loads(view)  # fail early: a message that is not JSON is our own mistake
    inputs = {"view": view.decode()}
    if attached is None:
        return repaired(_pdf(compile_with.compile(format="pdf", timestamp=0, sys_inputs=inputs)))
    inputs["attached"] = attached["xml"]
    made = _pdf(compile_with.compile(format="pdf", timestamp=attached["at"], sys_inputs=inputs, pdf_standards=STANDARD))
    return with_invoice_described(repaired(made))


def _pdf(made: object) -> bytes:
    if not isinstance(made, bytes):
        raise TypeError("the compiler did not return a PDF")
    return made


class Renders:
    """Renders with the fonts that each question names: its first line is JSON, their `stamp` and `folders`, and what is `attached`; the
    rest is the view.
    """

    def __init__(self) -> None:
        self._stamp: str | None = None
        self._compiler: typst.Compiler | None = None

    def __call__(self, question: bytes) -> bytes:
        """The PDF."""
        fonts, _, view = question.partition(b"\n")
        wanted = json.loads(fonts)
        if self._compiler is None or self._stamp != wanted["stamp"]:
            self._compiler, self._stamp = compiler(wanted["folders"]), wanted["stamp"]
        return render(self._compiler, view, wanted.get("attached"))


if __name__ == "__main__":
    confine(int(sys.argv[1]))
    serve(Renders(), sys.stdin.buffer, sys.stdout.buffer)
