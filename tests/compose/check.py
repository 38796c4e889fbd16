"""Checks the running stack of compose.yaml.

usage: check.py ENV_FILE PROJECT SERVICES
"""

import asyncio
import json
import pathlib
import re
import ssl
import subprocess
import sys
import time

import asyncpg
import httpx

settings = dict(line.split("=", 1) for line in pathlib.Path(sys.argv[1]).read_text().splitlines())
project, services = sys.argv[2:]
service = f"http://127.0.0.1:{settings['TENANCY_PORT']}"
proxy = f"https://localhost:{settings['PROXY_PORT']}"
admin = {"Authorization": f"Bearer {settings['ADMIN_API_KEY']}"}


def check(name, condition, detail=""):
    if not condition:
        sys.exit(f"FAILED: {name} {detail}")
    print(f"ok    {name}")


def podman(*arguments):
    output = subprocess.run(["podman", *arguments], capture_output=True, text=True)
    return output.returncode, output.stdout + output.stderr


def container(name):
    labels = ("--filter", f"label=com.docker.compose.project={project}")
    labels += ("--filter", f"label=com.docker.compose.service={name}")
    return podman("ps", "--all", "--quiet", *labels)[1].split()[0]


def retry(action, seconds=60):
    """Returns the first true result of an action."""
    end = time.monotonic() + seconds
    while True:
        try:
            if result := action():
                return result
        except httpx.TransportError:
            pass
        if time.monotonic() > end:
            return None
        time.sleep(0.5)


# The self-signed certificate of this stack, which no authority has signed.
certificate = podman("exec", container("proxy"), "cat", "/certificates/tls.crt")[1]
trusted = ssl.create_default_context(cadata=certificate)
client = httpx.Client(verify=trusted)

# The README's examples. The operator's call does not pass the proxy, the users' calls do.
create, authenticate, use_token = re.findall(r"```python\n(.*?)```", pathlib.Path("README.md").read_text(), re.S)


class Https:
    """The module httpx for the examples, with the certificate of this stack."""

    get, post = client.get, client.post


scope = {}
exec(create.replace("http://localhost:8002", service).replace("YOUR_ADMIN_KEY", settings["ADMIN_API_KEY"]), scope)
tenant = scope["response"].json()
check("README: create a tenant", scope["response"].status_code == 201, scope["response"].text)
setup = client.post(f"{proxy}/api/v1/auth/setup", json={"setup_token": tenant["setup_token"], "password": "a good password"})
owner = {"Authorization": f"Bearer {setup.json()['access_token']}"}
user = client.post(f"{proxy}/api/v1/users", headers=owner, json={"email": "user@acme.com", "password": "secure_password"})
check("README: create a user", user.status_code == 201, user.text)
scope = {"httpx": Https}
exec(authenticate.replace("http://localhost:8002", proxy), scope)
check("README: authenticate a user", scope["response"].status_code == 200, scope["response"].text)
scope["access_token"] = scope["response"].json()["access_token"]
exec(use_token.replace("http://localhost:8002", proxy), scope)
check("README: use the API", scope["response"].json()["email"] == "user@acme.com", scope["response"].text)

# TLS and the proxy.
check("TLS", client.get(f"{proxy}/health").status_code == 200)
for path in ("/admin/tenants", "/metrics"):
    check(f"the proxy does not forward {path}", client.get(f"{proxy}{path}", headers=admin).status_code == 404)
upload = client.put(f"{proxy}/api/v1/files/a/b.bin", headers=owner, content=b"x" * 3_000_000)
check("a file of 3 MB passes the proxy", upload.status_code == 201, upload.text)
large = client.post(f"{proxy}/api/v1/auth/login", content=b"x" * 2_000_000)
check("a large body is refused by the proxy", large.status_code == 413)

# Hosts and names of tenants: the proxy's headers are trusted.
host = {"Host": "acme.localhost.localdomain"}
login = client.post(f"{proxy}/api/v1/auth/login", headers=host, json={"email": "user@acme.com", "password": "secure_password"})
check("a subdomain names the tenant", login.status_code == 200, login.text)

# Mail.
invited = client.post(f"{proxy}/api/v1/users", headers=owner, json={"email": "invited@acme.com"}).json()
check("an invitation is mailed", invited.get("is_mailed") and "setup_token" not in invited, json.dumps(invited))


def sent():
    events = client.get(f"{proxy}/api/v1/tenant/audit", headers=owner, params={"event": "mail.sent"}).json()["items"]
    return [event for event in events if event["detail"]["purpose"] == "invitation"]


check("the mail server accepts the invitation", retry(sent))

# Containers.
for name, user_id in (("tenancy", "65532"), ("pgbouncer", "65532"), ("mail", "65532")):
    check(f"{name} is not root", podman("exec", container(name), "id", "-u")[1].strip() == user_id)
    status, said = podman("exec", container(name), "sh", "-c", "echo >/test")
    check(f"{name} has a read-only root", status != 0, said)
check("the health check succeeds", podman("healthcheck", "run", container("tenancy"))[0] == 0)
secrets = [value for name, value in settings.items() if name.endswith(("PASSWORD", "KEY", "TOKEN"))]
processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
check("no process list has a secret", not any(secret in processes for secret in secrets))
for name in ("tenancy", "proxy", "redis", "postgres", "pgbouncer", "mail", "prometheus"):
    log = podman("logs", container(name))[1]
    check(f"the log of {name} has no secret", not any(secret in log for secret in secrets))

# A database credential through PgBouncer.
key = client.post(f"{proxy}/api/v1/api-keys", headers=owner, json={"name": "Notes", "scopes": ["database:owner"]}).json()
path = f"{proxy}/api/v1/tenant/database/credentials"
credential = client.post(path, headers={"Authorization": f"Bearer {key['api_key']}"}, json={"access": "owner"})
check("a database credential", credential.status_code == 201, credential.text)


async def query(url):
    connection = await asyncpg.connect(url.split("?")[0], statement_cache_size=0, ssl=False)
    await connection.execute("CREATE TABLE app.notes (body text)")
    await connection.execute("INSERT INTO app.notes VALUES ('kept')")
    return await connection.fetchval("SELECT body FROM app.notes")


url = credential.json()["url"]
check("its address is PgBouncer's", f":{settings['PGBOUNCER_PORT']}/" in url)
check("an application uses it through PgBouncer", asyncio.run(query(url)) == "kept")

# Monitoring.
prometheus = f"http://127.0.0.1:{settings['PROMETHEUS_PORT']}/api/v1"


def samples(expression):
    return httpx.get(f"{prometheus}/query", params={"query": expression}).json()["data"]["result"]


check("Prometheus scrapes the service", retry(lambda: samples("up{job='tenancy'} == 1")))
check("Prometheus has metrics", retry(lambda: samples("tenancy_http_requests_total")))
rules = httpx.get(f"{prometheus}/rules").json()["data"]["groups"]
check("Prometheus has the alert rules", any(rule["name"] == "TenancyDown" for rule in rules[0]["rules"]), json.dumps(rules))
if "grafana" not in services:
    print("skip  Grafana (not started)")
else:
    grafana = httpx.Client(base_url=f"http://127.0.0.1:{settings['GRAFANA_PORT']}", auth=("admin", settings["GRAFANA_PASSWORD"]))
    check("Grafana has the dashboard", retry(lambda: grafana.get("/api/dashboards/uid/tenancy").status_code == 200))
    check("Grafana reaches Prometheus", grafana.get("/api/datasources/uid/prometheus/health").json()["status"] == "OK")

# A restart of the service keeps files and sessions.
podman("restart", container("tenancy"))
healthy = retry(lambda: httpx.get(f"{service}/health").status_code == 200)
check("the service restarts", healthy)


def download():
    answer = client.get(f"{proxy}/api/v1/files/a/b.bin", headers=owner)
    return answer.status_code == 200 and answer.content


check("files and sessions outlive a restart", retry(download) == b"x" * 3_000_000)
print("compose.yaml works")
