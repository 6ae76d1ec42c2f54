"""Kubernetes and Compose files: by the schemas, and by the names that the code has."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose
from typer.testing import CliRunner

from reelwarden_common.messaging.declare import role_consumers
from reelwarden_common.messaging.topology import Place
from reelwarden_local.cli import app
from reelwarden_local.install.folder import HTTP_PORT, init
from reelwarden_local.manifests import compose, kubernetes, table
from reelwarden_local.roles import DISTRICT_ROLES, load
from tests.deploy.test_enrolment import NOW, plan
from tests.support.ingest import write_district

BASE, COMPOSE = Path("deploy/kubernetes/base"), Path("deploy/compose/compose.yaml")
VERSIONS = ("1.31", "1.37")
"""The oldest that knows how to sleep before a pod ends, and the newest whose schemas we have."""
FOREIGN = {"ScaledObject", "Kustomization"}
"""KEDA's and kustomize's own: no package brings their schemas."""


def objects() -> Iterator[dict[str, Any]]:
    for file in sorted(BASE.glob("*.yaml")):
        yield from yaml.safe_load_all(file.read_text(encoding="utf-8"))


def of(kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in objects() if one["kind"] == kind}


def pod(role: str) -> dict[str, Any]:
    found: dict[str, Any] = of("Deployment")[role]["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_as_kubernetes_wants_it(version: str) -> None:
    kinds = set()
    for one in objects():
        if one["kind"] not in FOREIGN:
            kubernetes_validate.validate(one, version, strict=True)
        kinds.add(one["kind"])
    assert {"Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service", "ScaledObject"} <= kinds


def test_a_wrong_object_would_be_found() -> None:
    wrong = of("Deployment")["index"]
    wrong["spec"]["replicaz"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def test_the_files_are_what_the_table_gives() -> None:
    result = CliRunner().invoke(app, "manifests --check")
    assert result.exit_code == 0, result.output
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == sorted(p.name for p in BASE.glob("*.yaml") if p.name != "kustomization.yaml")


def test_every_role_runs_and_may_do_little() -> None:
    assert set(of("Deployment")) == set(DISTRICT_ROLES)
    for role in DISTRICT_ROLES:
        spec = pod(role)
        (container,) = spec["containers"]
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["automountServiceAccountToken"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert {"memory"} <= set(container["resources"]["limits"])
        assert container["args"] == ["role", role]
        assert not [
            one for one in container.get("env", []) if "SECRET" in one["name"] or "SEED" in one["name"]
        ]


def test_what_a_role_is_told_is_what_its_settings_know(tmp_path: Path) -> None:
    folder = init(tmp_path / "d", write_district(tmp_path, ["s001"]), plan([4222, 7422], tmp_path), NOW)
    assert table.PORT == HTTP_PORT
    assert folder.plan.role_secrets == table.SECRETS
    assert folder.plan.district_toml.parent == Path(table.DISTRICT)
    for role in DISTRICT_ROLES:
        known = {f"RW_{name.upper()}" for name in load(role).settings.model_fields}
        known |= {"RW_SECRETS_DIR", "RW_S3_ENDPOINT", "RW_S3_SECURE", "RW_S3_REGION"}
        known |= {"RW_S3_ACCESS_KEY", "RW_S3_SECRET_KEY"}
        told = set(folder.environment_of(role))
        told |= {f.name.upper() for f in (folder.path / "secrets" / role).iterdir() if f.suffix != ".pem"}
        told |= {one["name"] for one in pod(role)["containers"][0].get("env", [])}
        assert told <= known, role


def test_scalers_ask_for_consumers_that_exist() -> None:
    declared = {(str(stream), config.durable_name) for stream, config in role_consumers(Place.DISTRICT)}
    scaled = of("ScaledObject")
    assert set(scaled) == {"index", "ledger", "inspector", "desk"}
    for role, one in scaled.items():
        asked = [t["metadata"] for t in one["spec"]["triggers"] if t["type"] == "nats-jetstream"]
        assert {(a["stream"], a["consumer"]) for a in asked} == {d for d in declared if d[1] == role}
        assert one["spec"]["scaleTargetRef"]["name"] == role
        assert one["spec"]["maxReplicaCount"] > one["spec"]["minReplicaCount"]


def test_pods_reach_what_they_need_and_nothing_else() -> None:
    policies = of("NetworkPolicy")
    assert policies["deny-all"]["spec"]["podSelector"] == {}
    for shape in table.SHAPES:
        leaving = policies[shape.role]["spec"]["egress"]
        ports = {port["port"] for rule in leaving for port in rule["ports"]}
        assert (kubernetes.POSTGRES in ports) is shape.database
        assert (kubernetes.HTTPS in ports) is (shape.store or shape.outside)
        coming = policies[shape.role]["spec"]["ingress"]
        assert len(coming[0]["from"]) == (2 if shape.people else 1)


def test_compose_reads_its_file() -> None:
    text = COMPOSE.read_text(encoding="utf-8").replace(compose.FOLDER, "/srv/district")
    text = text.replace("${REELWARDEN_USER:-10001}", "10001")
    assert "${" not in text
    read = PyCompose.from_yaml(text)
    assert set(DISTRICT_ROLES) < set(read.service_names())
    with pytest.raises(ValueError, match="imag"):
        PyCompose.from_yaml(text.replace("image:", "imag:", 1))


def test_compose_gives_each_role_its_own_secrets_alone() -> None:
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    for shape in table.SHAPES:
        one = services[shape.role]
        secret = [v.split(":", 1) for v in one["volumes"] if "/secrets/" in v]
        assert one["read_only"]
        assert one["cap_drop"] == ["ALL"]
        assert one["command"] == ["role", shape.role]
        assert len(secret) == 1
        assert f"/secrets/{shape.role}:" in one["volumes"][0]
        assert ("database" in one["networks"]) is shape.database
        assert ("store" in one["networks"]) is shape.store


def test_the_image_is_made_of_what_is_here() -> None:
    lines = Path("deploy/container/Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    copied = [shlex.split(line)[1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    allowed = Path(".dockerignore").read_text(encoding="utf-8").split()
    for path in copied:
        assert Path(path).exists(), path
        assert f"!{path}" in allowed
    installed = [
        word for line in lines if "--no-deps" in line for word in shlex.split(line) if word[:2] == "./"
    ]
    assert sorted(installed) == sorted(f"./{p.parent}" for p in Path().glob("*/*/pyproject.toml"))
    (user,) = [line.split()[1] for line in lines if line.startswith("USER")]
    assert user == f"{table.USER}:{table.USER}"


def test_the_overlay_names_what_the_base_wants() -> None:
    overlay = Path("deploy/kubernetes/overlays/example")
    read = yaml.safe_load((overlay / "kustomization.yaml").read_text(encoding="utf-8"))
    made = {one["name"] for one in read["configMapGenerator"]}
    assert made == {"reelwarden-district", *(f"reelwarden-{role}" for role in DISTRICT_ROLES)}
    wanted = {
        one["configMapRef"]["name"] for r in DISTRICT_ROLES for one in pod(r)["containers"][0]["envFrom"]
    }
    assert wanted | {"reelwarden-district"} == made
    kubernetes_validate.validate(
        yaml.safe_load((overlay / "ingress.yaml").read_text()), VERSIONS[0], strict=True
    )
    steps = Path("deploy/kubernetes/README.md").read_text(encoding="utf-8")
    assert f"for role in {' '.join(DISTRICT_ROLES)}; do" in steps
