"""Invoices rendered per second and core, and WeasyPrint on the same invoices in the same run. By hand:

python -m tests.bench.invoices [--invoices 100] [--lines 10] [--weasyprint PYTHON]

`--weasyprint` names an interpreter of a throwaway environment that has it; it renders our printable page with our fonts.
Times are CPU seconds of the rendering process, so that other work on the machine counts less.
"""

import argparse
import json
import subprocess
import time

from rich.console import Console
from rich.table import Table

from services.documents.rendering import child
from services.documents.rendering.catalogues import languages
from services.documents.rendering.present import view_of
from services.documents.rendering.printable import page
from tests.services.documents.specimens import CODE, specimen

WEASYPRINT = """
import json, sys, time
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
pages, folder = json.load(sys.stdin)
fonts = FontConfiguration()
faces = [("Noto Sans", 400, "NotoSans-Regular"), ("Noto Sans", 600, "NotoSans-SemiBold"),
         ("Hind Siliguri", 400, "HindSiliguri-Regular"), ("Hind Siliguri", 600, "HindSiliguri-SemiBold")]
rule = "@font-face {{ font-family: '{}'; font-weight: {}; src: url(file://{}/{}.ttf) }}"
style = CSS(string="".join(rule.format(name, weight, folder, file) for name, weight, file in faces), font_config=fonts)
def render(page):
    return HTML(string=page).write_pdf(stylesheets=[style], font_config=fonts)
render(pages[0])
began = time.process_time()
for one in pages:
    render(one)
print(time.process_time() - began)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--invoices", type=int, default=100)
    parser.add_argument("--lines", type=int, default=10)
    parser.add_argument("--weasyprint", metavar="PYTHON")
    asked = parser.parse_args()
    table = Table("language", "ours: CPU ms", "per second and core", "WeasyPrint: CPU ms", "ratio")
    for language in languages():
        views = [_view(language, number, asked.lines) for number in range(asked.invoices)]
        ours = _ours(views)
        theirs = _weasyprint(views, asked.weasyprint) if asked.weasyprint else None
        other = ("", "") if theirs is None else (f"{theirs * 1000:.1f}", f"{theirs / ours:.1f}")
        table.add_row(language, f"{ours * 1000:.1f}", f"{1 / ours:.0f}", *other)
    Console().print(table)


def _view(language: str, number: int, lines: int) -> dict[str, object]:
    """An invoice that differs from the one before in number, names and buyer."""
    contents = specimen("invoice", language, count=lines, number=f"INV-2026-{number:06}")
    named = tuple(line.model_copy(update={"name": f"{line.name} {number}"}) for line in contents.lines)
    return view_of(contents.model_copy(update={"lines": named}), code=CODE)


def _ours(views: list[dict[str, object]]) -> float:
    """CPU seconds of one rendering, in this process as in a rendering process, text layer included."""
    compiler = child.compiler()
    messages = [json.dumps(view, ensure_ascii=False).encode() for view in views]
    child.render(compiler, messages[0])
    began = time.process_time()
    for message in messages:
        child.render(compiler, message)
    return (time.process_time() - began) / len(messages)


def _weasyprint(views: list[dict[str, object]], python: str) -> float:
    """CPU seconds of one rendering by WeasyPrint."""
    job = json.dumps([[page(view) for view in views], str(child.HERE / "fonts")])
    done = subprocess.run([python, "-c", WEASYPRINT], input=job, capture_output=True, text=True, check=True)
    return float(done.stdout) / len(views)


if __name__ == "__main__":
    main()
