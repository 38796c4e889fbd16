#!/usr/bin/env python3
"""A web interface: choose a tenant, sign in, see who you are; administrators invite users.

The browser gets a cookie and never a token: the tokens stay here, where no script of a page can
read them. Run it with:

    TENANCY_URL=http://127.0.0.1:8002 PORT=9003 ./web.py
"""

import html
import http.cookies
import json
import os
import secrets
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TENANCY_URL = os.environ.get("TENANCY_URL", "http://127.0.0.1:8002")
COOKIE = "session"

sessions = {}


class Session:
    def __init__(self, signed_in):
        self.signed_in = signed_in
        # Forms of other sites do not know it.
        self.csrf = secrets.token_urlsafe()
        # A refresh token counts once: two requests of a browser take turns.
        self.lock = threading.Lock()
        # Who was invited, and their setup token: shown once.
        self.invited = None

    def call(self, method, path, body=None):
        with self.lock:
            try:
                return call(method, path, body, token=self.signed_in["access_token"])
            except urllib.error.HTTPError as error:
                if error.code != 401:
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
        # Guessing is slowed down by address: without this, everybody here would have one.
        headers["X-Forwarded-For"] = client
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(TENANCY_URL + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def page(title, body):
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>
<h1>{html.escape(title)}</h1>{body}</html>"""


LOGIN = """<form method="post" action="/login">
<label>Tenant <input name="tenant" required></label>
<label>E-mail <input name="email" type="email" required></label>
<label>Password <input name="password" type="password" required></label>
<button>Sign in</button></form>
<h2>Invited?</h2>
<form method="post" action="/setup">
<label>Setup token <input name="setup_token" required></label>
<label>New password <input name="password" type="password" required></label>
<button>Set password</button></form>"""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        session = self.session()
        if not session:
            return self.show(200, page("Sign in", LOGIN))
        try:
            return self.show(200, self.home(session))
        except urllib.error.HTTPError as error:
            return self.signed_out(error)

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        form = dict(urllib.parse.parse_qsl(self.rfile.read(length).decode()))
        if self.path == "/login":
            body = {"email": form.get("email"), "password": form.get("password")}
            return self.sign_in("login", body, tenant=form.get("tenant"))
        if self.path == "/setup":
            return self.sign_in("setup", {name: form.get(name) for name in ("setup_token", "password")})
        session = self.session()
        if not session or not secrets.compare_digest(form.get("csrf", ""), session.csrf):
            return self.show(403, page("Not allowed", "Go back and try again."))
        try:
            if self.path == "/users":
                body = {"email": form.get("email"), "role": form.get("role")}
                session.invited = session.call("POST", "/api/v1/users", body)
            elif self.path == "/logout":
                session.call("POST", "/api/v1/auth/logout")
                sessions.pop(self.cookie(), None)
        except urllib.error.HTTPError as error:
            if error.code == 401:
                return self.signed_out(error)
            return self.show(error.code, page("Not done", html.escape(json.load(error)["detail"])))
        return self.redirect()

    def sign_in(self, how, body, tenant=None):
        try:
            client = self.client_address[0]
            signed_in = call("POST", f"/api/v1/auth/{how}", body, tenant=tenant, client=client)
        except urllib.error.HTTPError as error:
            detail = html.escape(json.load(error)["detail"])
            return self.show(error.code, page("Sign in", f"<p role=alert>{detail}</p>{LOGIN}"))
        name = secrets.token_urlsafe(32)
        sessions[name] = Session(signed_in)
        return self.redirect(f"{COOKIE}={name}; Path=/; HttpOnly; SameSite=Strict")

    def home(self, session):
        user = session.call("GET", "/api/v1/profile")
        tenant = session.call("GET", "/api/v1/tenant/info")
        csrf = f'<input type="hidden" name="csrf" value="{session.csrf}">'
        body = f"""<p>{html.escape(user["email"])}, {user["role"]}</p>
<form method="post" action="/logout">{csrf}<button>Sign out</button></form>"""
        invited, session.invited = session.invited, None
        if invited:
            body += f"""<p>Give {html.escape(invited["email"])} this setup token, which is shown once:
<code>{html.escape(invited["setup_token"])}</code></p>"""
        if user["role"] == "admin":
            rows = session.call("GET", "/api/v1/users")["items"]
            listed = "".join(f"<li>{html.escape(row['email'])}, {row['role']}</li>" for row in rows)
            body += f"""<h2>Users</h2><ul>{listed}</ul>
<form method="post" action="/users">{csrf}<input name="email" type="email" required>
<select name="role"><option>user<option>viewer<option>admin</select><button>Invite</button></form>"""
        return page(tenant["name"], body)

    def cookie(self):
        cookies = http.cookies.SimpleCookie(self.headers.get("Cookie", ""))
        return cookies[COOKIE].value if COOKIE in cookies else ""

    def session(self):
        return sessions.get(self.cookie())

    def signed_out(self, error):
        if error.code != 401:
            detail = html.escape(json.load(error)["detail"])
            return self.show(error.code, page("Not now", detail))
        sessions.pop(self.cookie(), None)
        return self.show(401, page("You are signed out", LOGIN))

    def redirect(self, cookie=None):
        self.send_response(303)
        self.send_header("Location", "/")
        self.send_header("Content-Length", "0")
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()

    def show(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", "default-src 'none'; form-action 'self'")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 9003))), Handler).serve_forever()
