"""Generates the clients. Arguments: openapi.json, the folder of the clients, ruff, openapi-typescript.

The test `clients` compares the committed files with a new generation. To update them:
UPDATE_CLIENTS=1 ./dev test clients
"""

import json
import subprocess
import sys
from pathlib import Path

from . import python_client, python_models, typescript
from .document import codes, operations


def main() -> None:
    source, folder, ruff, openapi_typescript = sys.argv[1:]
    document = json.loads(Path(source).read_text())
    schemas = document["components"]["schemas"]
    found = operations(document)

    python = Path(folder) / "python/src/tenancy_client/_generated"
    python.mkdir(parents=True, exist_ok=True)
    files = {
        "__init__.py": '"""Generated from docs/openapi.json by clients/generator."""\n',
        "models.py": python_models.models(schemas),
        "problems.py": python_client.problems(codes(document)),
        "operations.py": python_client.operations(found, schemas, is_async=False),
        "async_operations.py": python_client.operations(found, schemas, is_async=True),
    }
    for name, text in files.items():
        (python / name).write_text(text)
    for command in (["check", "--select", "I,F401", "--fix"], ["format"]):
        options = ["--quiet", "--isolated", "--no-cache", "--line-length", "120"]
        subprocess.run([ruff, command[0], *options, *command[1:], str(python)], check=True)

    generated = Path(folder) / "typescript/src/generated"
    generated.mkdir(parents=True, exist_ok=True)
    (generated / "problems.ts").write_text(typescript.problems(codes(document)))
    (generated / "operations.ts").write_text(typescript.operations(found, schemas))
    # The operations have their own types.
    types = json.dumps(document | {"paths": {}})
    command = [openapi_typescript, "--output", str(generated / "schema.ts")]
    subprocess.run(command, input=types.encode(), check=True, stdout=sys.stderr)


main()
