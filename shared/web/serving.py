"""What the web room knows of the process that it runs in: process/service.py builds it, and nothing here may import that module."""

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
    """A service's name and descriptions, its routes and its consumers.

    `nouns` are the first words after `/v1/` of its paths, which no other service owns; `problems` explains each of its refusal codes.
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
    """A running service in this process, as a call sees it."""

    database: Database
    exporting: Exporting
    tokens: Tokens
    stopping: asyncio.Event
    """Set when the process stops, which ends live streams."""
    app: FastAPI

    @property
    def service(self) -> Described:
        """Its description."""

    @property
    def settings(self) -> WebSettings:
        """Its settings."""

    def add_operations(self, app: FastAPI) -> None:
        """Add health, metrics and the generated documents."""
