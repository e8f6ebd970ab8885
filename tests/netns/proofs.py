"""For each row of the table: what fails without it. A row without an entry here fails the test."""
import collections
import re

from connections import Row

# check: a method of Checks, with its arguments. symptom: what it must say when only this row is closed. restart: the
# component is started anew while the row is closed, so that it has no connection from before.
Proof = collections.namedtuple("Proof", ("check", "arguments", "symptom", "restart"))
PROOFS = {}


def proof(row, check, *arguments, symptom="refused", restart=None):
    PROOFS[Row(*row.split())] = Proof(check, arguments, re.compile(symptom), restart)


UPSTREAM_AWAY = "^502 |^503 model_overloaded"  # the second: its health is remembered
UNREACHABLE = "^3 error: "  # of the command line: exit code 3

# The way of a request.
proof("ingress gateway http", "picture")
proof("gateway billing grpc", "picture", symptom="^503 billing_unavailable", restart="gateway")
proof("gateway provider-proxy grpc", "picture", symptom="^50[23] ", restart="gateway")
proof("provider-proxy sandbox http", "picture", symptom=UPSTREAM_AWAY)
proof("billing-clients billing grpc", "billing_client", symptom=UNREACHABLE)
proof("meters billing meters", "meter")
# The catalog.
proof("gateway registry grpc", "ready", symptom="^503 ", restart="gateway")
proof("billing registry grpc", "picture", symptom="^503 ", restart="billing")
proof("provider-proxy registry grpc", "picture", symptom="^503 ", restart="provider-proxy")
# Administration.
proof("admin-ingress gateway admin", "admin_page")
proof("gateway registry admin", "admin_catalog", symptom="^503 ", restart="gateway")
proof("gateway billing admin", "admin_accounts", symptom="^503 ", restart="gateway")
for port in ("billing admin", "registry admin"):
    proof(f"ledger-export {port}", "ledger_export", symptom="SERVICE_UNREACHABLE")
for port in ("gateway http", "billing admin", "billing grpc", "registry admin", "registry grpc", "provider-proxy grpc"):
    proof(f"test {port}", "helm_test", symptom="(?s)FAILED: prismatic doctor found something wrong.*" + port.split()[0])
proof("tools gateway http", "generate", "tools", symptom=UNREACHABLE)
proof("tools billing admin", "accounts", "tools", symptom=UNREACHABLE)
proof("tools billing grpc", "key", "tools", symptom=UNREACHABLE)
proof("tools registry admin", "providers", "tools", symptom=UNREACHABLE)
proof("tools registry grpc", "models", "tools", symptom=UNREACHABLE)
proof("tools provider-proxy grpc", "provider_states", "tools", symptom=UNREACHABLE)
# State.
for target, port in (("redis", "redis"), ("redis-external", "redis"), ("sentinels", "sentinel")):
    proof(f"registry {target} {port}", "admin_catalog", symptom="^503 ", restart="registry")
    proof(f"billing {target} {port}", "picture", symptom="^503 billing_unavailable", restart="billing")
# Upstreams.
proof("provider-proxy internet https", "picture_from_the_internet", symptom=UPSTREAM_AWAY)
proof("provider-proxy provider-networks any", "picture_from_a_private_network", symptom=UPSTREAM_AWAY)
# Names.
proof("gateway dns dns", "ready", symptom="^503 ", restart="gateway")
proof("registry dns dns", "admin_catalog", symptom="^503 ", restart="registry")
proof("billing dns dns", "picture", symptom="^503 billing_unavailable", restart="billing")
proof("provider-proxy dns dns", "picture", symptom="^503 ", restart="provider-proxy")
for role in ("ledger-export", "test", "tools"):
    proof(f"{role} dns dns", "accounts", role, symptom=UNREACHABLE)  # the scripts take 40 s to fail
# Metrics.
for role in ("gateway", "registry", "billing", "provider-proxy"):
    proof(f"prometheus {role} metrics", "metrics", role)
