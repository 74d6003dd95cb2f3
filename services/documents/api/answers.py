"""Responses that are files: a PDF or a printable page, which a browser displays and never executes."""

import hashlib
import re

from fastapi import Response

from services.documents.rendering.printable import SECURITY_POLICY
from services.documents.rendering.renderer import RenderingFailed
from shared.web.call import problems

PDF = "application/pdf"
FILE_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache", "Referrer-Policy": "no-referrer"}
KEPT_HEADERS = FILE_HEADERS | {"Cache-Control": "private, max-age=31536000, immutable"}

PDF_RESPONSES = {**problems(RenderingFailed), 200: {"description": "The PDF.", "content": {PDF: {}}}}
PRINT_RESPONSES = {**problems(RenderingFailed), 200: {"description": "The print.", "content": {PDF: {}, "text/html": {}}}}


def pdf(content: bytes, name: str, *, kept: bool) -> Response:
    """A PDF for display; one that is `kept` is stored and never changes, so a browser may cache it."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    headers = {"Content-Disposition": f'inline; filename="{safe}.pdf"', "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
    return Response(content, media_type=PDF, headers=(KEPT_HEADERS if kept else FILE_HEADERS) | headers)


def html(content: str) -> Response:
    """A printable page that may neither load nor run anything."""
    return Response(content, media_type="text/html; charset=utf-8", headers=FILE_HEADERS | {"Content-Security-Policy": SECURITY_POLICY})
