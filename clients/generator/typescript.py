"""Writes the problems and the operations of the TypeScript client. openapi-typescript writes its types."""

from __future__ import annotations

import re
from typing import Any

from .document import Operation, class_name, sentences

HEADER = "// {title} Generated from docs/openapi.json by clients/generator.\n\n"


def problems(codes: dict[str, list[str]]) -> str:
    """Returns the module with a class for each code."""
    text = HEADER.format(title="A class for each stable code of a problem.")
    text += 'import { Problem } from "../errors.js";\n'
    for code, statuses in codes.items():
        described = f" (status {', '.join(statuses)})" if statuses else ""
        text += f"\n/** The problem `{code}`{described}. */\n"
        text += f'export class {class_name(code)} extends Problem {{\n  declare readonly code: "{code}";\n}}\n'
    text += "\n/** The class of each code. */\nexport const PROBLEMS = {\n"
    text += "".join(f"  {code}: {class_name(code)},\n" for code in codes)
    return text + "} as const;\n"


def operations(found: list[Operation], schemas: dict[str, Any]) -> str:
    """Returns the module with a method for each operation."""
    text = HEADER.format(title="The operations.")
    text += 'import type { Content } from "../content.js";\nimport type { Download } from "../download.js";\n'
    text += 'import type { CallOptions } from "../request.js";\nimport { Runtime } from "../runtime.js";\n'
    text += 'import type { components } from "./schema.js";\n\ntype Schemas = components["schemas"];\n'
    text += "\n/** A method for each operation of the service. */\nexport abstract class Operations extends Runtime {\n"
    methods = []
    for operation in found:
        methods.append(_method(operation))
        if operation.paging:
            methods.append(_iterator(operation, schemas))
    return text + "\n".join(methods) + "}\n"


def type_of(schema: dict[str, Any] | None) -> str:
    """Returns the type for a schema."""
    if not schema:
        return "unknown"
    if "$ref" in schema:
        return f'Schemas["{schema["$ref"].rsplit("/", 1)[-1]}"]'
    if "oneOf" in schema:
        return " | ".join(type_of(one) for one in schema["oneOf"])
    if "enum" in schema:
        return " | ".join(f'"{value}"' for value in schema["enum"])
    kinds = schema.get("type", "unknown")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " | ".join({"integer": "number"}.get(kind, kind) for kind in kinds)


def _camel(text: str) -> str:
    parts = text.split("-")
    return parts[0].lower() + "".join(part.capitalize() for part in parts[1:])


def _result(operation: Operation) -> str:
    if operation.result == "json":
        result = type_of(operation.schema)
        return f"{result} | undefined" if operation.may_be_empty else result
    return {"text": "string", "download": "Download", "headers": "Headers", "none": "void"}[operation.result]


def _parameters(operation: Operation, omitted: str = "") -> str:
    fields = [one for one in operation.of("query") + operation.of("header") if one.name != omitted]
    if operation.media_type == "application/octet-stream":
        extra = [
            "    /** The content type. The default is `application/octet-stream`. */\n    contentType?: string | undefined;\n"
        ]
    else:
        extra = []
    if not fields and not extra:
        return "CallOptions"
    lines = []
    for one in fields:
        comment = f"    /** {one.description} */\n" if one.description else ""
        mark, absent = ("", "") if one.required else ("?", " | undefined")
        lines.append(f"{comment}    {_camel(one.name)}{mark}: {type_of(one.schema)}{absent};\n")
    return "{\n" + "".join(lines + extra) + "  } & CallOptions"


def _arguments(operation: Operation, omitted: str = "") -> str:
    arguments = [f"{one.name}: string" for one in operation.of("path")]
    if operation.media_type == "application/octet-stream":
        arguments.append("content: Content")
    elif operation.media_type:
        of_body = type_of(operation.body)
        arguments.append(f"body: {of_body}" if operation.body_required else f"body: {of_body} = null")
    required = any(one.required for one in operation.of("query") + operation.of("header"))
    default = "" if required else " = {}"
    arguments.append(f"parameters: {_parameters(operation, omitted)}{default}")
    return ", ".join(arguments)


def _comment(operation: Operation) -> str:
    text = "\n   *\n   * ".join(sentences(operation)).replace("*/", "* /")
    return f"  /** {text} */\n" if "\n" not in text else f"  /**\n   * {text}\n   */\n"


def _method(operation: Operation) -> str:
    text = _comment(operation)
    text += f"  {operation.id}({_arguments(operation)}): Promise<{_result(operation)}> {{\n"
    fields = [f'method: "{operation.method}"', f'path: "{operation.path}"']
    path = ", ".join(one.name for one in operation.of("path"))
    if path:
        fields.append(f"parameters: {{ {path} }}")
    query = [f'{name}: "{value}"' for name, value in operation.fixed.items()]
    query += [f"{one.name}: parameters.{one.name}" for one in operation.of("query")]
    if query:
        fields.append(f"query: {{ {', '.join(query)} }}")
    headers = [f'"{one.name}": parameters.{_camel(one.name)}' for one in operation.of("header")]
    if operation.media_type == "application/octet-stream":
        headers.append('"Content-Type": parameters.contentType ?? "application/octet-stream"')
        fields.append("content")
    elif operation.media_type == "application/x-www-form-urlencoded":
        fields.append("form: body")
    elif operation.media_type:
        fields.append("json: body")
    if headers:
        fields.append(f"headers: {{ {', '.join(headers)} }}")
    flags = {"public": "isPublic", "signs_in": "signsIn", "ends_session": "endsSession"}
    fields += [f"{name}: true" for flag, name in flags.items() if getattr(operation, flag)]
    listed = "".join(f"        {field},\n" for field in fields)
    kind = {"json": f"json<{_result(operation)}>", "none": "none"}.get(operation.result, operation.result)
    return text + f"    return this.{kind}(\n      {{\n{listed}      }},\n      parameters,\n    );\n  }}\n"


def _iterator(operation: Operation, schemas: dict[str, Any]) -> str:
    page = (operation.schema or {})["$ref"].rsplit("/", 1)[-1]
    item = type_of(schemas[page]["properties"]["items"]["items"])
    moved = operation.paging or ""
    path = "".join(f"{one.name}, " for one in operation.of("path"))
    text = (
        f"  /** Iterates over the items of all pages of {{@link {operation.id}}}. `limit` is the size of a page. */\n"
    )
    text += f"  {operation.iterator}({_arguments(operation, moved)}): AsyncGenerator<{item}> {{\n"
    call = f"this.{operation.id}({path}{{ ...parameters, {moved} }})"
    return text + f"    return this.{moved}Pages(({moved}) => {call});\n  }}\n"
