"""Decides whether and when a failed attempt is repeated."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from ._request import Request
from .errors import ConnectionFailed, Problem, TenancyError, UnexpectedResponse

# Statuses of an overloaded or unavailable service, or of a proxy in front of it.
TEMPORARY = {429, 502, 503, 504}


@dataclass(frozen=True)
class RetryPolicy:
    """The bounds of repetitions."""

    #: The number of repetitions after the first attempt.
    retries: int = 2
    #: The longest pause in seconds. A call whose `Retry-After` is longer fails at once.
    longest_pause: float = 30.0

    def pause(self, request: Request, attempt: int, error: TenancyError, retries: int | None) -> float | None:
        """Returns the seconds until the next attempt, or None if the error is final. `attempt` starts at 0."""
        if attempt >= (self.retries if retries is None else retries) or not request.is_idempotent:
            return None
        if isinstance(error, Problem | UnexpectedResponse):
            if error.status not in TEMPORARY:
                return None
            asked = retry_after(error.headers.get("retry-after"))
            if asked is not None:
                return asked if asked <= self.longest_pause else None
        elif not isinstance(error, ConnectionFailed):
            return None
        # Exponential backoff with full jitter: 0.25 s, 0.5 s, 1 s...
        return min(random.uniform(0, 0.25 * 2**attempt), self.longest_pause)


def retry_after(value: str | None) -> float | None:
    """Returns the seconds of a `Retry-After` (RFC 9110, section 10.2.3), or None if it is absent or malformed."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
