"""An attempt at a receiver of this machine, and what attempts are told in the usual cases."""

from services.webhooks.delivery.sending import Answer, Sender
from tests.services.webhooks.receivers import Receiver

OK = b"HTTP/1.1 200 OK\r\n"
HEADERS = {"webhook-id": "evt_1", "webhook-timestamp": "1674087231", "webhook-signature": "v1,abc"}
BODY = '{"type":"order.placed.v1","note":"ß"}'.encode()
UNHURRIED_SECONDS, SHORT_SECONDS = 60.0, 1.0

ACCEPTED = (None, "The endpoint accepted the delivery.")
BAD = ("bad_answer", "What came back is not an HTTP answer within its limits.")
RESET = ("reset", "The connection was closed before there was an answer.")
LATE = ("timed_out", "There was no answer within 1 s.")


async def sent(sender: Sender, receiver: Receiver, body: bytes = BODY) -> Answer:
    """An attempt, after which the connection is closed."""
    answer = await sender.send(url=receiver.url(), headers=HEADERS, body=body, loopback=True)
    await receiver.left()
    assert (receiver.connections, answer.address) == (1, "127.0.0.1")
    return answer
