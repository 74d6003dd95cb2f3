"""What every check of orders starts from: the id of an order `o`, and the two parts of an event `e` of orders."""

from shared.data.audit import public

ID = public("order", "o.order_id")
ORDER = "e.data->'order'"
PERSONAL = "e.data->'personal'"
