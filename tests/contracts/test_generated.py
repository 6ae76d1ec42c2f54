"""The committed contracts are what the code says, valid, and complete."""

import json
from pathlib import Path
from typing import Any

import pytest
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema
from jsonschema import Draft202012Validator

from reelwarden_common import events
from reelwarden_common.contracts import __main__ as command
from reelwarden_common.contracts import files
from reelwarden_common.contracts.asyncapi import SERVICES
from reelwarden_common.contracts.forms import Form, all_forms
from reelwarden_common.messaging.topology import QUESTIONS, ROLES, answered_by

FORMS = all_forms()


def read(kind: str, name: str) -> Any:
    return json.loads((files.HERE / kind / f"{name}.json").read_text(encoding="utf-8"))


def test_the_files_are_what_the_code_says() -> None:
    assert files.drifted(files.generated()) == [], f"mend it with: {files.MEND}"


def test_generating_twice_gives_the_same() -> None:
    assert files.generated() == files.generated()


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_schema_is_valid_and_its_example_fits_it_and_the_code(form: Form) -> None:
    schema, example = read("schemas", form.name), read("examples", form.name)
    Draft202012Validator.check_schema(schema)
    checker = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert [error.message for error in checker.iter_errors(example)] == []
    assert form.model.model_validate(example).model_dump(mode="json") == example


def test_every_event_has_a_type_of_its_own() -> None:
    assert len({event.ce_type() for event in events.ALL}) == len(events.ALL)
    assert all(events.by_type(event.ce_type()) is event for event in events.ALL)


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for part in node.values() for found in references(part)]
    if isinstance(node, list):
        return [found for part in node for found in references(part)]
    return []


def resolve(document: Any, reference: str) -> Any:
    if not reference.startswith("#"):
        return json.loads((files.HERE / "asyncapi" / reference).resolve().read_text(encoding="utf-8"))
    at = document
    for name in reference.removeprefix("#/").split("/"):
        at = at[name]
    return at


@pytest.mark.parametrize("service", SERVICES)
def test_asyncapi_is_of_version_3_and_whole(service: str) -> None:
    document = read("asyncapi", service)
    ApplicationSchema.model_validate(document)
    for reference in references(document):
        assert resolve(document, reference)
    for message in document["components"]["messages"].values():
        schema = resolve(document, message["payload"]["schema"]["$ref"])
        for example in message["examples"]:
            Draft202012Validator(schema).validate(example["payload"])
            if "headers" in example:
                headers = resolve(document, message["headers"]["$ref"])
                Draft202012Validator(headers).validate(example["headers"])


@pytest.mark.parametrize("service", SERVICES)
def test_asyncapi_names_all_that_its_roles_do(service: str) -> None:
    operations = read("asyncapi", service)["operations"]
    for role in (r for r in ROLES if r.service == service):
        own = {name: o["action"] for name, o in operations.items() if o["x-role"] == role.name}
        sent = {f"{role.name}.send.{event.fact()}" for event in role.publishes}
        heard = {f"{role.name}.receive.{event.fact()}" for event in role.hears}
        asked = {f"{role.name}.ask.{question}" for question in role.asks}
        answered = {f"{role.name}.answer.{question}" for question in answered_by(role)}
        assert own.keys() == sent | heard | asked | answered
        assert {name for name, action in own.items() if action == "send"} == sent | asked


def test_every_question_has_its_forms() -> None:
    assert {q for role in ROLES for q in (*role.asks, *answered_by(role))} == set(QUESTIONS)


def test_the_page_names_every_event() -> None:
    root = files.repository()
    assert root
    page = (root / files.DOCS).read_text(encoding="utf-8")
    for event in events.ALL:
        assert f"[`{event.fact()}`]" in page


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The contracts in a folder of this test's own."""
    folder = tmp_path / "contracts"
    monkeypatch.setattr(files, "HERE", folder)
    monkeypatch.setattr(files, "RELEASED", folder / "released")
    monkeypatch.setattr(files, "repository", lambda: None)
    return folder


def test_check_names_what_drifted_and_the_remedy(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--write"]) == 0
    assert command.main(["--check"]) == 0
    (elsewhere / "schemas" / "reelwarden.keeper.plan.issued.v1.json").write_text("{}")
    (elsewhere / "asyncapi" / "ingest.json").unlink()
    (elsewhere / "examples" / "left-over.json").write_text("{}")
    capsys.readouterr()
    assert command.main(["--check"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "asyncapi/ingest.json: missing",
        "examples/left-over.json: no longer generated",
        "schemas/reelwarden.keeper.plan.issued.v1.json: differs from the code",
        "mend it with: python -m reelwarden_common.contracts --write",
    ]
    assert command.main(["--write"]) == 0
    assert command.main(["--check"]) == 0


def test_a_release_is_kept_once_and_guards_what_it_promised(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command.main(["--write"])
    assert command.main(["--release", "0.1.0"]) == 0
    assert command.main(["--release", "0.1.0"]) == 1
    assert "is kept already" in capsys.readouterr().err
    assert command.main(["--check"]) == 0
    promised = elsewhere / "released" / "0.1.0" / "schemas"
    kept = promised / "reelwarden.keeper.hold.asked.v1.json"
    was = json.loads(kept.read_text())
    was["properties"]["officer"] = {"type": "string"}
    kept.write_text(json.dumps(was))
    (promised / "reelwarden.keeper.hold.forgotten.v1.json").write_text("{}")
    assert command.main(["--check"]) == 1
    told = capsys.readouterr().err
    assert "since 0.1.0: reelwarden.keeper.hold.asked.v1: body.officer: removed" in told
    assert "since 0.1.0: reelwarden.keeper.hold.forgotten.v1: removed; schools that lag still send it" in told
