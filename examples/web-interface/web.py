#!/usr/bin/env python3
"""A web interface: choose a tenant, sign in, see your profile, set up a second factor. Administrators can invite users.

The browser gets a cookie and never a token. The tokens stay on the server, where no script of a page can read them. The
server runs behind a proxy that adds TLS. Run it with:

    TENANCY_URL=http://127.0.0.1:8002 PORT=9003 ./web.py

Without TLS, set INSECURE_COOKIES=1 so that browsers on other machines accept the cookie.
"""

import html
import http.client
import http.cookies
import json
import os
import re
import secrets
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TENANCY_URL = os.environ.get("TENANCY_URL", "http://127.0.0.1:8002")
INSECURE = os.environ.get("INSECURE_COOKIES") == "1"
# With this prefix a browser accepts a cookie only over TLS and only from this host.
PREFIX = "" if INSECURE else "__Host-"
COOKIE = f"{PREFIX}session"
# Before there is a session, forms carry the same value as this cookie.
FORM_COOKIE = f"{PREFIX}form"
# It names the sign-in that waits for its second factor. The challenge itself stays on the server.
CHALLENGE_COOKIE = f"{PREFIX}challenge"
ATTRIBUTES = "Path=/; HttpOnly; SameSite=Strict" + ("" if INSECURE else "; Secure")
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
MAX_BODY = 16 * 1024
MAX_SESSIONS = 1_000
SESSION_SECONDS = 12 * 3600
# A code of a second factor, or a recovery code.
MAX_CODE = 64


class Unavailable(Exception):
    """Tenancy does not respond."""


class Refused(Exception):
    """A problem from Tenancy: its status, code and detail."""

    def __init__(self, error):
        super().__init__(error.code)
        self.status = error.code
        try:
            problem = json.load(error)
            self.code, self.detail = str(problem["code"]), str(problem["detail"])
            self.challenge = problem.get("challenge")
        except (ValueError, TypeError, KeyError, AttributeError, OSError, http.client.HTTPException):
            self.code, self.detail, self.challenge = "", "Tenancy refused the request.", None


class Sessions:
    """The sessions by the values of their cookies. Their number and their lifetime are limited."""

    def __init__(self):
        self.lock = threading.Lock()
        self.by_name = {}

    def add(self, session):
        name = secrets.token_urlsafe(32)
        with self.lock:
            now = time.monotonic()
            self.by_name = {name: old for name, old in self.by_name.items() if old.ends_at > now}
            while len(self.by_name) >= MAX_SESSIONS:
                # The oldest one.
                del self.by_name[next(iter(self.by_name))]
            self.by_name[name] = session
        return name

    def get(self, name):
        with self.lock:
            session = self.by_name.get(name)
        return session if session and session.ends_at > time.monotonic() else None

    def remove(self, name):
        with self.lock:
            self.by_name.pop(name, None)


sessions = Sessions()
challenges = Sessions()


class Challenge:
    """A sign-in that waits for its second factor."""

    def __init__(self, token):
        self.token = token
        self.csrf = secrets.token_urlsafe()
        self.ends_at = time.monotonic() + 600
        # The key for an authenticator, if the tenant requires that the user sets one up.
        self.secret = None


class Session:
    def __init__(self, signed_in):
        self.signed_in = signed_in
        self.ends_at = time.monotonic() + SESSION_SECONDS
        # Forms of other sites do not have it.
        self.csrf = secrets.token_urlsafe()
        # A refresh token is valid for one use, so only one request of a browser may refresh at a time.
        self.lock = threading.Lock()
        # The invited user and the setup token, which are shown once.
        self.invited = None
        # The second factor that waits for its first code.
        self.factor = None
        # They are shown once.
        self.recovery_codes = None

    def call(self, method, path, body=None):
        with self.lock:
            try:
                return call(method, path, body, token=self.signed_in["access_token"])
            except Refused as error:
                if error.code not in ("token_expired", "token_revoked", "invalid_token"):
                    raise
            refresh = {"refresh_token": self.signed_in["refresh_token"]}
            self.signed_in = call("POST", "/api/v1/auth/refresh", refresh)
            return call(method, path, body, token=self.signed_in["access_token"])


def call(method, path, body=None, token=None, tenant=None, client=None):
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if tenant:
        headers["X-Tenant-Slug"] = tenant
    if client:
        # Login throttling works by address. Without this header all users would share one.
        headers["X-Forwarded-For"] = client
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(TENANCY_URL + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        raise Refused(error) from error
    # urllib raises ValueError for a header that it does not send.
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unavailable from error


def page(title, body):
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>
<h1>{html.escape(title)}</h1>{body}</html>"""


def second_factor(session, csrf):
    if session.factor:
        return f"""<h2>Second factor</h2>
<p>Add this key to your authenticator: <code>{html.escape(session.factor["secret"])}</code></p>
<form method="post" action="/factor/confirm">{csrf}
<label>Code <input name="code" autocomplete="one-time-code" required></label><button>Confirm</button></form>"""
    factors = session.call("GET", "/api/v1/profile/second-factors")
    listed = "".join(f"<li>{html.escape(factor['name'])}</li>" for factor in factors["items"])
    return f"""<h2>Second factor</h2><ul>{listed}</ul>
<form method="post" action="/factor">{csrf}<button>Set up an authenticator</button></form>"""


def equal(one, other):
    return secrets.compare_digest(one.encode(), other.encode())


def login(csrf):
    field = f'<input type="hidden" name="csrf" value="{csrf}">'
    return LOGIN.replace("CSRF", field)


LOGIN = """<form method="post" action="/login">CSRF
<label>Tenant <input name="tenant" required></label>
<label>E-mail <input name="email" type="email" required></label>
<label>Password <input name="password" type="password" required></label>
<button>Sign in</button></form>
<h2>Invited?</h2>
<form method="post" action="/setup">CSRF
<label>Setup token <input name="setup_token" required></label>
<label>New password <input name="password" type="password" required></label>
<button>Set password</button></form>"""


class Handler(BaseHTTPRequestHandler):
    # A stalled client must not occupy a thread forever.
    timeout = 20

    def do_GET(self):
        self.guarded(self.get)

    def do_POST(self):
        self.guarded(self.post)

    def guarded(self, handler):
        try:
            handler()
        except Unavailable:
            body = page("Unavailable", "<p role=alert>Tenancy does not respond. Try again later.</p>")
            self.show(503, body, {"Retry-After": "5"})
        except Refused as error:
            if error.code == "recent_sign_in_required":
                sessions.remove(self.cookie(COOKIE))
                return self.show_login(401, "Sign in again for this change.")
            if error.status == 401:
                sessions.remove(self.cookie(COOKIE))
                return self.show_login(401, "You are signed out.")
            self.show(error.status, page("Request failed", f"<p role=alert>{html.escape(error.detail)}</p>"))

    def get(self):
        session = self.session()
        if not session:
            return self.show_login(200)
        return self.show(200, self.home(session))

    def post(self):
        form = self.form()
        if form is None:
            return None
        csrf = form.get("csrf", "")
        if self.path in ("/login", "/setup"):
            # Otherwise another site could sign a browser in to an account of its own.
            expected = self.cookie(FORM_COOKIE)
            if not TOKEN.fullmatch(expected) or not equal(csrf, expected):
                return self.show_login(403, "This form has expired. Try again.")
            if self.path == "/login":
                body = {"email": form.get("email"), "password": form.get("password")}
                return self.sign_in("login", body, tenant=form.get("tenant"))
            names = ("setup_token", "password")
            return self.sign_in("setup", {name: form.get(name) for name in names})
        if self.path == "/code":
            return self.answer(form)
        session = self.session()
        if not session or not equal(csrf, session.csrf):
            return self.show(403, page("Not allowed", "Go back and try again."))
        if self.path == "/users":
            body = {"email": form.get("email"), "role": form.get("role")}
            session.invited = session.call("POST", "/api/v1/users", body)
        elif self.path == "/factor":
            session.factor = session.call("POST", "/api/v1/profile/second-factors", {})
        elif self.path == "/factor/confirm" and session.factor:
            path = f"/api/v1/profile/second-factors/{session.factor['id']}/confirm"
            confirmed = session.call("POST", path, {"code": form.get("code", "")[:MAX_CODE]})
            session.factor, session.recovery_codes = None, confirmed["recovery_codes"]
        elif self.path == "/logout":
            sessions.remove(self.cookie(COOKIE))
            try:
                session.call("POST", "/api/v1/auth/logout")
            except Refused:
                # The session has already ended.
                pass
        else:
            return self.show(404, page("Not found", "This page does not exist."))
        return self.redirect()

    def form(self):
        """Returns the fields of a form, or None if it is refused."""
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_BODY:
            # The body is not read, so the connection cannot be reused.
            self.close_connection = True
            self.show(413 if length > MAX_BODY else 411, page("Request failed", "The form is too long."))
            return None
        try:
            text = self.rfile.read(length).decode()
            return dict(urllib.parse.parse_qsl(text, max_num_fields=20))
        except ValueError:
            self.show(400, page("Request failed", "The form cannot be read."))
            return None

    def sign_in(self, how, body, tenant=None):
        if tenant and not re.fullmatch(r"[A-Za-z0-9-]{1,63}", tenant):
            return self.show_login(404, "The tenant does not exist.")
        try:
            client = self.client_address[0]
            signed_in = call("POST", f"/api/v1/auth/{how}", body, tenant=tenant, client=client)
        except Refused as error:
            if error.challenge:
                return self.ask_for_code(error, tenant, client)
            return self.show_login(error.status, error.detail)
        return self.begin(signed_in)

    def ask_for_code(self, error, tenant, client):
        challenge = Challenge(error.challenge)
        if error.code == "second_factor_enrollment_required":
            body = {"challenge": challenge.token}
            begun = call("POST", "/api/v1/auth/second-factor/enrollment", body, tenant=tenant, client=client)
            challenge.secret = begun["secret"]
        cookie = f"{CHALLENGE_COOKIE}={challenges.add(challenge)}; {ATTRIBUTES}"
        self.show_code(401, challenge, error.detail, cookie)

    def show_code(self, status, challenge, alert, cookie=None):
        text = f"<p role=alert>{html.escape(alert)}</p>"
        if challenge.secret:
            text += f"<p>Add this key to your authenticator: <code>{html.escape(challenge.secret)}</code></p>"
        csrf = f'<input type="hidden" name="csrf" value="{challenge.csrf}">'
        text += f"""<form method="post" action="/code">{csrf}
<label>Code <input name="code" autocomplete="one-time-code" required></label><button>Continue</button></form>"""
        self.show(status, page("Second factor", text), {"Set-Cookie": cookie} if cookie else None)

    def answer(self, form):
        challenge = challenges.get(self.cookie(CHALLENGE_COOKIE))
        if not challenge or not equal(form.get("csrf", ""), challenge.csrf):
            return self.show_login(403, "This form has expired. Sign in again.")
        body = {"challenge": challenge.token, "code": form.get("code", "")[:MAX_CODE]}
        try:
            client = self.client_address[0]
            signed_in = call("POST", "/api/v1/auth/second-factor", body, client=client)
        except Refused as error:
            if error.code in ("invalid_second_factor", "validation_failed", "too_many_attempts"):
                return self.show_code(error.status, challenge, error.detail)
            return self.show_login(error.status, error.detail)
        challenges.remove(self.cookie(CHALLENGE_COOKIE))
        return self.begin(signed_in)

    def begin(self, signed_in):
        # End a previous session, so that it cannot be used after the sign-in.
        sessions.remove(self.cookie(COOKIE))
        session = Session(signed_in)
        session.recovery_codes = signed_in.pop("recovery_codes", None)
        return self.redirect(f"{COOKIE}={sessions.add(session)}; {ATTRIBUTES}")

    def home(self, session):
        user = session.call("GET", "/api/v1/profile")
        tenant = session.call("GET", "/api/v1/tenant/info")
        csrf = f'<input type="hidden" name="csrf" value="{session.csrf}">'
        body = f"""<p>{html.escape(user["email"])}, {user["role"]}</p>
<form method="post" action="/logout">{csrf}<button>Sign out</button></form>"""
        invited, session.invited = session.invited, None
        if invited and invited.get("is_mailed"):
            body += f"""<p>{html.escape(invited["email"])} receives an invitation by mail.</p>"""
        elif invited:
            body += f"""<p>Give {html.escape(invited["email"])} this setup token, which is shown once:
<code>{html.escape(invited["setup_token"])}</code></p>"""
        codes, session.recovery_codes = session.recovery_codes, None
        if codes:
            body += f"""<p>Keep these recovery codes, which are shown once. Each replaces a code of your authenticator:</p>
<ul>{"".join(f"<li><code>{html.escape(code)}</code></li>" for code in codes)}</ul>"""
        body += second_factor(session, csrf)
        if user["role"] == "admin":
            rows = session.call("GET", "/api/v1/users")["items"]
            listed = "".join(f"<li>{html.escape(row['email'])}, {row['role']}</li>" for row in rows)
            body += f"""<h2>Users</h2><ul>{listed}</ul>
<form method="post" action="/users">{csrf}<input name="email" type="email" required>
<select name="role"><option>user<option>viewer<option>admin</select><button>Invite</button></form>"""
        return page(tenant["name"], body)

    def cookie(self, name):
        try:
            cookies = http.cookies.SimpleCookie(self.headers.get("Cookie", ""))
        except http.cookies.CookieError:
            return ""
        return cookies[name].value if name in cookies else ""

    def session(self):
        return sessions.get(self.cookie(COOKIE))

    def show_login(self, status, alert=None):
        csrf = secrets.token_urlsafe(32)
        words = f"<p role=alert>{html.escape(alert)}</p>" if alert else ""
        cookie = f"{FORM_COOKIE}={csrf}; {ATTRIBUTES}"
        self.show(status, page("Sign in", words + login(csrf)), {"Set-Cookie": cookie})

    def redirect(self, cookie=None):
        self.send_response(303)
        self.send_header("Location", "/")
        self.send_header("Content-Length", "0")
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()

    def show(self, status, text, headers=None):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        policy = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        self.send_header("Content-Security-Policy", policy)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 9003))), Handler).serve_forever()
