"""The state of browsers, in the memory of this server. A product with several servers needs a store that they share."""

import collections
import os
import secrets
import threading
import time

from tenancy import Refused, SignedOut, call

MAX_SESSIONS = int(os.environ.get("MAX_SESSIONS", 10_000))
MAX_SESSIONS_OF_USER = int(os.environ.get("MAX_SESSIONS_OF_USER", 20))
SESSION_SECONDS = 12 * 3600
CHALLENGE_SECONDS = 600


class Sessions:
    """The sessions by the values of their cookies. Their number and their lifetime are limited.

    A user has a limited number of them. If all users together have too many, the oldest one of the user with the most of
    them ends, so one person cannot end the sessions of others.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.by_name = {}

    def add(self, session):
        name = secrets.token_urlsafe(32)
        with self.lock:
            now = time.monotonic()
            self.by_name = {name: old for name, old in self.by_name.items() if old.ends_at > now}
            count = collections.Counter(old.owner for old in self.by_name.values())
            if count[session.owner] >= MAX_SESSIONS_OF_USER:
                self.end_oldest(session.owner)
            elif len(self.by_name) >= MAX_SESSIONS:
                self.end_oldest(count.most_common(1)[0][0])
            self.by_name[name] = session
        return name

    def end_oldest(self, owner):
        del self.by_name[next(name for name, session in self.by_name.items() if session.owner == owner)]

    def get(self, name):
        with self.lock:
            session = self.by_name.get(name)
        return session if session and session.ends_at > time.monotonic() else None

    def remove(self, name):
        with self.lock:
            self.by_name.pop(name, None)


class Challenge:
    """A sign-in that waits for its second factor."""

    def __init__(self, token, owner):
        self.token = token
        self.owner = owner
        self.csrf = secrets.token_urlsafe(32)
        self.ends_at = time.monotonic() + CHALLENGE_SECONDS
        # The authenticator to set up, if the tenant requires one.
        self.factor = None
        # The options for a passkey.
        self.passkey = None


class MailedSignIn:
    """A sign-in that waits for the code in a message. The code is valid only with the token of the request."""

    def __init__(self, requested, owner):
        self.owner = owner
        self.request = requested["request"]
        self.csrf = secrets.token_urlsafe(32)
        self.ends_at = time.monotonic() + requested["expires_in"]


class Session:
    """A signed-in browser. The tokens never leave this server."""

    def __init__(self, signed_in):
        self.recovery_codes = signed_in.pop("recovery_codes", None)
        self.signed_in = signed_in
        self.owner = signed_in["user"]["id"]
        self.ends_at = time.monotonic() + SESSION_SECONDS
        # Forms of other sites do not have it.
        self.csrf = secrets.token_urlsafe(32)
        # A refresh token is valid for one use, so only one request of a browser may refresh at a time.
        self.lock = threading.Lock()
        # The invited user and the setup token, which are shown once.
        self.invited = None
        # The address that gets a link which changes it.
        self.new_email = None
        # The second factor that waits for its first code.
        self.factor = None
        # The options for a passkey to create.
        self.passkey = None
        # The change that waits for a proof of identity: its path and its form.
        self.pending = None

    def call(self, method, path, body=None, client=None):
        with self.lock:
            try:
                return self.send(method, path, body, client)
            except SignedOut:
                pass
            body_of_refresh = {"refresh_token": self.signed_in["refresh_token"]}
            try:
                self.signed_in = call("POST", "/api/v1/auth/refresh", body_of_refresh, client=client)
            except Refused as error:
                if error.status in (401, 403):
                    raise SignedOut from error
                raise
            return self.send(method, path, body, client)

    def send(self, method, path, body, client):
        try:
            return call(method, path, body, token=self.signed_in["access_token"], client=client)
        except Refused as error:
            if error.code in ("token_expired", "token_revoked", "invalid_token"):
                raise SignedOut from error
            raise
