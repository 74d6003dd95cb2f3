"""What the web side knows of the process that serves it: process/service.py builds it, and nothing here may import that."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa
from fastapi import APIRouter, FastAPI

from shared.data.db import Database
from shared.messaging.inbox import Consumers
from shared.web.exports import Exporting
from shared.web.settings import WebSettings
from shared.web.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Described:
    """What a service says of itself, what it serves and what it hears.

    `nouns` are the first words after `/v1/` of its paths, owned by no other service; `problems` explains each of its refusal codes.
    """

    name: str
    title: str
    description: str
    metadata: sa.MetaData
    router: APIRouter
    consumers: Consumers
    problems: Mapping[str, str]
    nouns: tuple[str, ...] = ()


class Serving(Protocol):
    """A service at work in this process, as a call sees it."""

    database: Database
    exporting: Exporting
    tokens: Tokens
    stopping: asyncio.Event
    """Set when the process stops: live streams end then."""
    app: FastAPI

    @property
    def service(self) -> Described:
        """What it is made of."""

    @property
    def settings(self) -> WebSettings:
        """Its settings."""

    def add_operations(self, app: FastAPI) -> None:
        """Health, metrics and the generated documents."""
