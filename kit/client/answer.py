"""What every answer is: a frozen model that ignores what it does not know, with the ETag that it came with."""

from typing import Self

from pydantic import BaseModel, ConfigDict, PrivateAttr


class Answer(BaseModel):
    """An answer, or a part of one. A later server may add fields; this client ignores them."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    _etag: str | None = PrivateAttr(default=None)
    _replayed: bool = PrivateAttr(default=False)

    def __eq__(self, other: object) -> bool:
        """Whether both say the same; how they were received does not count."""
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    @property
    def etag(self) -> str:
        """The ETag that it came with, for `if_match`. Raises LookupError if it had none: lists and parts of an answer have none."""
        if self._etag is None:
            raise LookupError(f"this {type(self).__name__} came without an ETag")
        return self._etag

    @property
    def replayed(self) -> bool:
        """Whether an earlier call with the same Idempotency-Key did it, and this is its stored response."""
        return self._replayed

    @classmethod
    def received(cls, content: bytes, etag: str | None, *, replayed: bool) -> Self:
        """An answer from JSON and its headers. Raises pydantic.ValidationError if it lacks what every version of the API has."""
        made = cls.model_validate_json(content)
        made._etag, made._replayed = etag, replayed
        return made
