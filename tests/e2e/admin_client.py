"""The admin port as browsers and machines use it."""
import json
import os
import urllib.parse


class Admin:
    """Requests to one gateway's admin port; `url` is another gateway's."""

    def __init__(self, suite, url=None):
        self.suite = suite
        self.url = url or suite.env["PRISMATIC_ADMIN_URL"]

    @property
    def host(self):
        return urllib.parse.urlsplit(self.url).netloc

    def raw(self, method, path, body=None, headers=None):
        """The request as it is given."""
        return self.suite.http(method, self.url + path, body, headers or {})

    def send(self, method, path, body=None, headers=None):
        """With a JSON body, where there is one."""
        headers = dict(headers or {})
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            body = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return self.raw(method, path, body, headers)

    def machine(self, method, path, body=None, token=None):
        """With a bearer token; the admin token where none is given."""
        token = self.suite.env["PRISMATIC_ADMIN_TOKEN"] if token is None else token
        return self.send(method, path, body, {"Authorization": f"Bearer {token}"})


class Person:
    """Somebody at a browser that shows our page: it keeps the cookie, the page keeps the CSRF token."""

    def __init__(self, admin):
        self.admin = admin
        self.cookie, self.csrf = None, None

    def from_the_page(self):
        return {"Origin": self.admin.url, "Sec-Fetch-Site": "same-origin"}

    def sign_in(self, name, password):
        body = {"name": name, "password": password}
        answer = self.admin.send("POST", "/admin/v1/session", body, self.from_the_page())
        if answer.status == 200:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
            self.csrf = answer.json["csrf_token"]
        return answer

    @property
    def token(self):
        return self.cookie.partition("=")[2]

    def call(self, method, path, body=None, at=None):
        headers = {**self.from_the_page(), "Cookie": self.cookie, "X-CSRF-Token": self.csrf}
        if at is not None:  # another gateway, whose page this then is
            headers["Origin"] = at.url
        return (at or self.admin).send(method, path, body, headers)


def owner_password(suite):
    with open(os.path.join(suite.state, "secrets", "owner-password"), encoding="utf-8") as file:
        return file.read().strip()
