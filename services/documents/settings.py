"""Settings that only this service has."""

from pydantic import Field

from shared.process.settings import Settings


class DocumentSettings(Settings):
    """The kernel's settings, and the limits on rendering."""

    render_processes: int = Field(
        3, ge=1, le=64, description="Rendering processes per service process, started when first needed; a single store leaves one free."
    )
    render_deadline_seconds: float = Field(20.0, gt=0, description="Maximum processor time of one rendering, in seconds.")
    render_memory_mb: int = Field(1_024, ge=256, description="Address space of one rendering process, in MiB.")
    render_recycle_mb: int = Field(
        300,
        ge=64,
        description="Resident memory, in MiB, above which a rendering process is replaced: the engine caches what it compiled.",
    )
    font_folders: str = Field(
        "", description="Folders with fallback fonts, separated as in PATH; looked into before the machine's own. Found without a restart."
    )
