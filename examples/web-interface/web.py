#!/usr/bin/env python3
"""A web interface: sign in, choose a password, see your profile, set up passkeys and second factors. Administrators invite
users.

The browser gets a cookie and never a token. The tokens stay on this server, where no script of a page can read them.
The server runs behind a proxy that adds TLS. Run it with:

    TENANCY_URL=http://127.0.0.1:8002 PORT=9003 ./web.py

Without TLS, set INSECURE_COOKIES=1 so that browsers on other machines accept the cookie. README.md has the details.
"""

import http.cookies
import json
import os
import pathlib
import re
import secrets
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pages
from sessions import Challenge, MailedSignIn, Session, Sessions
from tenancy import Refused, SignedOut, Unavailable, call

INSECURE = os.environ.get("INSECURE_COOKIES") == "1"
# With this prefix a browser accepts a cookie only over TLS and only from this host.
PREFIX = "" if INSECURE else "__Host-"
COOKIE = f"{PREFIX}session"
# Before there is a session, forms carry the same value as this cookie.
FORM_COOKIE = f"{PREFIX}form"
# It names the sign-in that waits for its second factor. The challenge itself stays on the server.
CHALLENGE_COOKIE = f"{PREFIX}challenge"
# It names the sign-in that waits for the code of a message.
MAILED_COOKIE = f"{PREFIX}mailed"
ATTRIBUTES = "Path=/; HttpOnly; SameSite=Strict" + ("" if INSECURE else "; Secure")
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
MAX_BODY = 16 * 1024
# A code of a second factor, or a recovery code.
MAX_CODE = 64
MAX_FORWARDED = 1_000

FOLDER = pathlib.Path(__file__).resolve().parent / "static"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
# All files that this server serves.
FILES = [file for file in FOLDER.iterdir() if file.suffix in TYPES]
STATIC = {f"/static/{file.name}": (file.read_bytes(), TYPES[file.suffix]) for file in FILES}

HEADERS = {
    "Cache-Control": "no-store",
    # Scripts and styles of this server only. Scripts cannot send requests, and forms lead to this server.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

# The pages of links, and the endpoints for their tokens.
LINKS = {
    "/set-password": (pages.INVITATION, "/api/v1/auth/setup"),
    "/reset-password": (pages.RESET, "/api/v1/account/password-reset/confirm"),
}

# The pages of links that need only a confirmation.
CONFIRMATIONS = {
    "/sign-in": (pages.SIGN_IN, "/api/v1/account/sign-in/confirm"),
    "/change-address": (pages.CHANGE_ADDRESS, "/api/v1/account/address/confirm"),
    "/restore-address": (pages.RESTORE_ADDRESS, "/api/v1/account/address/object"),
    "/tenants": (pages.TENANTS, "/api/v1/account/tenant-list/confirm"),
}
# The forms for the address of an account.
FORMS = {
    "/forgot-password": pages.forgot_password,
    "/sign-in-by-mail": pages.sign_in_by_mail,
    "/find-tenants": pages.find_tenants,
}
PASSKEYS = "/api/v1/account/passkeys"
SECOND_FACTOR = PASSKEYS + "/second-factor"

sessions = Sessions()
challenges = Sessions()
mailed = Sessions()


def equal(one, other):
    return secrets.compare_digest(one.encode(), other.encode())


def account_of(form):
    """Returns what is the same for each sign-in to an account."""
    return form.get("tenant", "").lower(), form.get("email", "").strip().lower()


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
            body = pages.page("Unavailable", pages.alert("Tenancy does not respond. Try again later."))
            self.show(503, body, {"Retry-After": "5"})
        except SignedOut:
            sessions.remove(self.cookie(COOKIE))
            self.show_login(401, "You are signed out.")
        except Refused as error:
            headers = {"Retry-After": error.retry_after} if error.retry_after else None
            self.show(error.status, pages.page("Request failed", pages.problem(error)), headers)

    def get(self):
        path = self.path.partition("?")[0]
        if path in STATIC:
            return self.send(200, *STATIC[path])
        if path in LINKS:
            return self.show_choose_password(200, LINKS[path][0])
        if path in CONFIRMATIONS:
            return self.show_confirmation(200, CONFIRMATIONS[path][0])
        if path in FORMS:
            return self.show_account(200, FORMS[path])
        if path != "/":
            return self.not_found()
        session = self.session()
        return self.show_home(200, session) if session else self.show_login(200)

    def post(self):
        form = self.form()
        if form is None:
            return None
        public = ("/login", "/passkey", "/passkey/confirm", *FORMS, *LINKS, *CONFIRMATIONS)
        if self.path in public:
            return self.begin_sign_in(form)
        if self.path in ("/code", "/code/passkey"):
            return self.answer(form)
        if self.path == "/mailed-code":
            return self.use_code(form)
        session = self.session()
        if not session or not equal(form.get("csrf", ""), session.csrf):
            return self.show(403, pages.page("Not allowed", "<p>Go back and try again.</p>"))
        if self.path == "/logout":
            return self.sign_out(session)
        if self.path in ("/proof", "/proof/passkey"):
            return self.prove(session, form)
        if self.path not in CHANGES:
            return self.not_found()
        return self.change(session, self.path, form)

    # Signing in.

    def begin_sign_in(self, form):
        # Otherwise another site could sign a browser in to an account of its own.
        expected = self.cookie(FORM_COOKIE)
        if not TOKEN.fullmatch(expected) or not equal(form.get("csrf", ""), expected):
            return self.show_login(403, "This form has expired. Try again.")
        if self.path in LINKS:
            return self.use_link(form, *LINKS[self.path])
        if self.path in CONFIRMATIONS:
            return self.confirm(form, *CONFIRMATIONS[self.path])
        if self.path == "/find-tenants":
            return self.find_tenants(form)
        tenant = form.get("tenant", "")
        # Other text is never part of a header.
        if not re.fullmatch(r"[A-Za-z0-9-]{1,63}", tenant):
            return self.show_login(404, "The tenant does not exist.", given=form)

        def refuse(error):
            given = {"tenant": tenant, "email": form.get("email", "")}
            if self.path in FORMS:
                return self.show_account(error.status, FORMS[self.path], error, given)
            return self.show_login(error.status, refused=error, given=given)

        if self.path == "/forgot-password":
            return self.request_link(form, tenant, refuse)
        if self.path == "/sign-in-by-mail":
            return self.request_sign_in(form, tenant, refuse)
        if self.path == "/passkey":
            return self.ask_for_passkey(form, tenant)
        if self.path == "/passkey/confirm":
            body = {"credential": credential(form)}
            return self.sign_in("/api/v1/account/passkeys/sign-in/confirm", body, refuse, account_of(form), tenant)
        body = {"email": form.get("email"), "password": form.get("password")}
        return self.sign_in("/api/v1/auth/login", body, refuse, account_of(form), tenant)

    def ask_for_passkey(self, form, tenant):
        try:
            begun = call("POST", "/api/v1/account/passkeys/sign-in", tenant=tenant, client=self.client())
        except Refused as error:
            return self.show_login(error.status, refused=error, given=form)
        return self.show_form(200, lambda csrf: pages.passkey_sign_in(csrf, tenant, begun))

    def request_link(self, form, tenant, refuse):
        path, body = "/api/v1/account/password-reset", {"email": form.get("email")}
        try:
            sent = call("POST", path, body, tenant=tenant, client=self.client())
        except Refused as error:
            return refuse(error)
        return self.show(200, pages.link_sent(sent["expires_in"] // 60))

    def find_tenants(self, form):
        try:
            sent = call("POST", "/api/v1/account/tenant-list", {"email": form.get("email")}, client=self.client())
        except Refused as error:
            return self.show_account(error.status, pages.find_tenants, error, {"email": form.get("email", "")})
        return self.show(200, pages.link_sent(sent["expires_in"] // 60))

    def request_sign_in(self, form, tenant, refuse):
        path, body = "/api/v1/account/sign-in", {"email": form.get("email")}
        try:
            asked = call("POST", path, body, tenant=tenant, client=self.client())
        except Refused as error:
            return refuse(error)
        waiting = MailedSignIn(asked, account_of(form))
        cookie = f"{MAILED_COOKIE}={mailed.add(waiting)}; {ATTRIBUTES}"
        return self.show(200, pages.mailed_code(waiting.csrf), {"Set-Cookie": cookie})

    def use_code(self, form):
        waiting = mailed.get(self.cookie(MAILED_COOKIE))
        if not waiting or not equal(form.get("csrf", ""), waiting.csrf):
            return self.show_login(403, "This form has expired. Sign in again.")
        body = {"request": waiting.request, "code": form.get("code", "")[:MAX_CODE]}

        def refuse(error):
            return self.show(error.status, pages.mailed_code(waiting.csrf, error))

        return self.sign_in("/api/v1/account/sign-in/confirm", body, refuse, waiting.owner)

    def confirm(self, form, chosen, path):
        body = {"token": form.get("token")}

        def refuse(error):
            return self.show_confirmation(error.status, chosen, error)

        if chosen is pages.SIGN_IN:
            return self.sign_in(path, body, refuse, form.get("token"))
        try:
            answer = call("POST", path, body, client=self.client())
        except Refused as error:
            return refuse(error)
        if chosen is pages.TENANTS:
            return self.show(200, pages.tenants(answer))
        if chosen is pages.RESTORE_ADDRESS:
            message = f"You receive a link for a new password. It is valid for {answer['expires_in'] // 60} minutes."
            return self.show(200, pages.done("Your former address is restored", message))
        return self.show(200, pages.done("Your address is changed", "Sign in with the new address from now on."))

    def use_link(self, form, chosen, path):
        token = form.get(chosen["token"])

        def refuse(error):
            # After the refusal of a password the token is still valid.
            kept = token if chosen["password"] in error.errors else None
            return self.show_choose_password(error.status, chosen, error, kept)

        body = {chosen["token"]: token, chosen["password"]: form.get(chosen["password"])}
        return self.sign_in(path, body, refuse, token)

    def sign_in(self, path, body, refuse, account, tenant=None):
        """Signs in. `account` is the same for each challenge of an account."""
        try:
            return self.begin(call("POST", path, body, tenant=tenant, client=self.client()))
        except Refused as error:
            return self.ask_for_code(error, account) if error.challenge else refuse(error)

    def ask_for_code(self, error, account):
        challenge = Challenge(error.challenge, account)
        if error.code == "second_factor_enrollment_required":
            body = {"challenge": challenge.token}
            challenge.factor = call("POST", "/api/v1/auth/second-factor/enrollment", body, client=self.client())
            challenge.passkey = self.passkey_options(SECOND_FACTOR + "/enrollment", body)
        elif "passkey" in error.second_factors:
            challenge.passkey = self.passkey_options(SECOND_FACTOR, {"challenge": challenge.token})
        cookie = f"{CHALLENGE_COOKIE}={challenges.add(challenge)}; {ATTRIBUTES}"
        self.show(401, pages.second_factor(challenge, error), {"Set-Cookie": cookie})

    def passkey_options(self, path, body):
        """Returns the options for a passkey, or None if it is not possible. There is another way, so this is no failure."""
        try:
            return call("POST", path, body, client=self.client())
        except Refused:
            return None

    def answer(self, form):
        challenge = challenges.get(self.cookie(CHALLENGE_COOKIE))
        if not challenge or not equal(form.get("csrf", ""), challenge.csrf):
            return self.show_login(403, "This form has expired. Sign in again.")
        body = {"challenge": challenge.token}
        if self.path == "/code":
            path, body["code"] = "/api/v1/auth/second-factor", form.get("code", "")[:MAX_CODE]
        else:
            path = SECOND_FACTOR + ("/enrollment/confirm" if challenge.factor else "/confirm")
            body["credential"] = credential(form)
        try:
            signed_in = call("POST", path, body, client=self.client())
        except Refused as error:
            if error.code in ("invalid_second_factor", "invalid_passkey", "validation_failed", "too_many_attempts"):
                return self.show(error.status, pages.second_factor(challenge, error))
            challenges.remove(self.cookie(CHALLENGE_COOKIE))
            return self.show_login(error.status, refused=error)
        challenges.remove(self.cookie(CHALLENGE_COOKIE))
        return self.begin(signed_in)

    def begin(self, signed_in):
        # End a previous session, so that it cannot be used after the sign-in.
        sessions.remove(self.cookie(COOKIE))
        mailed.remove(self.cookie(MAILED_COOKIE))
        return self.redirect(f"{COOKIE}={sessions.add(Session(signed_in))}; {ATTRIBUTES}")

    def sign_out(self, session):
        try:
            session.call("POST", "/api/v1/auth/logout", client=self.client())
        except SignedOut:
            # The session has already ended.
            pass
        except Unavailable:
            # Without the session, the person could not end it later.
            return self.show(503, pages.still_signed_in(session.csrf), {"Retry-After": "5"})
        except Refused as error:
            headers = {"Retry-After": error.retry_after} if error.retry_after else None
            return self.show(error.status, pages.still_signed_in(session.csrf, error), headers)
        sessions.remove(self.cookie(COOKIE))
        return self.redirect(f"{COOKIE}=; Max-Age=0; {ATTRIBUTES}")

    # Changes by a signed-in user.

    def change(self, session, path, form):
        """Makes a change. If it needs a proof of identity, it waits for the proof."""
        try:
            CHANGES[path](session, form, lambda *request: session.call(*request, client=self.client()))
        except Refused as error:
            if error.code == "recent_sign_in_required":
                session.pending = (path, form)
                return self.show_proof(401, session)
            return self.show_home(error.status, session, error)
        return self.redirect()

    def prove(self, session, form):
        body = {name: form[name][:MAX_BODY] for name in ("code", "password") if name in form}
        path = "/api/v1/auth/recent-sign-in"
        if self.path == "/proof/passkey":
            path, body = PASSKEYS + "/recent-sign-in/confirm", {"credential": credential(form)}
        try:
            session.call("POST", path, body, client=self.client())
        except Refused as error:
            return self.show_proof(error.status, session, error)
        pending, session.pending = session.pending, None
        return self.change(session, *pending) if pending else self.redirect()

    # Requests.

    def client(self):
        """Returns the addresses of the client: those that the proxies report, and the one that this server sees."""
        forwarded = self.headers.get("X-Forwarded-For", "")[-MAX_FORWARDED:]
        return ", ".join(filter(None, [forwarded, self.client_address[0]]))

    def form(self):
        """Returns the fields of a form, or None if it is refused."""
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_BODY:
            # The body is not read, so the connection cannot be reused.
            self.close_connection = True
            message = pages.alert("The form is too long.")
            self.show(413 if length > MAX_BODY else 411, pages.page("Request failed", message))
            return None
        try:
            text = self.rfile.read(length).decode()
            return dict(urllib.parse.parse_qsl(text, max_num_fields=20))
        except ValueError:
            self.show(400, pages.page("Request failed", pages.alert("The form cannot be read.")))
            return None

    def cookie(self, name):
        try:
            cookies = http.cookies.SimpleCookie(self.headers.get("Cookie", ""))
        except http.cookies.CookieError:
            return ""
        return cookies[name].value if name in cookies else ""

    def session(self):
        return sessions.get(self.cookie(COOKIE))

    # Responses.

    def show_home(self, status, session, refused=None):
        def get(path):
            return session.call("GET", path, client=self.client())

        user, tenant = get("/api/v1/profile"), get("/api/v1/tenant/info")
        owned, passkeys = get("/api/v1/profile/second-factors"), get(PASSKEYS)
        listed = get("/api/v1/users")["items"] if user["role"] == "admin" else None
        self.show(status, pages.home(session, user, tenant, owned, passkeys, listed, refused))

    def show_proof(self, status, session, refused=None):
        owned = session.call("GET", "/api/v1/profile/second-factors", client=self.client())
        email = session.signed_in["user"]["email"]
        try:
            begun = session.call("POST", PASSKEYS + "/recent-sign-in", client=self.client())
        except Refused:
            # The user has no passkey, or too many have been asked for. There is another way.
            begun = None
        has_factor = bool(owned["items"]) or begun is not None
        self.show(status, pages.proof(session.csrf, email, has_factor, begun, refused))

    def show_login(self, status, message=None, refused=None, given=None):
        self.show_form(status, lambda csrf: pages.login(csrf, message, refused, given))

    def show_account(self, status, written, refused=None, given=None):
        self.show_form(status, lambda csrf: written(csrf, refused, given))

    def show_confirmation(self, status, chosen, refused=None):
        self.show_form(status, lambda csrf: pages.confirm(csrf, chosen, refused))

    def show_choose_password(self, status, chosen, refused=None, token=None):
        self.show_form(status, lambda csrf: pages.choose_password(csrf, chosen, refused, token))

    def show_form(self, status, written):
        """Shows a form for visitors without a session."""
        csrf = self.cookie(FORM_COOKIE)
        if not TOKEN.fullmatch(csrf):
            csrf = secrets.token_urlsafe(32)
        self.show(status, written(csrf), {"Set-Cookie": f"{FORM_COOKIE}={csrf}; {ATTRIBUTES}"})

    def not_found(self):
        self.show(404, pages.page("Not found", "<p>This page does not exist.</p>"))

    def redirect(self, cookie=None):
        """Leads to the first page, and never to an address of a request."""
        headers = {"Location": "/"} | ({"Set-Cookie": cookie} if cookie else {})
        self.send(303, b"", headers=headers)

    def show(self, status, page, headers=None):
        self.send(status, page.encode(), "text/html; charset=utf-8", headers)

    def send(self, status, body, media_type=None, headers=None):
        self.send_response(status)
        if media_type:
            self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (HEADERS | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def invite(session, form, send):
    session.invited = send("POST", "/api/v1/users", {"email": form.get("email"), "role": form.get("role")})


def change_address(session, form, send):
    send("POST", "/api/v1/account/address", {"new_email": form.get("new_email")})
    session.new_email = form.get("new_email")


def begin_factor(session, form, send):
    body = {"name": form["name"]} if form.get("name") else {}
    session.factor = send("POST", "/api/v1/profile/second-factors", body)


def confirm_factor(session, form, send):
    if session.factor:
        path = f"/api/v1/profile/second-factors/{session.factor['id']}/confirm"
        confirmed = send("POST", path, {"code": form.get("code", "")[:MAX_CODE]})
        session.factor, session.recovery_codes = None, confirmed["recovery_codes"]


def remove_factor(session, form, send):
    factor = urllib.parse.quote(form.get("id", ""), safe="")
    send("DELETE", f"/api/v1/profile/second-factors/{factor}")


def credential(form):
    """Returns the response of an authenticator in a form, which Tenancy verifies."""
    try:
        return json.loads(form.get("credential", ""))
    except ValueError:
        return None


def begin_passkey(session, form, send):
    session.passkey = send("POST", PASSKEYS + "/registration")


def confirm_passkey(session, form, send):
    session.passkey = None
    body = {"credential": credential(form), "name": form.get("name") or "Passkey"}
    confirmed = send("POST", PASSKEYS + "/registration/confirm", body)
    session.recovery_codes = confirmed["recovery_codes"]


def remove_passkey(session, form, send):
    passkey = urllib.parse.quote(form.get("id", ""), safe="")
    send("DELETE", f"{PASSKEYS}/{passkey}")


def replace_recovery_codes(session, form, send):
    session.recovery_codes = send("POST", "/api/v1/profile/recovery-codes")["recovery_codes"]


CHANGES = {
    "/users": invite,
    "/address": change_address,
    "/factor": begin_factor,
    "/factor/confirm": confirm_factor,
    "/factor/remove": remove_factor,
    "/recovery-codes": replace_recovery_codes,
    "/passkeys": begin_passkey,
    "/passkeys/confirm": confirm_passkey,
    "/passkeys/remove": remove_passkey,
}


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 9003))), Handler).serve_forever()
