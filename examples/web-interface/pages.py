"""The pages. Every value in them is escaped."""

import html
import json

try:
    # It draws QR codes on this server, so no other service sees the secret of an authenticator.
    import segno
except ImportError:
    segno = None

ROLES = ("user", "viewer", "admin")
# The pages of links that lead to a new password, with the names of their fields in the API.
INVITATION = {
    "title": "Set your password",
    "action": "/set-password",
    "token": "setup_token",
    "label": "Token of the invitation",
    "password": "password",
}
RESET = {
    "title": "Choose a new password",
    "action": "/reset-password",
    "token": "token",
    "label": "Token of the message",
    "password": "new_password",
}
# The pages of links that need only a confirmation. A program that opens links does not send their form.
SIGN_IN = {"title": "Sign in", "action": "/sign-in", "button": "Sign in", "explained": ""}
TENANTS = {
    "title": "Your accounts",
    "action": "/tenants",
    "button": "Show",
    "explained": "See where the address that received the message has an account.",
}
CHANGE_ADDRESS = {
    "title": "Confirm your new address",
    "action": "/change-address",
    "button": "Confirm",
    "explained": "Your account gets the address that received the message.",
}
RESTORE_ADDRESS = {
    "title": "Object to the new address",
    "action": "/restore-address",
    "button": "Object",
    "explained": "Your account gets this address back. All sessions and the password end, and you receive a link for "
    "a new password.",
}


def text(value):
    return html.escape(str(value))


def page(title, body, scripts=()):
    loaded = "".join(f'<script src="/static/{script}"></script>' for script in scripts)
    return f"""<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{text(title)}</title>
<link rel="stylesheet" href="/static/style.css">{loaded}
<main><h1>{text(title)}</h1>{body}</main></html>"""


def alert(message):
    return f'<p role="alert">{text(message)}</p>' if message else ""


def problem(refused):
    """Returns the text of a problem, with the message of each invalid field."""
    if not refused:
        return ""
    fields = "".join(f"<li>{text(name)}: {text(message)}</li>" for name, message in refused.errors.items())
    return f'<div role="alert"><p>{text(refused.detail)}</p>{f"<ul>{fields}</ul>" if fields else ""}</div>'


def form(action, csrf, fields, button):
    return f"""<form method="post" action="{action}"><input type="hidden" name="csrf" value="{csrf}">
{fields}<p><button>{text(button)}</button></p></form>"""


def field(name, label, refused=None, **attributes):
    """Returns a labelled field. `refused` is the problem of its last value."""
    message = refused.errors.get(name) if refused else None
    if message:
        attributes |= {"aria-invalid": "true", "aria-describedby": f"{name}-error"}
    attributes = {"id": name, "name": name, "required": "", **attributes}
    written = " ".join(f'{key.replace("_", "-")}="{text(value)}"' for key, value in attributes.items())
    error = f'<p class="error" id="{name}-error">{text(label)} {text(message)}</p>' if message else ""
    return f'<div class="field"><label for="{attributes["id"]}">{text(label)}</label><input {written}>{error}</div>'


def hidden(name, value):
    return f'<input type="hidden" name="{name}" value="{text(value)}">'


def passkey(action, csrf, begun, button, fields=""):
    """Returns a form whose button uses a passkey. `begun` is the response of Tenancy with the options for the browser."""
    options = begun["public_key"]
    kind = "create" if "rp" in options else "get"
    return f"""<form method="post" action="{action}" data-passkey="{kind}" data-options="{text(json.dumps(options))}">
<input type="hidden" name="csrf" value="{csrf}"><input type="hidden" name="credential">
{fields}<p><button type="button" hidden>{text(button)}</button></p></form>"""


def code(refused=None, label="Code"):
    return field("code", label, refused, autocomplete="one-time-code", autocapitalize="none", spellcheck="false")


def login(csrf, message=None, refused=None, given=None):
    given = given or {}
    fields = field("tenant", "Tenant", value=given.get("tenant", ""), autocapitalize="none")
    fields += field("email", "E-mail", refused, value=given.get("email", ""), type="email", autocomplete="username")
    fields += field("password", "Password", refused, type="password", autocomplete="current-password")
    # Only the tenant is necessary for a passkey.
    fields += '<p><button>Sign in</button> <button formaction="/passkey" formnovalidate>Use a passkey</button></p>'
    body = alert(message) + problem(refused)
    body += f"""<form method="post" action="/login"><input type="hidden" name="csrf" value="{csrf}">{fields}</form>"""
    body += '<p><a href="/sign-in-by-mail">Get a link or a code by mail</a></p>'
    body += '<p><a href="/forgot-password">Forgot your password?</a></p>'
    body += '<p><a href="/find-tenants">Where do you have an account?</a></p>'
    return page("Sign in", body + '<p><a href="/set-password">Use an invitation</a></p>')


def link_token(name, label, refused=None):
    # The script takes the token from the link. Without a script, the user enters it.
    return field(name, label, refused, autocomplete="off", spellcheck="false", data_token="")


def confirm(csrf, chosen, refused=None):
    """Asks for a confirmation with the token of a link."""
    explained = f'<p>{text(chosen["explained"])}</p>' if chosen["explained"] else ""
    fields = link_token("token", "Token of the message", refused)
    body = problem(refused) + explained + form(chosen["action"], csrf, fields, chosen["button"])
    return page(chosen["title"], body, ["link.js"])


def passkey_sign_in(csrf, tenant, begun, refused=None):
    body = problem(refused) + passkey("/passkey/confirm", csrf, begun, "Continue", hidden("tenant", tenant))
    return page("Sign in with a passkey", body + '<p><a href="/">Use a password</a></p>', ["passkey.js"])


def choose_password(csrf, chosen, refused=None, token=None):
    """Asks for a new password. `token` is the token of the link, if only the password was refused."""
    if token:
        fields = hidden(chosen["token"], token)
    else:
        fields = link_token(chosen["token"], chosen["label"], refused)
    fields += field(chosen["password"], "New password", refused, type="password", autocomplete="new-password")
    return page(chosen["title"], problem(refused) + form(chosen["action"], csrf, fields, "Set password"), ["link.js"])


def account(action, title, button, csrf, refused=None, given=None):
    """Asks for the address of an account."""
    given = given or {}
    fields = field("tenant", "Tenant", value=given.get("tenant", ""), autocapitalize="none")
    fields += field("email", "E-mail", refused, value=given.get("email", ""), type="email", autocomplete="username")
    return page(title, problem(refused) + form(action, csrf, fields, button))


def forgot_password(csrf, refused=None, given=None):
    return account("/forgot-password", "Forgot your password?", "Send a link", csrf, refused, given)


def sign_in_by_mail(csrf, refused=None, given=None):
    return account("/sign-in-by-mail", "Sign in by mail", "Send a message", csrf, refused, given)


def find_tenants(csrf, refused=None, given=None):
    given = given or {}
    fields = field("email", "E-mail", refused, value=given.get("email", ""), type="email", autocomplete="username")
    body = problem(refused) + form("/find-tenants", csrf, fields, "Send a link")
    return page("Where do you have an account?", body)


def tenants(found):
    """Lists the tenants of a person. `found` is the response of Tenancy."""
    rows = "".join(f'<li>{text(one["name"])}: sign in to {text(one["slug"])}</li>' for one in found["tenants"])
    return page("Your accounts", f'<ul>{rows}</ul><p><a href="/">Sign in</a></p>')


def mailed_code(csrf, refused=None):
    """Asks for the code in a message. The text is the same whether the account exists or not."""
    message = "If there is an account with this address, a message has a link and a code. They are valid for 10 minutes."
    body = f'<p role="status">{message}</p>' + problem(refused) + form("/mailed-code", csrf, code(refused), "Sign in")
    return page("Look into your mailbox", body + '<p><a href="/">Use another way</a></p>')


def done(title, message):
    return page(title, f'<p role="status">{text(message)}</p><p><a href="/">Continue</a></p>')


def link_sent(minutes):
    # The same text whether the account exists or not.
    message = f"If there is an account with this address, a message has a link. It is valid for {minutes} minutes."
    return page("Look into your mailbox", f'<p role="status">{message}</p><p><a href="/">Sign in</a></p>')


def new_factor(factor):
    """Shows the secret of an authenticator."""
    drawing = ""
    if segno:
        drawing = segno.make(factor["uri"], micro=False).svg_inline(scale=4, title="QR code for your authenticator")
    return f"""<p>Add this key to your authenticator app, and enter the code that it shows.</p>{drawing}
<p><a href="{text(factor["uri"])}">Open the authenticator on this device</a></p>
<p>Key: <code id="secret">{text(factor["secret"])}</code></p>"""


def second_factor(challenge, refused=None):
    """Asks for the passkey or the code that a sign-in needs."""
    added = "<p>A recovery code replaces a lost authenticator or passkey.</p>"
    if challenge.factor:
        added = new_factor(challenge.factor)
    body = problem(refused)
    if challenge.passkey:
        button = "Create a passkey" if challenge.factor else "Use a passkey"
        body += passkey("/code/passkey", challenge.csrf, challenge.passkey, button)
    body += added + form("/code", challenge.csrf, code(refused), "Continue")
    return page("Second factor", body, ["passkey.js"])


def still_signed_in(csrf, refused=None):
    message = "You are still signed in: Tenancy has not ended your session. Try again."
    return page("Sign-out failed", alert(message) + problem(refused) + form("/logout", csrf, "", "Sign out"))


def proof(csrf, email, has_factor, begun=None, refused=None):
    """Asks for a proof of identity, which some changes need."""
    if has_factor:
        fields = code(refused, "Code of your authenticator, or a recovery code")
    else:
        # Password managers find the account by this field.
        fields = f'<input type="email" autocomplete="username" value="{text(email)}" hidden readonly>'
        fields += field("password", "Password", refused, type="password", autocomplete="current-password")
    explained = "<p>This change needs a proof that you are still the same person.</p>"
    body = problem(refused) + explained
    if begun:
        body += passkey("/proof/passkey", csrf, begun, "Use a passkey")
    return page("Confirm your identity", body + form("/proof", csrf, fields, "Continue"), ["passkey.js"])


def recovery_codes(codes):
    listed = "".join(f"<li><code>{text(one)}</code></li>" for one in codes)
    return f"""<h2>Recovery codes</h2>
<p>Keep these codes in a safe place. They are shown once. Each replaces a code of your authenticator once.</p>
<ul id="recovery-codes">{listed}</ul>
<p><button type="button" data-copy="recovery-codes" data-status="copied" hidden>Copy</button>
<span id="copied" role="status"></span></p>"""


def factors(session, owned, refused=None):
    """The section about second factors. `owned` is the response of Tenancy, which lists them."""
    csrf = session.csrf
    if session.factor:
        confirm = form("/factor/confirm", csrf, code(refused), "Confirm")
        return "<h2>Second factor</h2>" + new_factor(session.factor) + confirm
    rows = "".join(
        f'<li class="row"><span>{text(factor["name"])}</span>'
        + form("/factor/remove", csrf, hidden("id", factor["id"]), f'Remove {factor["name"]}')
        + "</li>"
        for factor in owned["items"]
    )
    body = f"<h2>Second factor</h2><ul>{rows}</ul>" if rows else "<h2>Second factor</h2>"
    name = field("name", "Name", refused, id="factor-name", value="Phone")
    body += form("/factor", csrf, name, "Set up an authenticator")
    if owned["items"]:
        body += f'<p>You have {owned["recovery_codes"]} unused recovery codes.</p>'
        body += form("/recovery-codes", csrf, "", "Replace the recovery codes")
    return body


def address(session, refused=None):
    """The section about the own address."""
    body = "<h2>Address</h2>"
    new_email, session.new_email = session.new_email, None
    if new_email:
        body += f'<p role="status">If no other account has it, {text(new_email)} receives a link.</p>'
    attributes = {"id": "new-email", "type": "email", "autocomplete": "email"}
    return body + form("/address", session.csrf, field("new_email", "New address", refused, **attributes), "Change")


def passkeys(session, owned):
    """The section about passkeys. `owned` is the response of Tenancy, which lists them."""
    body = "<h2>Passkeys</h2>"
    if session.passkey:
        name = field("name", "Name", id="passkey-name", value="This device")
        return body + passkey("/passkeys/confirm", session.csrf, session.passkey, "Create the passkey", name)
    rows = "".join(
        f'<li class="row"><span>{text(one["name"])}</span>'
        + form("/passkeys/remove", session.csrf, hidden("id", one["id"]), f'Remove {one["name"]}')
        + "</li>"
        for one in owned["items"]
    )
    return body + (f"<ul>{rows}</ul>" if rows else "") + form("/passkeys", session.csrf, "", "Add a passkey")


def users(csrf, listed, refused=None):
    """The section of administrators."""
    rows = "".join(f"<li>{text(user['email'])}, {text(user['role'])}</li>" for user in listed)
    roles = "".join(f"<option>{role}" for role in ROLES)
    fields = field("email", "E-mail", refused, type="email", autocomplete="off")
    fields += f'<label for="role">Role</label><select id="role" name="role">{roles}</select>'
    return f"<h2>Users</h2><ul>{rows}</ul>" + form("/users", csrf, fields, "Invite")


def invitation(invited):
    if invited.get("is_mailed"):
        return f'<p role="status">{text(invited["email"])} receives an invitation by mail.</p>'
    return f"""<p role="status">Give {text(invited["email"])} this setup token, which is shown once:
<code>{text(invited["setup_token"])}</code></p>"""


def home(session, user, tenant, owned, owned_passkeys, listed, refused=None):
    """The page of a signed-in user. `listed` are the users of the tenant, for administrators."""
    body = f'<p>{text(user["email"])}, {text(user["role"])}</p>' + form("/logout", session.csrf, "", "Sign out")
    body += problem(refused)
    invited, session.invited = session.invited, None
    if invited:
        body += invitation(invited)
    codes, session.recovery_codes = session.recovery_codes, None
    if codes:
        body += recovery_codes(codes)
    body += address(session, refused)
    body += passkeys(session, owned_passkeys)
    body += factors(session, owned, refused)
    if listed is not None:
        body += users(session.csrf, listed, refused)
    return page(tenant["name"], body, ["copy.js", "passkey.js"])
