"""P12: every delivery verifies in the unmodified libraries of PyPI and npm, on the bytes as they arrived, through every rotation.

Neither library verifies `v1a`, so that is done with `cryptography`: tests/services/webhooks/delivery.
"""

import asyncio
import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from tests.services.webhooks.conftest import endpoint
from tests.services.webhooks.receivers import Receiver, Seen
from tests.services.webhooks.test_delivering import arrived
from tests.shop import Shop, order_p

NODE = Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with npm's library in it."""
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", "verify.mjs"):
        shutil.copy2(NODE / name, folder / name)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True, capture_output=True)
    return folder


def in_python(secret: str, seen: Seen) -> bool:
    try:
        Webhook(secret).verify(seen.body, seen.headers)
    except WebhookVerificationError:
        return False
    return True


async def in_node(node: Path, tries: list[tuple[str, Seen]]) -> list[bool]:
    asked = [{"secret": secret, "headers": seen.headers, "body": base64.b64encode(seen.body).decode()} for secret, seen in tries]
    process = await asyncio.create_subprocess_exec(
        "node", "verify.mjs", cwd=node, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate(json.dumps(asked).encode())
    return list(json.loads(told))


async def test_before_during_and_after_a_rotation_both_libraries_verify(shop: Shop, receiver: Receiver, node: Path) -> None:
    made = await endpoint(shop, receiver, types=["order.placed.v1"], personal=True)
    address = f"/webhooks/v1/webhooks/endpoints/{made['endpoint_id']}/secrets"
    secrets = [made["secret"]]
    customer = order_p()["customer"] | {"name": "Zoë 🎁 \u0985\u09ad\u09bf"}

    async def placed(count: int) -> Seen:
        (await shop.platform.post("/orders/v1/orders", json=order_p(customer=customer))).ok()
        return (await arrived(receiver, count))[-1]

    seen = [await placed(1)]
    secrets.append((await shop.staff.post(address)).ok()["secret"])
    seen.append(await placed(2))
    secrets.append((await shop.staff.post(address)).ok()["secret"])
    seen.append(await placed(3))
    expected = [
        [True, False, False],
        [True, True, False],  # both sign while the receiver changes over
        [False, True, True],  # the one before has ended with the second rotation
    ]
    assert [[in_python(secret, one) for secret in secrets] for one in seen] == expected
    told = await in_node(node, [(secret, one) for one in seen for secret in secrets])
    assert [told[start : start + 3] for start in (0, 3, 6)] == expected
    changed = Seen(seen[2].line, seen[2].headers, seen[2].body.replace(b"Zo", b"Za"))
    assert (in_python(secrets[2], changed), await in_node(node, [(secrets[2], changed)])) == (False, [False])


async def test_a_key_pair_signs_beside_the_secret(shop: Shop, receiver: Receiver) -> None:
    made = await endpoint(shop, receiver, types=["order.placed.v1"])
    pair = (await shop.staff.post(f"/webhooks/v1/webhooks/endpoints/{made['endpoint_id']}/secrets", json={"scheme": "v1a"})).ok()
    assert (pair["secret"], pair["public_key"][:5]) == (None, "whpk_")
    await shop.platform.post("/orders/v1/orders", json=order_p())
    [seen] = await arrived(receiver, 1)
    assert in_python(made["secret"], seen)
    [signature] = [one for one in seen.headers["webhook-signature"].split(" ") if one.startswith("v1a,")]
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(pair["public_key"].removeprefix("whpk_")))
    signed = f"{seen.headers['webhook-id']}.{seen.headers['webhook-timestamp']}.".encode() + seen.body
    key.verify(base64.b64decode(signature.removeprefix("v1a,")), signed)


async def test_a_secret_is_shown_once_and_again_only_to_the_same_call(shop: Shop, receiver: Receiver) -> None:
    body = {"url": receiver.url()}
    first = (await shop.staff.post("/webhooks/v1/webhooks/endpoints", json=body, key="once")).ok()
    again = (await shop.staff.post("/webhooks/v1/webhooks/endpoints", json=body, key="once")).ok()
    assert (again.replayed, again["secret"]) == (True, first["secret"])
    shown = (await shop.staff.get(f"/webhooks/v1/webhooks/endpoints/{first['endpoint_id']}")).ok()
    assert first["secret"] not in shown.content.decode()
    rows = await shop.rows("webhooks", "select body from idempotency where store_id = {store}")
    assert [row["body"] for row in rows if first["secret"] in row["body"]] == []
