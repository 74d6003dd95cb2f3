"""Stores files in a local folder or an object store. No part of a key comes from a customer."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from shared.contracts.errors import Unavailable
from shared.web.settings import WebSettings

if TYPE_CHECKING:
    from obstore import GetResult  # types only: they do not exist at run time
    from obstore.store import RetryConfig

CHUNK_BYTES = 256 * 1024
FOLDER = "refunds"
FOLDER_MODE, FILE_MODE = 0o700, 0o600
# A caller is waiting: fail early with a 503, which they can retry, instead of retrying for the client's default of three minutes.
RETRY: "RetryConfig" = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}


def store_of(settings: WebSettings) -> ObjectStore:
    """The object store chosen in the settings."""
    return _open(settings.files_url, str(settings.files_dir))


@lru_cache(maxsize=8)
def _open(url: str, folder: str) -> ObjectStore:
    return from_url(url, retry_config=RETRY) if url else LocalStore(folder, mkdir=True)


def key_of(store_id: str, attachment_id: str) -> str:
    """The key of a file. A store's id is the caller's text, so only its hash becomes part of the path."""
    return f"{FOLDER}/{hashlib.sha256(store_id.encode()).hexdigest()[:16]}/{attachment_id}"


async def put(store: ObjectStore, key: str, path: Path) -> None:
    """Store a file in parts, without holding it in memory. On a local disk, other users of the machine cannot read it.

    Raises Unavailable if that fails (a full disk, an unreachable store).
    """
    try:
        if isinstance(store, LocalStore):
            await asyncio.to_thread(_private_folder, Path(str(store.prefix)) / key)
        await obstore.put_async(store, key, path)
        if isinstance(store, LocalStore):
            (Path(str(store.prefix)) / key).chmod(FILE_MODE)
    except (obstore.exceptions.BaseError, OSError) as error:
        raise Unavailable(detail="The file could not be stored; nothing was changed.", retry_after_seconds=5) from error


def _private_folder(file: Path) -> None:
    """Create the folders of a file, accessible only to us, so that nobody else can read a file while it is being written."""
    for folder in (file.parent.parent, file.parent):
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(FOLDER_MODE)


async def read(store: ObjectStore, key: str) -> AsyncIterator[bytes]:
    """A file's bytes, part by part. Raises FileNotFoundError, Unavailable (an unreachable store)."""
    try:
        found = await obstore.get_async(store, key)
    except obstore.exceptions.BaseError as error:
        raise Unavailable(detail="The file cannot be read at the moment.", retry_after_seconds=5) from error
    return _parts(found)


async def _parts(found: "GetResult") -> AsyncIterator[bytes]:
    async for part in found.stream(min_chunk_size=CHUNK_BYTES):
        yield bytes(part)


async def delete(store: ObjectStore, key: str) -> None:
    """Delete a file; a missing file is not an error."""
    try:
        await obstore.delete_async(store, key)
    except FileNotFoundError:
        return


async def older_than(store: ObjectStore, moment: datetime) -> AsyncIterator[list[str]]:
    """Keys of files that were stored before `moment`, in batches."""
    async for batch in obstore.list(store, prefix=FOLDER, chunk_size=500):
        yield [meta["path"] for meta in batch if meta["last_modified"] < moment]
