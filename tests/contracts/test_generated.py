"""What is generated from the services and kept in the tree is what the services say now."""

import re
from pathlib import Path

import pytest

from deploy.operator.generated import CADDYFILE, abandoned, generated
from deploy.operator.registry import REGISTRY
from shared.web.dispatch import OF_ANY, Table
from shared.web.published import FOLDER, published

WANTED = generated()
TABLE = Table.of((name, one.service().nouns) for name, one in REGISTRY.items())


@pytest.mark.parametrize("path", WANTED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_each_file_is_up_to_date(path: Path) -> None:
    assert path.read_text() == WANTED[path], "run ./aftersale generate"


def test_no_file_is_left_of_what_is_gone() -> None:
    assert abandoned(WANTED) == []


def test_every_path_of_the_merged_document_is_served_by_one_service() -> None:
    paths = published("openapi.json")["paths"]
    assert [path for path in paths if TABLE.owner(path) is None] == []


def test_every_code_that_any_service_refuses_with_is_explained() -> None:
    codes = {code for one in REGISTRY.values() for code in one.service().problems}
    assert codes <= set(published("problems.json"))


def test_the_proxy_serves_what_the_table_says_and_nothing_else() -> None:
    """Read back from the text: each matcher's paths, and the services behind them."""
    text = CADDYFILE.read_text()
    found = re.findall(r"@(\w+) path (.+)\n\thandle @\1 \{\n\t\treverse_proxy (.+)\n", text)
    assert {
        (name, path): re.findall(r"\{\$AFTERSALE_(\w+)_UPSTREAM", behind) for name, paths, behind in found for path in paths.split()
    } == {
        **{(owner, path): [owner.upper()] for noun, owner in TABLE.owners.items() for path in (f"/v1/{noun}", f"/v1/{noun}/*")},
        **{("any", path): [name.upper() for name in REGISTRY] for path in (*OF_ANY, "/problems/*")},
    }
    assert len(re.findall(r"\bhandle\b", text)) == len(found) + 1
    assert not re.search(r"health|metrics", text.partition("{$")[2])


def test_the_files_are_where_every_image_has_them() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {"openapi.json", "asyncapi.json", "problems.json"}
