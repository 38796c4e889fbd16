"""Client of Tenancy, the multi-tenant backend.

with Client("https://tenancy.example", tenant="acme") as client:
    client.login({"email": "ada@acme.example", "password": password})
    for user in client.iterate_users():
        print(user["email"])
"""

from . import models, problems
from ._content import AsyncContent, Content
from ._request import CallOptions, Reply
from ._retry import RetryPolicy
from ._session import Tokens
from .client import AsyncClient, Client
from .downloads import AsyncDownload, Download
from .errors import ConnectionFailed, NotModified, Problem, TenancyError, TimedOut, UnexpectedResponse

__all__ = [
    "AsyncClient",
    "AsyncContent",
    "AsyncDownload",
    "CallOptions",
    "Client",
    "ConnectionFailed",
    "Content",
    "Download",
    "NotModified",
    "Problem",
    "Reply",
    "RetryPolicy",
    "TenancyError",
    "TimedOut",
    "Tokens",
    "UnexpectedResponse",
    "models",
    "problems",
]
