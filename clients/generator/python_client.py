"""Writes the problems and the operations of the Python client."""

from __future__ import annotations

import keyword
import re
from typing import Any

from .document import Operation, Parameter, class_name, sentences
from .python_models import HEADER, name_of, type_of


def problems(codes: dict[str, list[str]]) -> str:
    """Returns the module with a class for each code."""
    text = HEADER.format(title="A class for each stable code of a problem.")
    text += "from typing import ClassVar\n\nfrom ..errors import Problem\n"
    for code, statuses in codes.items():
        described = f" (status {', '.join(statuses)})" if statuses else ""
        text += f'\n\nclass {class_name(code)}(Problem):\n    """The problem `{code}`{described}."""\n\n'
        text += f'    code: ClassVar[str] = "{code}"\n'
    text += "\n\nPROBLEMS: dict[str, type[Problem]] = {\n"
    text += "".join(f'    "{code}": {class_name(code)},\n' for code in codes)
    return text + "}\n"


def operations(found: list[Operation], schemas: dict[str, Any], is_async: bool) -> str:
    """Returns the module with a method for each operation."""
    title = "The operations as coroutines." if is_async else "The operations."
    base = "AsyncRuntime" if is_async else "Runtime"
    module = "_async_runtime" if is_async else "_runtime"
    iterators = "AsyncIterator" if is_async else "Iterator"
    download = "AsyncDownload" if is_async else "Download"
    content = "AsyncContent" if is_async else "Content"
    text = HEADER.format(title=title)
    text += f"from collections.abc import {iterators}, Mapping\nfrom typing import Any, Literal\n\n"
    text += f"from .._request import CallOptions, Request\nfrom ..{module} import {base}\n"
    text += f"from .._content import {content}\nfrom ..downloads import {download}\nfrom . import models\n"
    name = "AsyncOperations" if is_async else "Operations"
    text += f'\n\nclass {name}({base}):\n    """A method for each operation of the service."""\n'
    for operation in found:
        text += "\n" + _method(operation, is_async, download, content)
        if operation.paging:
            text += "\n" + _iterator(operation, is_async, schemas)
    return text


def _snake(text: str) -> str:
    snake = re.sub("[A-Z]", lambda match: "_" + match[0].lower(), text.replace("-", "_")).strip("_")
    snake = re.sub("_+", "_", snake)
    return snake + "_" if keyword.iskeyword(snake) else snake


def _result(operation: Operation, download: str) -> str:
    if operation.result == "json":
        result = type_of(operation.schema, "models.")
        return f"{result} | None" if operation.may_be_empty else result
    return {"text": "str", "download": download, "headers": "Mapping[str, str]", "none": "None"}[operation.result]


def _keyword(parameter: Parameter) -> str:
    of_parameter = type_of(parameter.schema, "models.")
    if parameter.required:
        return f"{_snake(parameter.name)}: {of_parameter}"
    if "None" not in of_parameter.split(" | "):
        of_parameter += " | None"
    return f"{_snake(parameter.name)}: {of_parameter} = None"


def _signature(operation: Operation, content: str, omitted: set[str]) -> list[str]:
    positional = [f"{_snake(one.name)}: str" for one in operation.of("path")]
    if operation.media_type == "application/octet-stream":
        positional.append(f"content: {content}")
    elif operation.media_type:
        of_body = type_of(operation.body, "models.")
        positional.append(f"body: {of_body}" + ("" if operation.body_required else " = None"))
    named = [_keyword(one) for one in operation.of("query") + operation.of("header") if one.name not in omitted]
    if operation.media_type == "application/octet-stream":
        named.append('content_type: str = "application/octet-stream"')
    return ["self", *positional, "*", *named, "options: CallOptions | None = None"]


def _docstring(operation: Operation, omitted: set[str]) -> str:
    lines = ["\n\n        ".join(sentences(operation))]
    for one in operation.of("path") + operation.of("query") + operation.of("header"):
        if one.description and one.name not in omitted:
            lines.append(f":param {_snake(one.name)}: {one.description}")
    text = "\n        ".join([lines[0], "", *lines[1:]] if lines[1:] else lines)
    text = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    end = '\n        """' if "\n" in text else '"""'
    # A docstring that ends with a quotation mark needs a space.
    return f'        """{text}{" " if text.endswith(chr(34)) else ""}{end}\n'


def _method(operation: Operation, is_async: bool, download: str, content: str) -> str:
    define, wait = ("async def", "await ") if is_async else ("def", "")
    text = f"    {define} {_snake(operation.id)}({', '.join(_signature(operation, content, set()))})"
    text += f" -> {_result(operation, download)}:\n" + _docstring(operation, set())
    path = ", ".join(f'"{one.name}": {_snake(one.name)}' for one in operation.of("path"))
    query = [f'"{name}": "{value}"' for name, value in operation.fixed.items()]
    query += [f'"{one.name}": {_snake(one.name)}' for one in operation.of("query")]
    headers = ", ".join(f'"{one.name}": {_snake(one.name)}' for one in operation.of("header"))
    arguments = [f'"{operation.method}"', f'"{operation.path}"']
    if path:
        arguments.append(f"parameters={{{path}}}")
    if query:
        arguments.append(f"query={{{', '.join(query)}}}")
    if headers:
        arguments.append(f"headers={{{headers}}}")
    if operation.media_type == "application/octet-stream":
        arguments.append("content=content, content_type=content_type")
    elif operation.media_type == "application/x-www-form-urlencoded":
        arguments.append("form=body")
    elif operation.media_type:
        arguments.append("json=body")
    for flag in ("public", "signs_in", "ends_session"):
        if getattr(operation, flag):
            arguments.append(f"{flag}=True")
    text += f"        request = Request({', '.join(arguments)})\n"
    call = f"{wait}self._{operation.result}(request, options)"
    if operation.result == "json":
        # A type checker must not see Any as the result.
        return text + f"        result: {_result(operation, download)} = {call}\n        return result\n"
    return text + (f"        {call}\n" if operation.result == "none" else f"        return {call}\n")


def _iterator(operation: Operation, is_async: bool, schemas: dict[str, Any]) -> str:
    page = (operation.schema or {})["$ref"]
    items = schemas[page.rsplit("/", 1)[-1]]["properties"]["items"]["items"]
    iterators = "AsyncIterator" if is_async else "Iterator"
    moved = "offset" if operation.paging == "offset" else "cursor"
    omitted = {moved}
    signature = ", ".join(_signature(operation, "", omitted))
    text = f"    def {_snake(operation.iterator)}({signature}) -> {iterators}[{type_of(items, 'models.')}]:\n"
    text += (
        f'        """Iterates over the items of all pages of {_snake(operation.id)}. `limit` is the size of a page.\n\n'
    )
    text += "        Takes the parameters of that method.\n"
    text += '        """\n'
    passed = [_snake(one.name) for one in operation.of("path")]
    passed += [f"{moved}={moved}"]
    passed += [f"{_snake(one.name)}={_snake(one.name)}" for one in operation.of("query") if one.name != moved]
    passed += ["options=options"]
    kind = "int" if moved == "offset" else "str | None"
    define = "async def" if is_async else "def"
    text += f"\n        {define} page({moved}: {kind}) -> models.{name_of(page)}:\n"
    wait = "await " if is_async else ""
    text += f"            return {wait}self.{_snake(operation.id)}({', '.join(passed)})\n\n"
    text += f"        return self._{moved}_pages(page)\n"
    return text
