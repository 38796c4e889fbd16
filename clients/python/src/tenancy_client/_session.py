"""The tokens of a session, and the rules of their renewal."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .errors import TenancyError

# The access token is renewed this many seconds before it expires, so that no upload fails after its body was sent.
MARGIN = 30.0


@dataclass(frozen=True)
class Tokens:
    """The tokens of a session. Store them with `on_tokens` to continue the session in another process."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    #: When the access token expires, in seconds of `time.time`, or None if this is unknown.
    expires_at: float | None = None


class Session:
    """The tokens of a client. The runtimes renew them, one renewal at a time."""

    def __init__(self, tokens: Tokens | None, on_tokens: Callable[[Tokens | None], None] | None) -> None:
        self.tokens = tokens
        self._on_tokens = on_tokens
        # The monotonic time at which the token is renewed: the clock of the computer may step.
        self._renew_at: float | None = None
        # The error with which the renewal of the current tokens failed permanently.
        self.failure: TenancyError | None = None
        # The number of finished renewals, and the error of the last one.
        self.renewals = 0
        self.error: TenancyError | None = None
        self._plan()

    @property
    def access_token(self) -> str | None:
        """The current access token."""
        return self.tokens.access_token if self.tokens else None

    def _plan(self) -> None:
        self._renew_at = None
        if self.tokens and self.tokens.expires_at is not None:
            left = self.tokens.expires_at - time.time()
            # At most half of the lifetime, in case that it is shorter than the margin.
            self._renew_at = time.monotonic() + left - min(MARGIN, left / 2)

    def is_due(self) -> bool:
        """Whether the access token has expired or expires soon."""
        return self._renew_at is not None and time.monotonic() >= self._renew_at

    def adopt(self, signed_in: dict[str, Any]) -> None:
        """Uses the tokens of a sign-in or a renewal."""
        expires_at = time.time() + float(signed_in["expires_in"])
        self._replace(Tokens(signed_in["access_token"], signed_in["refresh_token"], expires_at))

    def clear(self) -> None:
        """Forgets the tokens after the end of the session."""
        self._replace(None)

    def _replace(self, tokens: Tokens | None) -> None:
        self.tokens, self.failure = tokens, None
        self._plan()
        if self._on_tokens:
            self._on_tokens(tokens)
