"""deploy/chart/values.schema.json: the program's own schema under `settings`, and the chart's other values beside it.

Draft 7, and patterns without lookahead: Helm 3 knows no more.
"""

from typing import Any

from tocsin import config

Schema = dict[str, Any]

TEXT = {"type": "string"}
TRUTH = {"type": "boolean"}
LISTED = {"type": "array", "items": {"type": "object"}}
TEXTS = {"type": "object", "additionalProperties": TEXT}
FREE = {"type": "object"}  # Kubernetes' own, which it checks itself
LABEL = {"type": "string", "pattern": "^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$", "maxLength": 63}
LABELS = {"type": "object", "additionalProperties": LABEL}
NAME = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", "maxLength": 253}
NO_NAME = {"type": "string", "pattern": "^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$", "maxLength": 253}
PATH = {"type": "string", "pattern": "^/"}
NO_ZONE = {"type": "string", "pattern": "^(/.*[^/]|[A-Za-z][A-Za-z0-9_+/-]*)?$"}
NO_PATH = {"type": "string", "pattern": "^(/|$)"}


def schema() -> Schema:
    """The schema of values.yaml."""
    top = _map(**_code(), **_pod(), **_cronjob(), **_objects())
    nobody = {
        "if": {"properties": {"mode": {"const": "cronjob"}}},
        "then": {"properties": {"nodes": {"minItems": 1}}},
    }
    top["properties"]["global"] = FREE
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values of tocsin", **top, **nobody}


def settings() -> Schema:
    """The program's schema without the two paths that the pod's mounts give."""
    given: Schema = dict(config.schema())
    for key in ("$schema", "title"):
        del given[key]
    properties = given["properties"]
    properties["state"] = {"const": config.STATE}
    properties["log"]["properties"]["file"] = {"const": config.MONITOR_LOG}
    converted: Schema = _draft_7(given)
    return converted


def _draft_7(value: Any) -> Any:  # noqa: ANN401 (JSON)
    if isinstance(value, list):
        return [_draft_7(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {("dependencies" if key == "dependentRequired" else key): _draft_7(one) for key, one in value.items()}


def _map(**properties: Schema) -> Schema:
    """A map of these keys. One that is taken away by `null` and has no default in the templates is missed."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": [key for key, one in properties.items() if key != "settings" and one != FREE],
    }


def _one_of(*words: str) -> Schema:
    return {"enum": list(words)}


def _whole(low: int, high: int) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high}


def _code() -> dict[str, Schema]:
    return {
        "mode": _one_of("daemonset", "cronjob"),
        "delivery": _one_of("image", "configmap"),
        "image": _map(
            repository=TEXT,
            tag={"type": "string", "pattern": "^[A-Za-z0-9_.-]{0,128}$"},
            digest={"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
            pullPolicy=_one_of("Always", "IfNotPresent", "Never"),
        ),
        "imagePullSecrets": LISTED,
        "code": _map(configMap=NO_NAME),
        "settings": settings(),
        "secrets": {"type": "object", "patternProperties": {"^[-._a-zA-Z0-9]+$": TEXT}, "additionalProperties": False},
        "existingSecret": NO_NAME,
        "logs": _map(hostPath=PATH, timezone=NO_ZONE),
        "state": _map(hostPath=PATH),
        "monitorLog": _map(hostPath=NO_PATH),
    }


def _cronjob() -> dict[str, Schema]:
    return {
        "nodes": {"type": "array", "items": NAME, "uniqueItems": True},
        "schedule": {"type": "string", "pattern": "^(@[a-z]+|[^ =]+( +[^ =]+){4})$"},
        "timeZone": {"type": "string", "minLength": 1},
        "startingDeadlineSeconds": _whole(10, 86400),
        "activeDeadlineSeconds": _whole(210, 86400),
        "backoffLimit": _whole(0, 100),
        "successfulJobsHistoryLimit": _whole(0, 1000),
        "failedJobsHistoryLimit": _whole(0, 1000),
        "ttlSecondsAfterFinished": _whole(0, 31536000),
        "podFailurePolicy": _map(enabled=TRUTH),
    }


def _pod() -> dict[str, Schema]:
    return {
        "profile": _one_of("nonroot", "root-nocaps"),
        "supplementalGroups": {"type": "array", "items": _whole(0, 2147483647), "uniqueItems": True},
        "podSecurityContext": FREE,
        "securityContext": FREE,
        "resources": FREE,
        "nodeSelector": TEXTS,
        "tolerations": LISTED,
        "affinity": FREE,
        "priorityClassName": NO_NAME,
        "updateStrategy": FREE | {"properties": {"type": _one_of("RollingUpdate", "OnDelete")}},
        "dnsConfig": FREE,
        "extraEnv": LISTED,
        "extraVolumes": LISTED,
        "extraVolumeMounts": LISTED,
    }


def _objects() -> dict[str, Schema]:
    return {
        "serviceAccount": _map(create=TRUTH, name=NO_NAME, annotations=TEXTS, automount=TRUTH),
        "networkPolicy": _map(
            enabled=TRUTH, mailPorts={"type": "array", "items": _whole(1, 65535), "uniqueItems": True}
        ),
        "nameOverride": LABEL,
        "fullnameOverride": NO_NAME | {"maxLength": 52},
        "commonLabels": LABELS,
        "podLabels": LABELS,
        "podAnnotations": TEXTS,
        "extraObjects": LISTED,
        "test": _map(send=TRUTH),
    }
