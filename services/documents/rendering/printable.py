"""The printable page: the same view as the PDF's, as one HTML file that loads nothing."""

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

TEMPLATES = Path(__file__).parent / "templates"
STYLE = (TEMPLATES / "print.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

SECURITY_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; frame-ancestors 'self'; base-uri 'none'"
"""The page's Content-Security-Policy: its own style and its logo, no scripts, nothing external."""


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("print.html.j2")


def page(view: dict[str, Any]) -> str:
    """The HTML of a view; every text in it is escaped."""
    logo = base64.b64encode(bytes(view["logo"])).decode() if view["logo"] else ""
    return _template().render(view=view, logo=logo, style=STYLE)
