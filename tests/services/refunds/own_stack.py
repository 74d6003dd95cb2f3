"""A database and a namespace of a test's own, on the servers of this run."""

import os
from pathlib import Path

from deploy.local.servers import resolve
from tests.stack import PROJECT, Stack, new_stack

GIVEN = ("AFTERSALE_POSTGRES_ADMIN_URL", "AFTERSALE_AMQP_ADMIN_URL")


def own_stack(stack: Stack, folder: Path, prefix: str) -> Stack:
    """Provisioned, with nothing running in it. Blocks: call it in a thread."""
    before = {name: os.environ.get(name) for name in GIVEN}
    os.environ.update(zip(GIVEN, (stack.postgres_url, stack.amqp_url), strict=True))
    try:
        return new_stack(resolve(PROJECT, "test", say=lambda line: None), folder, prefix)
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
