"""Responses that are files: a PDF or a printable page, which a browser displays and never executes."""

import hashlib
import re

from fastapi import Response

from services.documents.rendering.printable import SECURITY_POLICY
from services.documents.rendering.renderer import Picture, RenderingFailed
from shared.web.call import problems

PDF = "application/pdf"
XML = "application/xml"
PROVISIONAL = "Aftersale-Provisional"
FILE_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache", "Referrer-Policy": "no-referrer"}
KEPT_HEADERS = FILE_HEADERS | {"Cache-Control": "private, max-age=31536000, immutable"}

_HEADERS = {
    PROVISIONAL: {
        "description": "`true` if no font has a character, which is printed as its code. Such a picture is made anew when read.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
PDF_RESPONSES = {**problems(RenderingFailed), 200: {"description": "The PDF.", "content": {PDF: {}}, "headers": _HEADERS}}
PRINT_RESPONSES = {
    **problems(RenderingFailed),
    200: {"description": "The print.", "content": {PDF: {}, "text/html": {}}, "headers": _HEADERS},
}


def pdf(picture: Picture, name: str, *, kept: bool) -> Response:
    """A PDF for display; one that is `kept` is stored and never changes, so a browser may cache it, unless it is provisional."""
    headers = {"Content-Disposition": f'inline; filename="{_safe(name)}.pdf"', "ETag": f'"{hashlib.sha256(picture.pdf).hexdigest()}"'}
    if picture.missing:
        return Response(picture.pdf, media_type=PDF, headers=FILE_HEADERS | headers | {PROVISIONAL: "true"})
    return Response(picture.pdf, media_type=PDF, headers=(KEPT_HEADERS if kept else FILE_HEADERS) | headers)


def xml(content: bytes, name: str, *, kept: bool) -> Response:
    """An XML file to be saved; one that is `kept` is part of what is stored and never changes."""
    headers = {"Content-Disposition": f'attachment; filename="{_safe(name)}.xml"', "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
    return Response(content, media_type=XML, headers=(KEPT_HEADERS if kept else FILE_HEADERS) | headers)


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)


def html(content: str) -> Response:
    """A printable page that may neither load nor run anything."""
    return Response(content, media_type="text/html; charset=utf-8", headers=FILE_HEADERS | {"Content-Security-Policy": SECURITY_POLICY})
