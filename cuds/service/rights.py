"""What who asks may do with what is kept.

What nobody owns, as it was written locally, and the default graph, every key may read and write within its scopes.
What a key wrote first is its own; others see it where it is shared with them. An entry holds for the owner who made it:
a name that was deleted and is made anew by another is that other's, but what bore it before is not.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from cuds.errors import ForbiddenError, FormatError, InvalidError, UnknownError, did_you_mean
from cuds.service.identity import Principal, replaced
from cuds.store import Library
from cuds.store.naming import DEFAULT, name_of
from cuds.store.protocol import Version

ALL = "*"
_KNOWN = 10_000  # owners that are remembered


class Rights:
    """Rights of a library, in a file beside its keys.

    Parameters
    ----------
    folder : Path
        ``service`` in the library.
    library : Library
        Whose names it is about.
    share : {"none", "read", "write"}
        What every key may do with what a key makes.
    """

    def __init__(self, folder: Path, library: Library, share: str = "none") -> None:
        self.path, self.library, self.share = folder / "rights.json", library, share
        self._lock = Lock()
        self._owners: dict[str, str] = {}  # by the tags of versions
        self._entries: dict[str, dict[str, Any]] = self._stored()

    # --- questions ---

    def may_read(self, who: Principal, name: str) -> bool:
        """Whether somebody may read what bears a name now."""
        return who.may("read") and self._may(who, name, self.owner(name), "readers")

    def may_write(self, who: Principal, name: str) -> bool:
        """Whether somebody may write what bears a name now; what nobody bears may be made by whoever may write."""
        there = name in self.library
        return who.may("write") and (not there or self._may(who, name, self.owner(name), "writers"))

    def seen(self, who: Principal, name: str) -> list[Version]:
        """Return the versions that somebody may read; what came before a deletion stays with whose it was then."""
        try:
            versions = self.library.versions(name)
        except UnknownError:  # there never was one
            return []
        gone = max((v.number for v in versions if v.deleted), default=0)
        before, now = ([v for v in versions if (v.number > gone) is later] for later in (False, True))
        may = now and who.may("read") and self._may(who, name, self._of(now[-1]), "readers")
        return self._before(who, name, before) + (now if may else [])

    def _before(self, who: Principal, name: str, versions: list[Version]) -> list[Version]:
        if not versions or who.may("admin"):
            return versions
        makers = {w.version: w.by for w in self.library.history(name)}
        found, maker = [], None
        for version in versions:
            maker = makers.get(version.number) if maker is None else maker
            if who.may("read") and maker in ("", who.name):
                found.append(version)
            maker = None if version.deleted else maker
        return found

    def readable(self, who: Principal) -> Callable[[str], bool]:
        """Return whether somebody may read a graph, as a function of its IRI, for many at once."""
        owners = self.library.owners()
        if who.may("admin"):
            return lambda iri: True
        return lambda iri: who.may("read") and self._may(who, name_of(iri), owners.get(name_of(iri), ""), "readers")

    def writable(self, who: Principal) -> Callable[[str], bool]:
        """Return whether somebody may write a graph, as a function of its IRI; one that is not there counts too."""
        owners = self.library.owners()

        def may(iri: str) -> bool:
            name = name_of(iri)
            return who.may("write") and (name not in owners or self._may(who, name, owners[name], "writers"))

        return may

    def owner(self, name: str) -> str:
        """Return whose a name is; empty for nobody's. Of one version that does not change."""
        try:
            return self._of(self.library.version(name))
        except UnknownError:
            return ""

    def _of(self, version: Version) -> str:
        if version.tag not in self._owners:
            if len(self._owners) >= _KNOWN:
                self._owners.clear()
            self._owners[version.tag] = self.library.owners().get(version.name, "")
        return self._owners[version.tag]

    def _may(self, who: Principal, name: str, owner: str, list_: str) -> bool:
        if who.may("admin") or owner in ("", who.name) or name == DEFAULT:
            return True
        entry = self._entry(name, owner)
        shared = {*entry["writers"], *(entry["readers"] if list_ == "readers" else ())}
        return bool(shared & {who.name, ALL})

    # --- demands ---

    def read(self, who: Principal, name: str) -> Version:
        """Return the newest version of a name, which somebody may read.

        Raises
        ------
        UnknownError
            When not: that it is there is nobody's business.
        """
        self.reader(who)
        try:
            newest = self.library.version(name)
        except UnknownError:
            newest = None
        if newest is None or not self._may(who, name, self._of(newest), "readers"):
            raise missing(name, self.known(who))
        return newest

    def reader(self, who: Principal) -> None:
        """Demand that somebody may read at all.

        Raises
        ------
        ForbiddenError
            When not.
        """
        if not who.may("read"):
            raise ForbiddenError(f"the key {who.name!r} may not read", hint="ask for one with the scope read")

    def writer(self, who: Principal) -> None:
        """Demand that somebody may write at all.

        Raises
        ------
        ForbiddenError
            When not.
        """
        if not who.may("write"):
            raise ForbiddenError(f"the key {who.name!r} may not write", hint="ask for one with the scope write")

    def write(self, who: Principal, name: str) -> None:
        """Demand that somebody may write a name.

        Raises
        ------
        ForbiddenError
            When it may only read it, or has no scope for writing.
        UnknownError
            When it may not even read it.
        """
        self.writer(who)
        if not self.may_write(who, name):
            if self.may_read(who, name):
                raise ForbiddenError(
                    f"the key {who.name!r} may read {name!r}, not write it", hint="ask its owner: PUT .../rights"
                )
            raise missing(name, self.known(who))

    def known(self, who: Principal) -> list[str]:
        """Return the names that somebody may read."""
        owners = self.library.owners()
        return [n for n, owner in owners.items() if who.may("read") and self._may(who, n, owner, "readers")]

    # --- changes ---

    def made(self, who: Principal, name: str) -> None:
        """Say of what was just made what new ones begin with."""
        if self.share != "none" and who.name:
            self._set(name, who.name, {"readers": [ALL], "writers": [ALL] if self.share == "write" else []})

    def gone(self, name: str) -> None:
        """Forget who shared a name."""
        with self._lock:
            if self._entries.pop(name, None) is not None:
                replaced(self.path, self._entries)

    def of(self, who: Principal, name: str) -> dict[str, Any]:
        """Return owner, readers and writers of a name, to its owner.

        Raises
        ------
        ForbiddenError
            To others who may read it.
        """
        owner = self._owned(who, name)
        return {"owner": owner, **self._entry(name, owner)}

    def share_with(self, who: Principal, name: str, given: Mapping[str, Any]) -> None:
        """Say who may read and write a name.

        Raises
        ------
        InvalidError
            When what is given is not two lists of names of keys.
        """
        owner = self._owned(who, name)
        if strange := set(given) - {"readers", "writers", "owner"}:
            raise InvalidError(f"{min(strange)}: no such right", hint="give readers and writers", field=min(strange))
        if given.get("owner", owner) != owner:
            raise InvalidError("owner: it is who made it", hint="leave it out", field="owner")
        wanted = {}
        for list_ in ("readers", "writers"):
            names = given.get(list_, [])
            if not isinstance(names, list) or not all(isinstance(n, str) and 0 < len(n) <= 300 for n in names):
                raise InvalidError(f"{list_}: {names!r}", hint='a list of names of keys, or ["*"]', field=list_)
            wanted[list_] = sorted(set(names))
        self._set(name, owner, wanted)

    def _owned(self, who: Principal, name: str) -> str:
        self.read(who, name)
        owner = self.owner(name)
        if not who.may("admin") and (owner != who.name or not owner):
            raise ForbiddenError(f"{name!r} is not of the key {who.name!r}", hint="its owner or an admin says who may")
        return owner

    def _entry(self, name: str, owner: str) -> dict[str, list[str]]:
        entry = self._entries.get(name, {})
        same = entry.get("owner") == owner
        return {n: list(entry[n]) if same else [] for n in ("readers", "writers")}

    def _set(self, name: str, owner: str, lists: Mapping[str, list[str]]) -> None:
        with self._lock:
            self._entries = {**self._entries, name: {"owner": owner, **lists}}
            replaced(self.path, self._entries)

    def _stored(self) -> dict[str, dict[str, Any]]:
        try:
            return dict(json.loads(self.path.read_text()))
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError) as error:
            raise FormatError(f"{self.path}: damaged: {error}", hint="take a copy that is whole") from None


def missing(name: str, known: list[str]) -> UnknownError:
    """Return the error of a name that is not there, or not to be seen: the same for both."""
    return UnknownError(f"there is no data set {name!r}", hint=did_you_mean(name, known), field="name")
