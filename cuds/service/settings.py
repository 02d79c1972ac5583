"""What a service may be told when it starts."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Bytes = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]
_MB = 10**6


class Oidc(BaseModel):
    """Whose tokens are taken beside keys.

    Parameters
    ----------
    issuer, audience : str
        What a token must say.
    jwks : str
        Where the issuer keeps its keys; nothing else is ever fetched.
    claim : str
        Which claim holds the scopes.
    scopes : mapping
        What their words mean here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str
    audience: str
    jwks: str
    claim: str = "scope"
    scopes: dict[str, Literal["read", "write", "admin"]] = {"read": "read", "write": "write", "admin": "admin"}


class Settings(BaseModel):
    """Limits and doors.

    Parameters
    ----------
    open_to_all : bool
        Whether everybody may do everything: for one machine alone.
    share : {"none", "read", "write"}
        What every key may do with a data set that a key makes.
    rate, burst : float
        Requests a second for each key, and how many at once.
    body, graph, selection : int
        The most bytes of a request, of a graph, and of a part of an array that is computed.
    concurrent, each : int
        Requests that are answered at the same time: all, and of one key.
    pause, slowest
        Seconds to wait for the next bytes of a request, or for who reads an answer; the least bytes a second after
        that.
    query : float
        Seconds for a query or an update.
    quota, uploads, kept
        Bytes and count of uploads that a key may have open, and the seconds after which they are forgotten.
    cache : int
        Bytes of answers that are kept.
    oidc : Oidc, optional
        Whose tokens are taken.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    open_to_all: bool = False
    share: Literal["none", "read", "write"] = "none"
    rate: Annotated[float, Field(gt=0)] = 1000.0
    burst: Annotated[float, Field(ge=1)] = 2000.0
    body: Bytes = 20_000 * _MB
    graph: Bytes = 16 * _MB
    selection: Bytes = 256 * _MB
    concurrent: Annotated[int, Field(ge=1)] = 256
    each: Annotated[int, Field(ge=1)] = 240
    pause: Seconds = 30.0
    slowest: Bytes = 1000
    query: Seconds = 30.0
    quota: Bytes = 50_000 * _MB
    uploads: Annotated[int, Field(ge=1)] = 100
    kept: Seconds = 86400.0
    cache: Bytes = 64 * _MB
    oidc: Oidc | None = None
