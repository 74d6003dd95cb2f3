"""A rendering process: reads views, returns PDFs, and can do nothing else (shared/web/confined_child.py)."""

import json
import sys
from pathlib import Path

import typst

from services.documents.rendering.textlayer import repaired
from shared.web.confined_child import confine, serve

HERE = Path(__file__).parent


def compiler() -> typst.Compiler:
    """The compiler, created once and reused: our templates as its root, only our fonts, no packages."""
    return typst.Compiler(
        str(HERE / "templates" / "document.typ"),
        root=str(HERE / "templates"),
        font_paths=[str(HERE / "fonts")],
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


if __name__ == "__main__":
    confine(int(sys.argv[1]))
    reused = compiler()
    serve(lambda view: render(reused, view), sys.stdin.buffer, sys.stdout.buffer)
