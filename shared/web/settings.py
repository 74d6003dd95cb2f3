"""Settings of HTTP calls: what a client may send, how often and how slowly; tokens, exports, images."""

from pathlib import Path

from pydantic import Field

from shared.messaging.settings import MessagingSettings


class WebSettings(MessagingSettings):
    """Settings of HTTP calls: what a client may send, how often and how slowly; tokens, exports, images."""

    export_slots: int = Field(
        12, ge=1, le=1000, description="Exports and archives that run at once per process; a store never has more than its part of them."
    )
    export_wait_seconds: float = Field(2.0, ge=0, description="Longest wait for a free export slot; then the caller gets 429.")
    image_processes: int = Field(
        2,
        ge=1,
        le=64,
        description="Image decoding processes, started when first needed; a single store leaves one free.",
    )
    image_deadline_seconds: float = Field(15.0, gt=0, description="Longest processor time that decoding one image may take.")
    image_memory_mb: int = Field(512, ge=128, description="Address space of one image decoding process, in MiB.")
    image_recycle_mb: int = Field(
        160, ge=32, description="Resident memory, in MiB, above which an image decoding process is replaced after its image."
    )
    image_max_side_pixels: int = Field(20_000, ge=100, description="Longest side of an image.")
    image_max_jpeg_pixels: int = Field(
        220_000_000, ge=10_000, description="Largest JPEG, in pixels: it is reduced while it is decoded. Other formats have smaller limits."
    )
    http_host: str = Field("127.0.0.1", description="Address that the API listens on.")
    http_port: int = Field(8000, ge=0, le=65535, description="Port that the API listens on; 0 picks a free one.")
    public_port: int = Field(
        8000, ge=0, le=65535, description="Port on which a process of several services serves all of them; 0 picks a free one."
    )
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^\s/?#]+(/[^\s/?#]+)*)?$",
        description="Base address that callers put before /v1, such as https://shop.example/aftersale; empty makes links relative.",
    )
    secret_replay_seconds: int = Field(
        600, ge=0, description="How long a repeat shows a secret again (it is recreated, never stored); later it is null."
    )
    max_small_body_bytes: int = Field(
        64_000, ge=1_000, description="Largest request body of a route that does not declare a larger limit, as placing and uploads do."
    )
    max_head_bytes: int = Field(32_000, ge=4_000, description="Largest head of a request: its address and headers together.")
    max_headers: int = Field(100, ge=20, description="Most headers of a request.")
    max_address_bytes: int = Field(16_000, ge=1_000, description="Longest address of a request, with its parameters.")
    max_connections: int = Field(
        0, ge=0, description="Connections to one process, of all its services; 0 means half of the descriptors that it may open."
    )
    head_seconds: float = Field(10.0, gt=0, description="Longest time for a request's head; the first one's begins with the connection.")
    idle_seconds: float = Field(30.0, gt=0, description="How long a connection is kept open for its next request.")
    body_pause_seconds: float = Field(10.0, gt=0, description="Longest pause in a request's body; then the caller gets 408.")
    body_bytes_per_second: int = Field(
        1_000, ge=1, description="Slowest rate at which a body may arrive and an answer may be read, not counting the allowed pause."
    )
    answer_pause_seconds: float = Field(
        20.0, gt=0, description="Longest time that an answer is held for a client that does not read; then the connection is closed."
    )
    linger_seconds: float = Field(
        2.0, gt=0, description="How long the rest of a refused body is discarded, so that its sender can read the answer."
    )
    token_calls_per_second: int = Field(
        1_000, ge=0, description="Calls a second by one token, per process; unused calls of 5 s may follow as a burst. 0 means no limit."
    )
    store_calls_per_second: int = Field(
        2_000, ge=0, description="Calls a second by one store, per process; unused calls of 5 s may follow as a burst. 0 means no limit."
    )
    token_calls_at_once: int = Field(256, ge=0, description="Calls of one token that may be in progress, per process. 0 means no limit.")
    store_calls_at_once: int = Field(512, ge=0, description="Calls of one store that may be in progress, per process. 0 means no limit.")
    token_large_bodies_at_once: int = Field(
        16,
        ge=0,
        description="Calls with a JSON body above max_small_body_bytes that one token may have in progress, per process. 0 means no limit.",
    )
    store_large_bodies_at_once: int = Field(
        32,
        ge=0,
        description="Calls with a JSON body above max_small_body_bytes that one store may have in progress, per process. 0 means no limit.",
    )
    token_streams: int = Field(100, ge=0, description="Live streams that one token may hold open, per process. 0 means no limit.")
    streams_per_process: int = Field(1_000, ge=0, description="Live streams of all tokens in one service's process. 0 means no limit.")
    keys_file: Path = Field(description="JSON file of the signing keys whose tokens are trusted, each bound to its stores and roles.")
    token_leeway_seconds: int = Field(10, ge=0, le=300, description="Tolerated clock difference to an issuer.")
    platform_token_days: int = Field(366, ge=1, le=3660, description="Longest lifetime of a platform's token, from iat to exp.")
    staff_token_days: int = Field(31, ge=1, le=3660, description="Longest lifetime of a staff member's token.")
    customer_token_days: int = Field(31, ge=1, le=3660, description="Longest lifetime of a customer's token.")
    guest_link_days: int = Field(90, ge=1, le=3660, description="Longest lifetime of a guest link's token.")

    @property
    def token_lifetimes(self) -> dict[str, int]:
        """The longest lifetime of each role's tokens, in seconds."""
        days = {
            "platform": self.platform_token_days,
            "staff": self.staff_token_days,
            "customer": self.customer_token_days,
            "guest": self.guest_link_days,
        }
        return {role: count * 86_400 for role, count in days.items()}
