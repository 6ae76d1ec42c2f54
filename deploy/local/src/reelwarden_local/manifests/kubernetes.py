"""The base of the Kubernetes manifests: plain objects, written as YAML by `reelwarden manifests`."""

from collections.abc import Iterator
from typing import Any

from reelwarden_local.manifests.table import (
    DISTRICT,
    IMAGE,
    LAG,
    PACKAGES,
    PORT,
    SECRETS,
    SHAPES,
    STOP_SECONDS,
    USER,
    Shape,
)

Object = dict[str, Any]
NAMESPACE = "reelwarden"
NATS = {"app.kubernetes.io/name": "nats"}
"""How NATS's official chart labels its pods."""
NATS_CLIENTS, NATS_MONITORING, POSTGRES, HTTPS, DNS = 4222, 8222, 5432, 443, 53
OPEN_SECONDS = 5
"""A pod that ends is still asked for so long: until every proxy has heard that it goes."""


def labels(role: str) -> dict[str, str]:
    """By which a role's pods are found."""
    return {"app.kubernetes.io/name": role, "app.kubernetes.io/part-of": "reelwarden"}


def _meta(name: str, role: str | None = None) -> Object:
    own = labels(role) if role else {"app.kubernetes.io/part-of": "reelwarden"}
    return {"name": name, "namespace": NAMESPACE, "labels": own}


def shared() -> Iterator[Object]:
    """What all roles stand in: the namespace, default deny, the packages' volume."""
    yield {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": NAMESPACE,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    }
    yield {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _meta("deny-all"),
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    }
    yield {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": _meta("packages", "desk"),
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "100Gi"}}},
    }


def of_role(shape: Shape) -> Iterator[Object]:
    """All objects of one role."""
    yield {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _meta(shape.role, shape.role),
        "automountServiceAccountToken": False,
    }
    yield _deployment(shape)
    yield _service(shape)
    yield _network(shape)
    if shape.least > 1:
        yield {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": _meta(shape.role, shape.role),
            "spec": {"minAvailable": 1, "selector": {"matchLabels": labels(shape.role)}},
        }
    if shape.most > shape.least:
        yield _scaler(shape)


def _deployment(shape: Shape) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(shape.role, shape.role),
        "spec": {
            "replicas": shape.least,
            "selector": {"matchLabels": labels(shape.role)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {
                "metadata": {
                    "labels": labels(shape.role),
                    "annotations": {
                        "prometheus.io/scrape": "true",
                        "prometheus.io/port": str(PORT),
                        "prometheus.io/path": "/metrics",
                    },
                },
                "spec": _pod(shape),
            },
        },
    }


def _pod(shape: Shape) -> Object:
    volumes: list[Object] = [
        {"name": "secrets", "secret": {"secretName": f"reelwarden-{shape.role}", "defaultMode": 0o440}},
        {"name": "district", "configMap": {"name": "reelwarden-district"}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
    ]
    mounts: list[Object] = [
        {"name": "secrets", "mountPath": SECRETS, "readOnly": True},
        {"name": "district", "mountPath": DISTRICT, "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
    ]
    environment: list[Object] = []
    if shape.role == "desk":
        volumes.append({"name": "packages", "persistentVolumeClaim": {"claimName": "packages"}})
        mounts.append({"name": "packages", "mountPath": PACKAGES})
        environment.append({"name": "RW_PACKAGES_DIR", "value": PACKAGES})
    return {
        "serviceAccountName": shape.role,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": STOP_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": labels(shape.role)},
            }
        ],
        "containers": [
            {
                "name": shape.role,
                "image": IMAGE,
                "args": ["role", shape.role],
                "envFrom": [{"configMapRef": {"name": f"reelwarden-{shape.role}"}}],
                **({"env": environment} if environment else {}),
                "ports": [{"name": "http", "containerPort": PORT}],
                "startupProbe": _probe("/readyz", period=5, failures=60),
                "readinessProbe": _probe("/readyz", period=5, failures=2),
                "livenessProbe": _probe("/livez", period=10, failures=6),
                "lifecycle": {"preStop": {"sleep": {"seconds": OPEN_SECONDS}}},
                "resources": {
                    "requests": {"cpu": f"{shape.millicores}m", "memory": f"{shape.megabytes // 2}Mi"},
                    "limits": {"memory": f"{shape.megabytes}Mi"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": mounts,
            }
        ],
        "volumes": volumes,
    }


def _probe(path: str, *, period: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _service(shape: Shape) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(shape.role, shape.role),
        "spec": {
            "selector": labels(shape.role),
            "ports": [{"name": "http", "port": PORT, "targetPort": "http"}],
        },
    }


def _network(shape: Shape) -> Object:
    """Who may reach a role, and whom it may reach: names, the bus, and what the table says."""

    def to(port: int, *, protocol: str = "TCP", peers: list[Object] | None = None) -> Object:
        rule: Object = {"ports": [{"port": port, "protocol": protocol}]}
        return {**rule, "to": peers} if peers else rule

    leaving = [
        to(DNS, protocol="UDP"),
        to(DNS),
        to(NATS_CLIENTS, peers=[{"podSelector": {"matchLabels": NATS}}]),
    ]
    if shape.database:
        leaving.append(to(POSTGRES))
    if shape.store or shape.outside:
        leaving.append(to(HTTPS))
    if shape.role == "messenger":
        leaving.append(to(587))
    watching = {"namespaceSelector": {"matchLabels": {"reelwarden.io/may": "scrape"}}}
    browsing = {"namespaceSelector": {"matchLabels": {"reelwarden.io/may": "browse"}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _meta(shape.role, shape.role),
        "spec": {
            "podSelector": {"matchLabels": labels(shape.role)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {
                    "from": [watching, *([browsing] if shape.people else [])],
                    "ports": [{"port": PORT, "protocol": "TCP"}],
                }
            ],
            "egress": leaving,
        },
    }


def _scaler(shape: Shape) -> Object:
    """KEDA counts what waits in each stream for the role's own consumer."""
    triggers = [
        {
            "type": "nats-jetstream",
            "metadata": {
                "natsServerMonitoringEndpoint": f"nats-headless.{NAMESPACE}.svc:{NATS_MONITORING}",
                "account": "HUB",
                "stream": stream,
                "consumer": shape.role,
                "lagThreshold": str(LAG),
                "activationLagThreshold": "0",
            },
        }
        for stream in shape.streams
    ]
    if shape.people:
        triggers.append({"type": "cpu", "metricType": "Utilization", "metadata": {"value": "70"}})
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": _meta(shape.role, shape.role),
        "spec": {
            "scaleTargetRef": {"name": shape.role},
            "minReplicaCount": shape.least,
            "maxReplicaCount": shape.most,
            "pollingInterval": 15,
            "cooldownPeriod": 300,
            # A consumer that cannot be asked for is no reason to scale to the most.
            "fallback": {"failureThreshold": 3, "replicas": shape.least},
            "triggers": triggers,
        },
    }


def files() -> dict[str, list[Object]]:
    """File name → objects; `kustomization.yaml` names them."""
    found = {"shared.yaml": list(shared())}
    found |= {f"{shape.role}.yaml": list(of_role(shape)) for shape in SHAPES}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "resources": list(found),
    }
    return {**found, "kustomization.yaml": [kustomization]}
