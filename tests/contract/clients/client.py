"""Uses the service with a client that openapi-python-client generated. Arguments: address, admin key."""

import sys
from http import HTTPStatus
from io import BytesIO

from generated import AuthenticatedClient, Client
from generated.api.administration import create_tenant, get_tenant, list_tenants, update_tenant
from generated.api.files import download_file, upload_file
from generated.api.profile import get_profile
from generated.api.signing_in import set_up_password
from generated.api.other_services import report_usage
from generated.api.tenant import get_usage_history
from generated.api.users import create_user, list_users
from generated.models import (
    CreatedTenant,
    DailyResource,
    NewTenant,
    NewUser,
    Problem,
    ProblemCode,
    Role,
    Setup,
    SignedIn,
    StoredFile,
    TenantUpdate,
    UsageRecordPage,
    UsageReport,
    User,
    UserPage,
)
from generated.types import File

address, admin_key = sys.argv[1:]
url = f"http://{address}"
operator = AuthenticatedClient(base_url=url, token=admin_key)

created = create_tenant.sync(
    client=operator,
    body=NewTenant(name="Python", slug="python", admin_email="admin@python.example"),
)
assert isinstance(created, CreatedTenant), created
tenants = list_tenants.sync(client=operator, search="python")
assert [tenant.slug for tenant in tenants.items] == ["python"]

# An update with a condition.
etag = get_tenant.sync_detailed(created.id, client=operator).headers["etag"]
renamed = update_tenant.sync_detailed(created.id, client=operator, body=TenantUpdate(name="Renamed"), if_match=etag)
assert renamed.status_code == HTTPStatus.OK and renamed.parsed.name == "Renamed"
outdated = update_tenant.sync(created.id, client=operator, body=TenantUpdate(name="Again"), if_match=etag)
assert isinstance(outdated, Problem) and outdated.code is ProblemCode.PRECONDITION_FAILED

# A user of the tenant.
setup = Setup(setup_token=created.setup_token, password="a password of Python")
signed_in = set_up_password.sync(client=Client(base_url=url), body=setup)
assert isinstance(signed_in, SignedIn), signed_in
user = AuthenticatedClient(base_url=url, token=signed_in.access_token)
profile = get_profile.sync(client=user)
assert isinstance(profile, User) and profile.email == "admin@python.example" and profile.last_name is None
invited = create_user.sync(client=user, body=NewUser(email="u@python.example", role=Role.VIEWER))
assert invited.setup_token
users = list_users.sync(client=user)
assert isinstance(users, UserPage) and {type(item) for item in users.items} == {User}
invalid = create_user.sync(client=user, body=NewUser(email="not an address"))
assert isinstance(invalid, Problem) and [error.field for error in invalid.errors] == ["email"]

# Files and usage with the API key.
service = AuthenticatedClient(base_url=url, token=created.api_key)
content = bytes(range(256))
stored = upload_file.sync("notes/bytes", client=service, body=File(payload=BytesIO(content)))
assert isinstance(stored, StoredFile) and stored.size == 256
downloaded = download_file.sync("notes/bytes", client=service)
assert downloaded.payload.read() == content
absent = download_file.sync("absent", client=service)
assert isinstance(absent, Problem) and absent.code is ProblemCode.FILE_NOT_FOUND
report = UsageReport(resource_type=DailyResource.AI_REQUESTS, amount=2)
assert report_usage.sync(client=service, body=report).current_usage == 2
history = get_usage_history.sync(client=service)
assert isinstance(history, UsageRecordPage) and "ai_requests" in {record.resource_type for record in history.items}
# openapi-python-client parses a response as the first media type of its status, here JSON. Its HTTP client returns CSV.
csv = service.get_httpx_client().get("/api/v1/tenant/usage/history", params={"format": "csv"})
assert csv.status_code == HTTPStatus.OK and ",ai_requests,2" in csv.text, csv.text
