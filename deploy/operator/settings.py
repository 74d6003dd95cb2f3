"""`aftersale settings`: shows a service's settings."""

import os
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from rich.console import Console
from rich.markup import escape

from deploy.operator import running
from deploy.operator.output import Output
from deploy.operator.registry import REGISTRY
from shared.process.settings import PREFIX

UNITS = {"seconds": "s", "ms": "ms", "bytes": "bytes", "days": "days", "minutes": "min", "hours": "h"}


def show_settings(service: str, output: Output) -> None:
    """Print every setting of a service: name, value, source, unit, meaning."""
    local = running.local_settings()
    fields = REGISTRY[service].service().settings.model_fields
    rows = [_row(service, name, field, local) for name, field in fields.items() if name != "service"]

    def render(console: Console) -> None:
        console.print(f"Settings of [bold]{service}[/bold]: {PREFIX}{service.upper()}_<NAME>, else {PREFIX}<NAME>\n")
        for row in rows:
            value = "[red]missing[/red]" if row["value"] is None else f"[bold]{escape(str(row['value']))}[/bold] {row['unit']}".rstrip()
            console.print(f"{row['name']} = {value}   [dim]({row['source']})[/dim]")
            console.print(f"    [dim]{row['meaning']}[/dim]")

    output.result({"service": service, "settings": rows}, render)


def _row(service: str, name: str, field: FieldInfo, local: dict[str, str]) -> dict[str, Any]:
    value, source = _value(service, name, field, local)
    secret = field.annotation is SecretStr
    return {
        "name": name,
        "value": _masked(value) if secret and value else value,
        "unit": next((unit for suffix, unit in UNITS.items() if name.endswith(f"_{suffix}")), ""),
        "source": source,
        "meaning": field.description or "",
    }


def _value(service: str, name: str, field: FieldInfo, local: dict[str, str]) -> tuple[Any, str]:
    """The value in force and where it comes from: the environment, this clone's `up`, or the default."""
    for variable in (f"{PREFIX}{service.upper()}_{name.upper()}", f"{PREFIX}{name.upper()}"):
        if variable in os.environ:
            return os.environ[variable], variable
    for variable in (f"{PREFIX}{service.upper()}_{name.upper()}", f"{PREFIX}{name.upper()}"):
        if variable in local:
            return local[variable], "up"
    return (None, "required") if field.is_required() else (str(field.get_default(call_default_factory=True, validated_data={})), "default")


def _masked(url: str) -> str:
    """A secret with its secret part hidden: only a URL's host, port and path remain."""
    scheme, found, rest = url.partition("://")
    return f"{scheme}://***@{rest.rpartition('@')[2]}" if found else "***"
