"""The JSON Schema Test Suite, as jsonschema ships it with its source."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from wsrec.schemas.event_schema import EventSchema, SchemaFileError
from wsrec.schemas.jsonschemas import SchemaFiles

pytestmark = pytest.mark.real

DRAFTS = {
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}
LEFT = {
    "dependencies-compatibility.json": "jsonschema has `dependencies` up to draft 7 only",
    "content.json": "what content is encoded as is an annotation to jsonschema",
    "vocabulary.json": "metaschemas are not fetched",
    "cross-draft.json": "one dialect at a time",
}
"""What the reference itself does otherwise, and why."""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    name = f"jsonschema-{version('jsonschema')}"
    cache: pytest.Cache | None = getattr(request.config, "cache", None)
    folder = cache.mkdir("wsrec-suite") if cache else tmp_path_factory.mktemp("suite")
    if not (folder / name).exists():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        wanted = ["--no-binary", "jsonschema", name.replace("-", "==")]
        got = subprocess.run(
            [*pip, *wanted], cwd=folder, timeout=110, capture_output=True, text=True, check=False
        )
        if got.returncode != 0:
            pytest.skip(f"the source of {name} cannot be had: {got.stderr.strip()[-200:]}")
        with tarfile.open(folder / f"{name}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    return folder / name / "json" / "tests"


def groups(suite: Path, draft: str) -> Iterator[tuple[str, EventSchema, list[dict[str, Any]]]]:
    """Yield the schemas of a draft that a contract may hold, with their cases."""
    for path in sorted((suite / draft).rglob("*.json")):
        if "format" in path.parts or path.name.startswith("format") or path.name in LEFT:
            continue
        for group in json.loads(path.read_text()):
            schema = group["schema"]
            if isinstance(schema, dict):
                schema = {"$schema": DRAFTS[draft], **schema}
            try:
                files = SchemaFiles({"s.json": json.dumps(schema)}.__getitem__)
                yield f"{path.name}: {group['description']}", files.file("s.json"), group["tests"]
            except (SchemaFileError, KeyError):  # refused, or it refers to other files
                continue


@pytest.mark.parametrize("draft", DRAFTS)
def test_the_compiled_check_and_the_reference_say_the_same(suite: Path, draft: str) -> None:
    schemas = values = 0
    wrong: list[str] = []
    for name, schema, cases in groups(suite, draft):
        for case in cases:
            expected = next(schema.errors(case["data"]), None) is None
            if expected != case["valid"]:
                wrong.append(f"{name}: {case['description']}")
            if schema.accepts is not None:
                assert schema.accepts(case["data"]) == expected, (name, case)
                values += 1
        schemas += 1

    assert schemas > 100
    assert values > 300 or draft == "draft4"
    assert wrong == [], "the reference is wrong"
