"""The client. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from kit.client.calls.attachments import Attachments
from kit.client.calls.customers import Customers
from kit.client.calls.documents import Documents
from kit.client.calls.documents_settings import DocumentsSettings
from kit.client.calls.events import Events
from kit.client.calls.notes import Notes
from kit.client.calls.notes_settings import NotesSettings
from kit.client.calls.orders import Orders
from kit.client.calls.orders_settings import OrdersSettings
from kit.client.calls.prints import Prints
from kit.client.calls.refund_policy import RefundPolicy
from kit.client.calls.refunds import Refunds
from kit.client.calls.stock import Stock
from kit.client.calls.timeline import Timeline
from kit.client.calls.webhooks import Webhooks
from kit.client.connection import Connection


class Client:
    """Every operation of every service, grouped by the first word of its path; make it with `connect`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.attachments = Attachments(connection)
        self.customers = Customers(connection)
        self.documents = Documents(connection)
        self.documents_settings = DocumentsSettings(connection)
        self.events = Events(connection)
        self.notes = Notes(connection)
        self.notes_settings = NotesSettings(connection)
        self.orders = Orders(connection)
        self.orders_settings = OrdersSettings(connection)
        self.prints = Prints(connection)
        self.refund_policy = RefundPolicy(connection)
        self.refunds = Refunds(connection)
        self.stock = Stock(connection)
        self.timeline = Timeline(connection)
        self.webhooks = Webhooks(connection)

    def on_behalf_of(self, customer_id: str) -> "Client":
        """A client over the same connections with which a platform acts as one of its customers."""
        return Client(self._connection.on_behalf_of(customer_id))
