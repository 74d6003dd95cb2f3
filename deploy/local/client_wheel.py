"""Builds the Python client (kit/client) as a wheel of its own, with the published language inside: `make client`.

In the wheel both have one import name: `kit.client` becomes `aftersale_client`, `shared.contracts` becomes `aftersale_client.contracts`.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from deploy.operator.state import PROJECT

NAME = "aftersale_client"
ROOMS = {"kit.client": NAME, "shared.contracts": f"{NAME}.contracts"}
NEEDS = ("httpx2", "pydantic", "standardwebhooks", "typeid-python", "uuid-utils")
"""What the client and the published language import, in the versions that the project itself requires."""
SHIPPED = (".py", ".typed")


def build(folder: Path) -> Path:
    """Build the wheel into `folder`; returns its path. Raises subprocess.CalledProcessError if uv cannot build it."""
    uv = shutil.which("uv") or str(PROJECT / ".tools" / "bin" / "uv")
    with tempfile.TemporaryDirectory(prefix="aftersale-client-") as made:
        source = Path(made)
        lay_out(source)
        subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", folder.resolve(), source], check=True)  # noqa: S603  (the project's uv)
    [wheel] = folder.glob(f"{NAME}-{_project()['version']}-*.whl")
    return wheel


def lay_out(source: Path) -> None:
    """Write the client as a project of its own: its metadata, and both rooms under the one name."""
    for room, name in ROOMS.items():
        top = PROJECT / room.replace(".", "/")
        for path in sorted(one for one in top.rglob("*") if one.suffix in SHIPPED):
            target = source / "src" / name.replace(".", "/") / path.relative_to(top)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(renamed(path.read_text()))
    shutil.copy(PROJECT / "kit" / "client" / "README.md", source / "README.md")
    shutil.copy(PROJECT / "LICENSE", source / "LICENSE")
    (source / "pyproject.toml").write_text(_metadata())


def renamed(text: str) -> str:
    """Source text with the rooms' names in the wheel."""
    return re.sub(r"\b(kit\.client|shared\.contracts)\b", lambda found: ROOMS[found[1]], text)


def _metadata() -> str:
    project = _project()
    plain = [re.sub(r"\[.*\]", "", one) for one in project["dependencies"]]  # without extras
    lines = "".join(f'    "{one}",\n' for one in plain if re.split(r"[^\w-]", one)[0] in NEEDS)
    return (
        f'[project]\nname = "{NAME.replace("_", "-")}"\nversion = "{project["version"]}"\n'
        f'description = "A typed client of Aftersale\'s API."\nreadme = "README.md"\nrequires-python = "{project["requires-python"]}"\n'
        f'license = "{project["license"]}"\nlicense-files = ["LICENSE"]\ndependencies = [\n{lines}]\n\n'
        '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n'
    )


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    return project


if __name__ == "__main__":
    sys.stdout.write(f"{build(Path(sys.argv[1]))}\n")
