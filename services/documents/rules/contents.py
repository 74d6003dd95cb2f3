"""The canonical bytes of a document's contents, whose hash proves that they never changed, and the language it is printed in."""

import hashlib
import json

from services.documents.state import Contents, Language


def canonical(contents: Contents) -> str:
    """The canonical JSON text of `contents`: sorted keys, no spaces, UTF-8. Its SHA-256 is the document's hash."""
    return json.dumps(contents.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def sha256_of(text: str) -> str:
    """Hexadecimal SHA-256 of the UTF-8 bytes of `text`."""
    return hashlib.sha256(text.encode()).hexdigest()


def language_of(ordered: str, setting: str) -> Language:
    """The language to print in: the store's choice, or else the order's if it is supported, or else English."""
    wanted = ordered if setting == "auto" else setting
    return "bn" if wanted.lower().split("-")[0] == "bn" else "en"
