"""What the product page says of one order, in little: nothing of the service's code is used."""

from dataclasses import dataclass, field

STATUSES = ("pending", "confirmed", "picked_up", "shipped", "delivered")
TEE, CAP = 5000, 2000


@dataclass
class Line:
    """Units of one SKU; tees are tracked in stock, caps are not."""

    sku: str
    quantity: int
    cancelled: int = 0

    @property
    def left(self) -> int:
        return self.quantity - self.cancelled

    @property
    def price(self) -> int:
        return TEE if self.sku == "TEE-1" else CAP


@dataclass
class Packed:
    """A parcel with so many tees; with none it says nothing of its contents."""

    number: str
    tees: int
    sent: bool


@dataclass
class Model:
    """One order. `credited` and `paid_back` are what part cancellations give back; a whole cancellation's refunds come when they come."""

    status: str = "pending"
    version: int = 1
    lines: dict[int, Line] = field(default_factory=lambda: {1: Line("TEE-1", 2)})
    last_line: int = 1
    lines_version: int = 1
    shipping: int = 1000
    paid: dict[str, int] = field(default_factory=dict)
    reversed: dict[str, int] = field(default_factory=dict)
    written_off: int = 0
    kept: int = 0
    failed: bool = False
    parts: int = 0
    parcels: list[Packed] = field(default_factory=list)
    credited: int = 0
    paid_back: int = 0
    types: list[str] = field(default_factory=lambda: ["placed"])

    @property
    def collected(self) -> int:
        return sum(self.paid.values()) - sum(self.reversed.values())

    @property
    def goods(self) -> int:
        return sum(line.price * line.quantity for line in self.lines.values())

    @property
    def total(self) -> int:
        return self.goods + self.shipping

    @property
    def position(self) -> int:
        """What is still to pay; negative if it is overpaid."""
        return (self.total - self.credited) - (self.collected - self.paid_back)

    @property
    def due(self) -> int:
        return max(0, self.position - self.written_off)

    @property
    def overpaid(self) -> int:
        return max(0, -self.position - self.kept)

    @property
    def is_paid(self) -> bool:
        return self.collected >= self.total if self.status == "cancelled" else self.due == 0

    @property
    def reserved(self) -> int:
        """Tees that this order holds."""
        return sum(line.left for line in self.lines.values() if line.sku == "TEE-1")

    @property
    def tee(self) -> int:
        """The number of the line of tees."""
        return next(number for number, line in self.lines.items() if line.sku == "TEE-1")

    def happened(self, kind: str) -> None:
        self.version += 1
        self.types.append(kind)

    def move(self, to: str) -> str | None:
        if self.status == "cancelled":
            return "already_cancelled"
        here, there = STATUSES.index(self.status), STATUSES.index(to)
        if there <= here:
            return "already_there" if there == here else "not_forward"
        self.status = to
        self.happened(to)
        return None

    def may_cancel(self, who: str, preset: str, stop: str) -> str | None:
        if self.status == "cancelled":
            return "already_cancelled"
        if self.status == "delivered":
            return "delivered"
        if preset == "order-cancellation" and who == "customer" and not self.is_paid:
            return "unpaid_locked"
        if preset == "cancellation-control" and who == "staff" and not self.is_paid and not self.failed:
            return "unpaid_is_the_customers"
        if who == "customer" and STATUSES.index(self.status) >= STATUSES.index(stop):
            return "too_late_for_customers"
        return None

    def cancel(self, who: str, preset: str, stop: str) -> str | None:
        code = self.may_cancel(who, preset, stop)
        if code is None:
            self.status = "cancelled"
            self.happened("cancelled")
        return code

    def pay(self, reference: str, amount: int) -> str | None:
        if reference in self.paid:
            return None if self.paid[reference] == amount else "payment_conflict"
        self.paid[reference] = amount
        self.happened("payment_recorded")
        return None

    def reverse(self, reference: str, amount: int | None) -> str | None:
        before = self.reversed.get(reference, 0)
        left = self.paid[reference] - before
        if left == 0:
            return "already_reversed"
        if amount is not None and amount > left:
            return "reversal_too_large"
        self.reversed[reference] = before + (amount or left)
        self.happened("payment_reversed")
        return None

    def close(self, kind: str, amount: int) -> str | None:
        if self.status in ("pending", "cancelled"):
            return "pending_is_amended" if self.status == "pending" else "already_cancelled"
        if amount > (self.due if kind == "written_off" else self.overpaid):
            return "no_such_difference"
        if kind == "written_off":
            self.written_off += amount
        else:
            self.kept += amount
        self.happened("difference_closed")
        return None

    def fail_delivery(self) -> str | None:
        if self.status not in ("confirmed", "picked_up", "shipped"):
            return "nothing_to_deliver"
        self.failed = True
        self.happened("delivery_failed")
        return None

    def amend(self, tees: int, caps: int, shipping: int, shelf: int, *, anew: bool) -> str | None:
        """State the order anew; `anew`: with the tees as a new line."""
        if self.status != "pending":
            return "lines_frozen"
        kept = {} if anew else {self.tee: Line("TEE-1", tees)}
        cap = next((number for number, line in self.lines.items() if line.sku != "TEE-1"), None)
        if caps and cap is not None:
            kept[cap] = Line("CAP-1", caps)
        new = [Line("TEE-1", tees)] if anew else []
        new += [Line("CAP-1", caps)] if caps and cap is None else []
        wanted = dict(sorted(kept.items())) | dict(enumerate(new, start=self.last_line + 1))
        if wanted == self.lines and shipping == self.shipping:
            return "nothing_changed"
        if tees - self.reserved > shelf:
            return "out_of_stock"
        self.lines, self.shipping, self.last_line = wanted, shipping, self.last_line + len(new)
        self.lines_version += 1
        self.happened("amended")
        return None

    def cancel_tees(self, quantity: int) -> str | None:
        """Cancel some tees while the rest goes on."""
        if self.status in ("pending", "cancelled", "delivered"):
            return {"pending": "pending_is_amended", "cancelled": "already_cancelled"}.get(self.status, "delivered")
        line = self.lines[self.tee]
        if quantity > line.left:
            return "units_not_free"
        if quantity > line.left - sum(one.tees for one in self.parcels if one.sent):
            return "units_in_parcel"
        if quantity == sum(one.left for one in self.lines.values()):
            return "cancel_the_order"
        credit = quantity * TEE + self._shipping_of(line.cancelled + quantity) - self._shipping_of(line.cancelled)
        line.cancelled += quantity
        self._unpack(sum(one.tees for one in self.parcels) - line.left)
        self.parts += 1
        self.credited += credit
        owed = max(0, self.total - self.credited - self.written_off)
        self.paid_back += min(credit, max(0, self.collected - self.paid_back - owed))
        self.happened("part_cancelled")
        return None

    def may_pack(self) -> str | None:
        return {"pending": "parcels_closed", "cancelled": "already_cancelled"}.get(self.status)

    def pack(self, number: str, tees: int, *, sent: bool) -> str | None:
        code = self.may_pack()
        if code is None and tees and sum(one.tees for one in self.parcels) + tees > self.lines[self.tee].left:
            code = "parcel_too_much"
        if code is None:
            self.parcels.append(Packed(number, tees, sent))
            self.happened("parcels_changed")
        return code

    def send(self, at: int) -> str | None:
        code = self.may_pack() or ("nothing_changed" if self.parcels[at].sent else None)
        if code is None:
            self.parcels[at].sent = True
            self.happened("parcels_changed")
        return code

    def remove(self, at: int) -> str | None:
        code = self.may_pack()
        if code is None:
            del self.parcels[at]
            self.happened("parcels_changed")
        return code

    def _unpack(self, tees: int) -> None:
        """What was cancelled comes out of the parcels that wait, the last first."""
        for parcel in reversed(self.parcels):
            if not parcel.sent and tees > 0:
                out = min(tees, parcel.tees)
                parcel.tees, tees = parcel.tees - out, tees - out

    def _shipping_of(self, tees: int) -> int:
        """What the lines before the tees, and so many tees, carry of the shipping: rounded half up."""
        before = sum(line.price * line.quantity for number, line in self.lines.items() if number < self.tee)
        return (2 * self.shipping * (before + tees * TEE) + self.goods) // (2 * self.goods)
