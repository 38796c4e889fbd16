"""Adjusts the requests of schemathesis so that they reach the application."""

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    """Spin itself responds with 500 to headers that are not UTF-8, before the application receives them."""
    for name, value in list((case.headers or {}).items()):
        if not str(value).isascii():
            case.headers[name] = str(value).encode("ascii", "replace").decode("ascii")
