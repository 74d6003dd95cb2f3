"""Every setting of a service: typed, documented, with its unit in its name; `aftersale settings` prints them.

`AFTERSALE_<SERVICE>_<NAME>` takes precedence over `AFTERSALE_<NAME>`, so that one environment can hold several services.
"""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

from shared.web.settings import WebSettings

PREFIX = "AFTERSALE_"


class Settings(WebSettings):
    """Settings that every service has."""

    instance: str = Field("", max_length=100, description="Name of this process in its readiness; empty means a random one.")
    clock_tolerance_seconds: float = Field(
        5.0, gt=0, description="Difference between this process's and the database's clock that readiness warns about."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level of log lines that are written.")
    log_format: Literal["json", "text"] = Field("json", description="JSON for machines, text for people.")
    otlp_endpoint: str = Field("", description="OpenTelemetry collector (OTLP over HTTP) that traces are sent to; empty sends none.")

    @classmethod
    def load(cls, service: str, **overrides: object) -> "Settings":
        """Read the environment for `service`. Raises pydantic.ValidationError that names what is missing."""
        return cls(service=service, **overrides)  # type: ignore[arg-type]  # the rest comes from the environment

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The service's own variables before those of all services."""
        service = str(init_settings()["service"]).upper()
        return (
            init_settings,
            EnvSettingsSource(settings_cls, env_prefix=f"{PREFIX}{service}_"),
            EnvSettingsSource(settings_cls, env_prefix=PREFIX),
        )
