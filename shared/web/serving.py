"""What the web side knows of the process that serves it: process/service.py builds it, and nothing here may import that."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from fastapi import APIRouter, FastAPI

from shared.data.db import Database
from shared.web.exports import Exporting
from shared.web.settings import WebSettings
from shared.web.tokens import Tokens


class Described(Protocol):
    """What a service says of itself, and what it serves."""

    @property
    def name(self) -> str:
        """As in its schema, its queue and its settings."""

    @property
    def title(self) -> str:
        """For people."""

    @property
    def description(self) -> str:
        """For people."""

    @property
    def router(self) -> APIRouter:
        """Its routes."""

    @property
    def problems(self) -> Mapping[str, str]:
        """Each of its refusal codes, explained in a sentence."""


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
