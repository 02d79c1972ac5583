"""The description of the service: what it says is so, and it says all."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from cuds.service.problems import KINDS
from cuds.service.settings import Settings
from tests.server import serving

ROOT = Path(__file__).parents[2]


def test_the_description_is_the_one_that_is_kept(admin: httpx2.Client) -> None:
    """A change of the routes is a change of a file that somebody looks at: scripts/generate writes it."""
    assert admin.get("/openapi.json").json() == json.loads((ROOT / "docs" / "reference" / "openapi.json").read_text())


def test_every_setting_is_on_the_page_for_who_deploys_it() -> None:
    page = (ROOT / "docs" / "how-to" / "deploy.md").read_text()
    by_options = {"open_to_all", "share"}
    assert [name for name in Settings.model_fields if f"`{name}`" not in page and name not in by_options] == []


def test_every_operation_says_what_it_does_and_what_may_go_wrong(admin: httpx2.Client) -> None:
    said = admin.get("/openapi.json").json()
    assert said["openapi"].startswith("3.1")
    operations = [o for item in said["paths"].values() for o in item.values()]
    assert len({o["operationId"] for o in operations}) == len(operations)
    for operation in operations:
        assert operation["description"]
        assert {"401", "403", "429", "500"} <= set(operation["responses"])
    kept = {kind.status for kind in KINDS.values()} - {405}
    assert {int(status) for status in said["components"]["responses"]} == kept


def test_every_kind_of_problem_has_a_page(admin: httpx2.Client) -> None:
    for slug, kind in KINDS.items():
        said = admin.get(f"/problems/{slug}", headers={"Accept": "application/json"}).json()
        assert (said["type"], said["status"]) == (f"/problems/{slug}", kind.status)
        assert kind.title in admin.get(f"/problems/{slug}", headers={"Accept": "text/html"}).text
    assert admin.get("/problems/none").status_code == 404


@pytest.mark.timeout(1800)  # in full it goes on for ten minutes
def test_machines_find_nothing_wrong(tmp_path: Path, count: Callable[[int, int], int]) -> None:
    """All checks of schemathesis, one of them in our words: examples, borders, random requests, and chains of them."""
    with serving(tmp_path / "library") as server:
        command = [str(Path(sys.executable).with_name("schemathesis"))]
        command += ["--config-file", str(Path(__file__).with_name("schemathesis.toml")), "run"]
        command += [f"{server.url}/openapi.json", "--checks", "all", "--seed", "1", "--continue-on-failure"]
        examples = count(2, 10_000)
        command += ["--max-examples", str(examples), *(["--max-time", "600"] if examples > 2 else [])]
        command += ["--suppress-health-check", "filter_too_much"]  # of how it makes requests, not of what is answered
        command += ["--exclude-checks", "use_after_free"]  # deleted_is_gone in place of it
        command += ["-H", f"Authorization: Bearer {server.key}"]
        own = {**os.environ, "SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("machines.py"))}
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=own, check=False)
        log = server.log.read_text()
    assert done.returncode == 0, done.stdout[-6000:]
    assert '"level": "error"' not in log
