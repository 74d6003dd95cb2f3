"""The reconciler and the audits share nothing with what they check: no rule, no command, not even the product's own arithmetic."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
MODULES = [*sorted((PROJECT / "deploy" / "operator" / "reconcile").glob("*.py")), *sorted((PROJECT / "services").glob("*/audit.py"))]
ALLOWED_OF_OURS = (
    "deploy.operator.reconcile",
    *(f"deploy.operator.{name}" for name in ("connections", "output", "queues", "registry", "running", "state", "trouble")),
    "shared.contracts.events",
    "shared.contracts.refund_shares",
    "shared.data.audit",
)
NAMES = ("shared.messaging.broker", "shared.contracts.ids")
"""What a queue is called, and what a public id looks like."""


@pytest.mark.parametrize("module", MODULES, ids=lambda module: f"{module.parent.name}/{module.stem}")
def test_the_reconciler_imports_no_service(module: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "deploy.operator":
            imported |= {f"deploy.operator.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    ours = [name for name in imported if name.split(".")[0] in ("services", "shared", "deploy", "tests")]
    assert [name for name in ours if not name.startswith((*ALLOWED_OF_OURS, *NAMES))] == []
