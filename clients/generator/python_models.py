"""Writes the types of the Python client: a TypedDict for each object of the OpenAPI document."""

from __future__ import annotations

from typing import Any

HEADER = '"""{title} Generated from docs/openapi.json by clients/generator."""\n\n'
PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def name_of(reference: str) -> str:
    """Returns the Python name of a schema."""
    return reference.rsplit("/", 1)[-1].replace("_", "")


def type_of(schema: dict[str, Any] | None, prefix: str = "") -> str:
    """Returns the annotation for a schema."""
    if not schema:
        return "Any"
    if "$ref" in schema:
        return prefix + name_of(schema["$ref"])
    if "oneOf" in schema:
        return " | ".join(dict.fromkeys(type_of(one, prefix) for one in schema["oneOf"]))
    if "enum" in schema:
        return f"Literal[{', '.join(repr(value) for value in schema['enum'])}]"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " | ".join(_of_kind(kind, schema, prefix) for kind in kinds) or "Any"


def _of_kind(kind: str, schema: dict[str, Any], prefix: str) -> str:
    if kind == "array":
        return f"list[{type_of(schema.get('items'), prefix)}]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"dict[str, {type_of(values, prefix) if isinstance(values, dict) else 'Any'}]"
    return PLAIN[kind]


def models(schemas: dict[str, Any]) -> str:
    """Returns the module with all types, each after the types that it needs when the module is loaded."""
    text = HEADER.format(title="Types of requests and responses.")
    text += "from typing import Any, Literal, NotRequired, TypeAlias, TypedDict\n"
    written: set[str] = set()

    def write(name: str) -> None:
        nonlocal text
        if name in written:
            return
        written.add(name)
        schema = schemas[name]
        for needed in _references(schema):
            write(needed)
        text += "\n\n" + _declaration(name_of(name), schema)

    for name in schemas:
        write(name)
    return text


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [name for one in value for name in _references(one)]
    if not isinstance(value, dict):
        return []
    if isinstance(value.get("$ref"), str):
        return [value["$ref"].rsplit("/", 1)[-1]]
    return [name for one in value.values() for name in _references(one)]


def _declaration(name: str, schema: dict[str, Any]) -> str:
    parts = schema.get("allOf", [schema])
    bases = [name_of(part["$ref"]) for part in parts if "$ref" in part]
    own = next((part for part in parts if "properties" in part), {})
    if not bases and not own.get("properties"):
        alias = f"{name}: TypeAlias = {type_of(schema)}\n"
        return alias + _docstring(schema.get("description"), "")
    text = f"class {name}({', '.join(bases) or 'TypedDict'}):\n"
    text += _docstring(schema.get("description") or f"{name}.", "    ")
    for field, value in own.get("properties", {}).items():
        of_field = type_of(value)
        if field not in own.get("required", []):
            of_field = f"NotRequired[{of_field}]"
        text += f"\n    {field}: {of_field}\n" + _docstring(_description(value), "    ")
    return text


def _description(schema: dict[str, Any]) -> str | None:
    if schema.get("description"):
        return str(schema["description"])
    return next((one["description"] for one in schema.get("oneOf", []) if one.get("description")), None)


def _docstring(text: str | None, indent: str) -> str:
    if not text:
        return ""
    escaped = " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'{indent}"""{escaped}"""\n'
