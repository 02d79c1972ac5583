"""Who asks: bearer tokens of an issuer of OpenID Connect."""

import time
from typing import Any, cast

from cuds.errors import UnauthorisedError
from cuds.registry import require
from cuds.service.identity import Principal
from cuds.service.settings import Oidc

ALGORITHMS = ("RS256", "ES256", "EdDSA")
_PATIENCE = 10.0  # seconds for the issuer
_PAUSE = 10.0  # seconds in which keys are not fetched again


class Tokens:
    """Tokens of one issuer. Its keys are fetched from where the settings say, and from nowhere else.

    Parameters
    ----------
    settings : Oidc
        Issuer, audience, keys.
    """

    def __init__(self, settings: Oidc) -> None:
        self.settings = settings
        self._jwt = require("jwt", "serve")
        self._keys: dict[str, Any] = {}
        self._fetched = -_PAUSE

    def known(self, token: str) -> Principal:
        """Return whose token it is.

        Raises
        ------
        UnauthorisedError
            When it is none of the issuer for this audience, or has expired.
        """
        jwt, wanted = self._jwt, self.settings
        try:
            said = jwt.get_unverified_header(token)
            if said.get("alg") not in ALGORITHMS:
                raise jwt.InvalidAlgorithmError(f"its algorithm is none of {', '.join(ALGORITHMS)}")
            claims = jwt.decode(
                token,
                self._key(str(said.get("kid", ""))),
                algorithms=[said["alg"]],
                audience=wanted.audience,
                issuer=wanted.issuer,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise UnauthorisedError(f"the token is not taken: {error}", hint="ask the issuer for a new one") from None
        given = claims.get(wanted.claim, "")
        words = given.split() if isinstance(given, str) else [w for w in given if isinstance(w, str)]
        scopes = frozenset(wanted.scopes[w] for w in words if w in wanted.scopes)
        return Principal(f"oidc:{claims['sub']}", cast("frozenset[str]", scopes))

    def _key(self, kid: str) -> Any:
        if kid not in self._keys and time.monotonic() - self._fetched > _PAUSE:
            self._fetched = time.monotonic()
            client = self._jwt.PyJWKClient(self.settings.jwks, timeout=_PATIENCE)
            self._keys = {str(key.key_id or ""): key.key for key in client.get_signing_keys()}
        if kid not in self._keys:
            raise self._jwt.InvalidTokenError("its key is none of the issuer's")
        return self._keys[kid]
