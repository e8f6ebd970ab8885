"""What people and machines do with a suite, each as one check: it answers "" when it worked, else a few words."""
import http.client
import json
import ssl

from stack import METERS_NAME, Stack, host

PICTURE = {"prompt": "a lighthouse", "size": "256x256", "n": 1, "response_format": "b64_json"}
REFUSED = "refused"


class Checks:
    def __init__(self, stack: Stack):
        self.stack = stack

    # --- HTTP ---
    def http(self, role, target, port, method, path, body=None, headers=None):
        """(status, body) of a request from a role to a component's named port."""
        number = self.stack.port(target, port)
        connection = http.client.HTTPConnection(target, number, timeout=20)
        connection.sock = self.stack.network.connect(role, self.stack.addresses[target], number)
        try:
            connection.sock.settimeout(20)
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def words(self, ask):
        """"" for a 200, else the status with the error's code."""
        try:
            status, body = ask()
        except ConnectionRefusedError:
            return REFUSED
        except OSError as error:
            return str(error)
        if status == 200:
            return ""
        try:
            return f"{status} {json.loads(body)['error']['code']}"
        except (ValueError, KeyError, TypeError):
            return f"{status} {body[:200]!r}"

    def picture(self, role="ingress", model="imagen-4"):
        headers = {"Authorization": f"Bearer {self.stack.api_key}", "Content-Type": "application/json"}
        return self.words(lambda: self.http(role, "gateway", "http", "POST", "/v1/images/generations",
                                            json.dumps({**PICTURE, "model": model}), headers))

    def picture_from_the_internet(self):
        return self.picture(model="elsewhere")

    def picture_from_a_private_network(self):
        return self.picture(model="corporate")

    def ready(self):
        """As a node's probe asks, from where no policy is in the way."""
        return self.words(lambda: self.http("gateway", "gateway", "http", "GET", "/readyz"))

    def admin(self, path):
        return self.words(lambda: self.http("admin-ingress", "gateway", "admin", "GET", path,
                                            headers={"Authorization": f"Bearer {self.stack.admin_token}"}))

    def admin_page(self):
        return self.admin("/")

    def admin_catalog(self):
        return self.admin("/admin/v1/providers")

    def admin_accounts(self):
        return self.admin("/admin/v1/accounts")

    def metrics(self, target):
        def scrape():
            status, body = self.http("prometheus", target, "metrics", "GET", "/metrics")
            return status if b"# TYPE " in body else 0, body
        return self.words(scrape)

    # --- the command line ---
    def said(self, done):
        return "" if done.returncode == 0 else f"{done.returncode} {done.stderr.strip()} {done.stdout.strip()}"

    def cli(self, role, *words):
        return self.said(self.stack.cli(role, *words))

    def billing_client(self):
        return self.cli("billing-clients", "key", "check")

    def ledger_export(self):
        return self.said(self.stack.script("ledger-export", "ledger-export.sh", ACCOUNTS="", FOLDER=self.stack.network.folder))

    def helm_test(self):
        return self.said(self.stack.script("test", "helm-test.sh", MODEL="imagen-4", SANDBOX=f"{host('sandbox')}:{self.stack.port('sandbox', 'http')}",
                                           FOLDER=self.stack.network.folder))

    def generate(self, role):
        return self.cli(role, "generate", "--model", "imagen-4", "--size", "256x256", "--prompt", "a pier", "-o",
                        self.stack.file("picture.png"))

    def accounts(self, role):
        return self.cli(role, "account", "show", "demo")

    def key(self, role):
        return self.cli(role, "key", "check")

    def models(self, role):
        return self.cli(role, "model", "list")

    def providers(self, role):
        return self.cli(role, "provider", "list")

    def provider_states(self, role):
        return self.cli(role, "provider", "states")

    # --- a meter with a certificate ---
    def meter(self):
        """A TLS connection to billing's port for meters that HTTP/2 is agreed on over."""
        context = ssl.create_default_context(cafile=self.stack.file("tls/ca.crt"))
        context.load_cert_chain(self.stack.file("tls/meter.crt"), self.stack.file("tls/meter.key"))
        context.set_alpn_protocols(["h2"])
        try:
            plain = self.stack.network.connect("meters", self.stack.addresses["billing"], self.stack.port("billing", "meters"))
            with context.wrap_socket(plain, server_hostname=host("billing")) as secure:
                frame = secure.recv(9)  # a server's first frame comes unasked: its settings
                return "" if secure.selected_alpn_protocol() == "h2" and frame[3:4] == b"\x04" else f"{METERS_NAME}: {frame!r}"
        except ConnectionRefusedError:
            return REFUSED
        except OSError as error:
            return str(error)
