"""Who asks: keys of this service, kept as digests, and what they may do at most."""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers

from cuds.errors import FormatError, InvalidError, UnauthorisedError, UnknownError, did_you_mean
from cuds.store.lock import turn

SCOPES = ("read", "write", "admin")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_PREFIX = "cuds_"


@dataclass(frozen=True)
class Principal:
    """Who asks.

    Parameters
    ----------
    name : str
        Of the key, or ``oidc:<sub>``; what writes are signed with.
    scopes : frozenset of str
        Of ``read``, ``write``, ``admin``.
    """

    name: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether it has a scope; admin has all, and who may write may read."""
        return bool(self.scopes & {scope, "admin"}) or (scope == "read" and "write" in self.scopes)


EVERYBODY = Principal("", frozenset(SCOPES))  # where the service is open to all


@dataclass(frozen=True)
class Key:
    """A key, of which only the digest is known.

    Parameters
    ----------
    name : str
        Whose it is.
    sha256 : str
        Of the key.
    scopes : tuple of str
        What it may do at most.
    made : str
        When, as ISO 8601 in UTC.
    expires : str
        When it ends; empty for never.
    """

    name: str
    sha256: str
    scopes: tuple[str, ...]
    made: str
    expires: str = ""

    @property
    def expired(self) -> bool:
        """Whether it has ended."""
        return bool(self.expires) and datetime.fromisoformat(self.expires) <= datetime.now(UTC)


class Keys:
    """The keys of a library, in a file that only its owner may read; it is looked at again when it was changed.

    Parameters
    ----------
    folder : Path
        ``service`` in the library; made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "keys.json"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._seen: tuple[int, int, int] | None = None
        self._known: dict[str, Key] = {}

    def all(self) -> list[Key]:
        """Return all keys, by name."""
        return sorted(self._keys().values(), key=lambda key: key.name)

    def add(self, name: str, scopes: Iterable[str] = ("read",), *, expires: datetime | None = None) -> str:
        """Make a key, and return it: it is not to be had again.

        Raises
        ------
        InvalidError
            When the name is taken or none, or for other scopes.
        """
        wanted = tuple(s for s in SCOPES if s in set(scopes))
        if not _NAME.fullmatch(name):
            raise InvalidError(f"name: {name!r}", hint="letters, digits and ._@- only, at most 64", field="name")
        if not wanted or set(scopes) - set(SCOPES):
            raise InvalidError(f"scopes: {sorted(set(scopes))}", hint=f"of {', '.join(SCOPES)}", field="scopes")
        if expires is not None and expires.tzinfo is None:
            raise InvalidError("expires: it has no time zone", hint="give one in UTC", field="expires")
        secret = _PREFIX + secrets.token_urlsafe(32)
        now, until = datetime.now(UTC).isoformat(), "" if expires is None else expires.astimezone(UTC).isoformat()
        key = Key(name, _digest(secret), wanted, now, until)

        def added(keys: list[Key]) -> list[Key]:
            if name in {k.name for k in keys}:
                raise InvalidError(f"name: there is a key {name!r}", hint="remove it first", field="name")
            return [*keys, key]

        self._change(added)
        return secret

    def remove(self, name: str) -> None:
        """Take a key away; it is refused from now on.

        Raises
        ------
        UnknownError
            When there is none.
        """

        def without(keys: list[Key]) -> list[Key]:
            left = [k for k in keys if k.name != name]
            if len(left) == len(keys):
                raise UnknownError(
                    f"there is no key {name!r}", hint=did_you_mean(name, [k.name for k in keys]), field="name"
                )
            return left

        self._change(without)

    def known(self, secret: str) -> Key:
        """Return the key of a secret.

        Raises
        ------
        UnauthorisedError
            When there is none, or it has expired.
        """
        digest = _digest(secret)
        key = self._keys().get(digest)
        if key is None or not hmac.compare_digest(key.sha256, digest):
            raise UnauthorisedError("the key is not known", hint="cuds keys add LIBRARY NAME makes one")
        if key.expired:
            raise UnauthorisedError(f"the key expired at {key.expires}", hint="ask for a new one")
        return key

    def _keys(self) -> dict[str, Key]:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return {}
        seen = stat.st_ino, stat.st_mtime_ns, stat.st_size
        if seen != self._seen:
            self._known, self._seen = {key.sha256: key for key in self._stored()}, seen
        return self._known

    def _stored(self) -> list[Key]:
        try:
            return [Key(**{**row, "scopes": tuple(row["scopes"])}) for row in json.loads(self.path.read_text())]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError, KeyError) as error:
            raise FormatError(f"{self.path}: damaged: {error}", hint="take a copy that is whole") from None

    def _change(self, how: Callable[[list[Key]], list[Key]]) -> None:
        with turn(self.path.with_name("keys.lock")):
            replaced(self.path, [asdict(key) for key in how(self._stored())])


def replaced(path: Path, content: Any) -> None:
    """Replace a file that only its owner may read, as a whole."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def credentials(headers: Headers) -> str:
    """Return the key or the token of a request.

    Raises
    ------
    UnauthorisedError
        When there is none, or two that differ.
    """
    given = [h for h in headers.getlist("authorization") if h]
    found = {_credential(h) for h in given} | set(headers.getlist("x-api-key"))
    if len(given) > 1 or len(found) != 1 or "" in found:
        raise UnauthorisedError(
            "the request names no key" if not found - {""} else "the request names more than one key",
            hint="send Authorization: Bearer cuds_... with the key that the first start printed",
        )
    return found.pop()


def _credential(header: str) -> str:
    """Return what Authorization holds: a key or a token, or a key as the password of anybody; empty for nothing."""
    scheme, _, said = header.partition(" ")
    if scheme.lower() == "bearer":
        return said.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        password = base64.b64decode(said.strip(), validate=True).decode().partition(":")[2]
    except ValueError:
        return ""
    return password if is_key(password) else ""


def is_key(secret: str) -> bool:
    """Whether a credential is to be a key of this service, not the token of an issuer."""
    return secret.startswith(_PREFIX)


def principal(key: Key) -> Principal:
    """Return who a key is."""
    return Principal(key.name, frozenset(key.scopes))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
