"""Settings that only this service has."""

from pydantic import Field

from shared.process.settings import Settings


class DocumentSettings(Settings):
    """The kernel's settings, and how much rendering a process may do."""

    render_processes: int = Field(
        3, ge=1, le=64, description="Rendering processes per service process, started when first needed; a store alone leaves one free."
    )
    render_deadline_seconds: float = Field(20.0, gt=0, description="Longest time that one rendering may take.")
    render_memory_mb: int = Field(1_024, ge=256, description="Address space of one rendering process, in MiB.")
    render_recycle_mb: int = Field(
        300,
        ge=64,
        description="Resident memory, in MiB, above which a rendering process is replaced: the engine keeps what it compiled last.",
    )
