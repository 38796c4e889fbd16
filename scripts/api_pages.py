"""Writes the pages of the documentation site that describe each endpoint, from the OpenAPI document."""

import json
import re
from pathlib import Path

METHODS = ("get", "put", "post", "patch", "delete", "head", "options")


def anchor(heading: str) -> str:
    """Returns the anchor that mdBook gives a heading."""
    kept = "".join(letter for letter in heading.lower() if letter.isalnum() or letter in " -_")
    return kept.strip().replace(" ", "-")


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def prose(text: str) -> str:
    """Returns a description whose relative links lead to the other pages."""
    return re.sub(r"\]\((?!https?:|#)([^)]+\.md[^)]*)\)", r"](../\1)", text)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n\n"


class Pages:
    def __init__(self, document: dict) -> None:
        self.document = document
        self.schemas = document["components"]["schemas"]
        self.names = {tag["name"]: anchor(tag["name"]) + ".md" for tag in document["tags"]}

    def target(self, item: dict) -> dict:
        """Returns the object to which a reference leads, or the object itself."""
        while "$ref" in item:
            found = self.document
            for part in item["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            item = found
        return item

    def type_of(self, schema: dict) -> str:
        """Returns the type of a value, with links to the named schemas."""
        if reference := schema.get("$ref"):
            name = reference.rsplit("/", 1)[1]
            return f"[{name}](schemas.md#{anchor(name)})"
        if "const" in schema:
            return f"`{json.dumps(schema['const'])}`"
        if values := schema.get("enum"):
            return ", ".join(f"`{json.dumps(value)}`" for value in values)
        for kind in ("oneOf", "anyOf", "allOf"):
            if parts := schema.get(kind):
                return (" and " if kind == "allOf" else " or ").join(self.type_of(part) for part in parts)
        kinds = schema.get("type", "any")
        return " or ".join(self.one_type(kind, schema) for kind in ([kinds] if isinstance(kinds, str) else kinds))

    def one_type(self, kind: str, schema: dict) -> str:
        if kind == "array" and schema.get("items"):
            return f"array of {self.type_of(schema['items'])}"
        if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
            return f"object of {self.type_of(schema['additionalProperties'])}"
        if kind != "null" and (format := schema.get("format")):
            return f"{kind} ({format})"
        return kind

    def bounds(self, schema: dict) -> str:
        """Returns the bounds and the default of a value as sentences."""
        told = []
        for first, last, unit in (
            ("minimum", "maximum", ""),
            ("minLength", "maxLength", " characters"),
            ("minItems", "maxItems", " items"),
        ):
            low, high = schema.get(first), schema.get(last)
            if low is not None and high is not None:
                told.append(f"{low} to {high}{unit}.")
            elif low is not None:
                told.append(f"At least {low}{unit}.")
            elif high is not None:
                told.append(f"At most {high}{unit}.")
        if "pattern" in schema:
            told.append(f"Pattern `{schema['pattern']}`.")
        if schema.get("default") is not None:
            told.append(f"Default `{json.dumps(schema['default'])}`.")
        return " ".join(told)

    def members(self, schema: dict) -> str:
        """Returns the table of the members of an object."""
        needed = schema.get("required", [])
        rows = []
        for name, member in schema.get("properties", {}).items():
            text = f"{prose(member.get('description', ''))} {self.bounds(member)}"
            rows.append((f"`{name}`", cell(self.type_of(member)), "yes" if name in needed else "", cell(text)))
        return table(("Member", "Type", "Required", "Description"), rows) if rows else ""

    def content(self, content: dict) -> str:
        return ", ".join(f"`{media}` {self.type_of(body.get('schema', {}))}" for media, body in content.items())

    def operation(self, method: str, path: str, operation: dict) -> str:
        name = operation["operationId"]
        text = f"## `{method.upper()} {path}` {{#{name}}}\n\n"
        about = f"**{operation['summary']}** {prose(operation.get('description', ''))}"
        text += f"{about.strip()}\n\n"
        schemes = [name for scheme in operation.get("security", []) for name in scheme]
        text += f"Credentials: {', '.join(f'`{name}`' for name in schemes) or 'none'}. Operation: `{name}`.\n\n"
        rows = []
        for parameter in map(self.target, operation.get("parameters", [])):
            about = f"{prose(parameter.get('description', ''))} {self.bounds(parameter['schema'])}"
            needed = "yes" if parameter.get("required") else ""
            rows.append((f"`{parameter['name']}`", parameter["in"], cell(self.type_of(parameter["schema"])), needed, cell(about)))
        if rows:
            text += table(("Parameter", "In", "Type", "Required", "Description"), rows)
        if body := operation.get("requestBody"):
            content = self.target(body)["content"]
            text += f"Body: {self.content(content)}\n\n"
            example = next((media["example"] for media in content.values() if "example" in media), None)
            if isinstance(example, (dict, list)):
                text += f"```json\n{json.dumps(example, indent=2, ensure_ascii=False)}\n```\n\n"
        rows = []
        for status, response in operation["responses"].items():
            response = self.target(response)
            # All problems have the same body, and the headers of rates and quotas.
            is_problem = "x-codes" in response
            own = "" if is_problem else self.content(response.get("content", {}))
            headers = "" if is_problem else ", ".join(f"`{name}`" for name in response.get("headers", {}))
            rows.append((status, cell(own), cell(prose(response["description"])), headers))
        return text + table(("Status", "Body", "Description", "Headers"), rows)

    def tag(self, tag: dict) -> str:
        text = f"# {tag['name']}\n\n{prose(tag['description'])}\n\n"
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if tag["name"] in item.get(method, {}).get("tags", []):
                    text += self.operation(method, path, item[method])
        return text

    def all_schemas(self) -> str:
        text = "# Schemas\n\nThe bodies of requests and responses. Members without `yes` may be absent.\n\n"
        for name, schema in self.schemas.items():
            text += f"## {name}\n\n{prose(schema.get('description', ''))}\n\n"
            text += self.members(schema) or f"{self.type_of(schema)} {self.bounds(schema)}\n\n"
        return text

    def index(self) -> str:
        text = "# All operations\n\nGenerated from the [OpenAPI document](../openapi.json). "
        text += "[Endpoints](../endpoints.md) explains credentials, errors and limits, and\n[Access](../access.md) lists the roles and scopes.\n\n"
        rows = []
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if operation := item.get(method):
                    page = f"{self.names[operation['tags'][0]]}#{operation['operationId']}"
                    rows.append((f"[`{method.upper()} {path}`]({page})", cell(operation["summary"])))
        return text + table(("Operation", "Purpose"), rows)


def write(document: Path, folder: Path) -> list[str]:
    """Writes the pages into a folder. Returns the lines of the summary for them."""
    pages = Pages(json.loads(document.read_text()))
    folder.mkdir(parents=True)
    (folder / "index.md").write_text(pages.index())
    lines = ["- [All operations](api/index.md)"]
    for tag in sorted(pages.document["tags"], key=lambda tag: tag["name"]):
        name = pages.names[tag["name"]]
        (folder / name).write_text(pages.tag(tag))
        lines.append(f"  - [{tag['name']}](api/{name})")
    (folder / "schemas.md").write_text(pages.all_schemas())
    return [*lines, "  - [Schemas](api/schemas.md)"]
