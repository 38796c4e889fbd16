"""Generated from docs/openapi.json by clients/generator."""
