"""Checks Kubernetes manifests against the schemas of Kubernetes and of SpinKube.

usage: validate.py FILE...

Prints the kind and name of each object, and fails at the first invalid one.
"""

import json
import pathlib
import sys

import jsonschema
import kubernetes_validate
import yaml

SPINKUBE = "core.spinkube.dev/v1alpha1"


def closed(schema):
    """Refuses unknown fields, as a server does with `kubectl apply --validate=strict`."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: closed(value) for name, value in schema.items()}
    # The API server checks the metadata of every kind.
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if "properties" in schema and isinstance(schema["properties"], dict) and not is_open:
        schema["additionalProperties"] = False
    return schema


def validate(manifest):
    if manifest["apiVersion"] == SPINKUBE:
        schema = json.loads(pathlib.Path(__file__).with_name(f"{manifest['kind']}.json").read_text())
        jsonschema.Draft202012Validator(closed(schema)).validate(manifest)
    else:
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


for path in sys.argv[1:]:
    for manifest in yaml.safe_load_all(pathlib.Path(path).read_text()):
        name = f"{manifest['kind']}/{manifest['metadata']['name']}"
        try:
            validate(manifest)
        except (jsonschema.ValidationError, kubernetes_validate.ValidationError) as error:
            sys.exit(f"{path}: {name}: {'.'.join(map(str, error.path))}: {error.message}")
        print(name)
