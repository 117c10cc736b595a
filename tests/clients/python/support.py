"""Clients, and what a person has at hand: a mailbox, a phone, an authenticator, an account at an OpenID provider."""

import base64
import hashlib
import hmac
import json
import os
import random
import string
import struct
import time
import unittest
from urllib.parse import parse_qs, urlsplit

import httpx
from supabase_auth import SyncGoTrueClient, SyncMemoryStorage
from supabase_auth.errors import AuthError

APP_URL = os.environ.get("APP_URL", "")
CONFIRM_URL = os.environ.get("CONFIRM_URL", "")
AUTO_URL = os.environ.get("AUTO_URL", "")
SQL_HOOKS_URL = os.environ.get("SQL_HOOKS_URL", "")
DOUBLES_URL = os.environ.get("DOUBLES_URL", "")
SERVICE_KEY = os.environ.get("SERVICE_KEY", "")
PASSWORD = "correct horse"
# Seconds, where httpx would wait for five: the machine may be busy.
PATIENCE = 120


def word(length=12):
    """Letters only: a run of digits could be taken for a code."""
    return "".join(random.choices(string.ascii_lowercase, k=length))


def email():
    return f"{word()}@x.test"


def phone():
    return f"1556{random.randrange(10**7):07}"


def patient():
    """As the client makes one for itself, with more time."""
    return httpx.Client(follow_redirects=True, http2=True, timeout=PATIENCE)


def client(url=CONFIRM_URL, **options):
    """An application on one device."""
    return SyncGoTrueClient(url=url, auto_refresh_token=False, storage=SyncMemoryStorage(), http_client=patient(), **options)


def admin(url=CONFIRM_URL):
    headers = {"Authorization": f"Bearer {SERVICE_KEY}"}
    return SyncGoTrueClient(url=url, headers=headers, auto_refresh_token=False, http_client=patient()).admin


def claims(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


class Case(unittest.TestCase):
    def refused(self, code, call, *args):
        """The call must be refused with this code."""
        with self.assertRaises(AuthError) as caught:
            call(*args)
        self.assertEqual(caught.exception.code, code, caught.exception.message)
        return caught.exception

    def member(self, url=AUTO_URL, **options):
        """A user with a password, signed in."""
        auth, address = client(url, **options), email()
        answer = auth.sign_up({"email": address, "password": PASSWORD})
        return auth, address, answer


def _doubles(path, body=None):
    answer = httpx.request("POST" if body else "GET", DOUBLES_URL + path, json=body, timeout=PATIENCE)
    answer.raise_for_status()
    return answer.json()


def _arrived(kind, to, n):
    found = _doubles(f"/{kind}?to={to.replace('+', '%2B')}&n={n}")
    assert len(found) >= n, f"{len(found)} {kind} to {to}"
    return found[n - 1]


def letter_to(address, n=1):
    """The n-th letter to an address, as the SMTP server got it."""
    return _arrived("letters", address, n)


def message_to(number, n=1):
    """The n-th text message to a number, as Twilio got it."""
    return _arrived("messages", f"+{number}", n)


def sql(statement, *values):
    return _doubles("/sql", {"statement": statement, "values": values})


def id_token(of):
    return _doubles("/id_token", of)


def follow(url):
    """Follows a link as a browser does, up to the application: where that is, its query and its fragment."""
    for _ in range(10):
        answer = httpx.get(url, timeout=PATIENCE)
        url = str(httpx.URL(url).join(answer.headers["location"]))
        if url.startswith(APP_URL):
            at = urlsplit(url)
            first = lambda text: {key: values[0] for key, values in parse_qs(text).items()}
            return at, first(at.query), first(at.fragment)
    raise AssertionError("redirects without end")


def somebody(**changes):
    """Whoever signs in at the provider, and the `login_hint` that tells it so."""
    who = {"sub": word(), "email": email(), "email_verified": True, "name": "Ada L.", **changes}
    hint = base64.urlsafe_b64encode(json.dumps(who).encode()).decode().rstrip("=")
    return who, {"login_hint": hint}


def totp(secret, at=None):
    """RFC 6238 with SHA-1, six digits, thirty seconds."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(at or time.time()) // 30), hashlib.sha1).digest()
    offset = digest[19] & 15
    return f"{(struct.unpack_from('>I', digest, offset)[0] & 0x7FFFFFFF) % 10**6:06}"


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()
