"""What schemathesis sends is made sendable."""

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    """Spin itself answers 500 to a header that is not UTF-8, before the application sees it."""
    for name, value in list((case.headers or {}).items()):
        if not str(value).isascii():
            case.headers[name] = str(value).encode("ascii", "replace").decode("ascii")
