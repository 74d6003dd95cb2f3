"""Reads contact and addresses by the rules of their countries: what a country does not know is refused, or kept and reported."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import validate_email

from services.orders.addresses.phones import read_phone
from services.orders.addresses.postal import problems_of
from shared.contracts.errors import FieldError, Invalid
from shared.contracts.events import Address


@dataclass(slots=True)
class Checking:
    """The checks of one call. If it is `strict`, each raises Invalid; otherwise `problems` collects what was wrong, without values."""

    strict: bool
    problems: list[FieldError] = field(default_factory=list)

    def address(self, address: Address, pointer: str) -> Address:
        """`address` as its caller wrote it, but with its phone in E.164, read as of its own country.

        The text stays unchanged: normalising drops parts that a country's format does not print (a Japanese city), and a parcel needs
        them. Raises Invalid `bad_address` (of an unknown country in any case), `bad_phone`.
        """
        wrong = problems_of(address, pointer)
        if wrong:
            self._report(Invalid("bad_address", f"The address does not follow the rules of {address.country_code}.", errors=wrong))
        return address.model_copy(update={"phone": self.phone(address.phone, (address.country_code,), f"{pointer}/phone")})

    def phone(self, text: str, countries: Iterable[str], pointer: str) -> str:
        """A phone in E.164, read as of the first country that fits; empty stays empty. Raises Invalid `bad_phone`."""
        at_home = tuple(dict.fromkeys(countries))
        number = read_phone(text, at_home) if text else ""
        if number is None:
            of = f"a telephone number of {' or '.join(at_home)}, or one that starts" if at_home else "a telephone number that starts"
            sentence = f"Send {of} with + and a country code."
            self._report(Invalid("bad_phone", sentence, at=pointer))
            return text
        return number

    def email(self, text: str, pointer: str) -> str:
        """An e-mail address; empty stays empty. Raises Invalid `bad_email`."""
        try:
            return validate_email(text)[1] if text else ""
        except ValueError:
            sentence = "Send one e-mail address such as rahima@example.com, or leave it out."
            self._report(Invalid("bad_email", sentence, at=pointer))
            return text

    def _report(self, refusal: Invalid) -> None:
        if self.strict:
            raise refusal
        self.problems += refusal.errors
