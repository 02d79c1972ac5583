"""Who may do what: keys, tokens, and what is shared with whom."""

import json
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

import cuds
from cuds.errors import InvalidError
from cuds.service.identity import Keys, Principal
from cuds.service.rights import Rights
from tests.server import Server, serving
from tests.service.sets import HDF5, JSON, TURTLE, as_file, get, path, problem, put, steel

EVERY = [
    ("GET", ""), ("HEAD", ""), ("PUT", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "?version=1"), ("GET", "/versions"),
    ("GET", "/provenance"), ("GET", "/rights"), ("PUT", "/rights"), ("GET", "/arrays/materials/steel/stiffness"),
    ("GET", "/arrays/materials/steel/stiffness?version=1"),
]  # fmt: skip
MEDIA = {"PUT": HDF5, "PATCH": "application/merge-patch+json"}


def ask(client: httpx2.Client, name: str, method: str, way: str, body: bytes = b"") -> httpx2.Response:
    kind = JSON if way == "/rights" else MEDIA.get(method, "")
    content = b'{"label": "x"}' if method == "PATCH" else b"{}" if way == "/rights" else body
    headers = {"If-Match": "*", "Content-Type": kind}
    return client.request(method, path(name) + way, content=content if method in MEDIA else None, headers=headers)


@pytest.mark.parametrize(("method", "way"), EVERY)
def test_what_is_of_another_is_not_there(server: Server, name: str, tmp_path: Path, method: str, way: str) -> None:
    body = as_file(steel(), tmp_path)
    with server.client("owner") as owner, server.client("other") as other:
        assert put(owner, name, body).status_code == 201
        answer = ask(other, name, method, way, body)
        assert answer.status_code == 404
        if method != "HEAD":
            said = problem(answer, 404, "unknown")
            never = problem(ask(other, "never", method, way, body), 404, "unknown") if method != "PUT" else said
            assert name not in said["hint"] + never["hint"]
            assert said["detail"].replace(name, "never") == never["detail"].replace(name, "never")
        assert ask(owner, name, method, way, body).status_code < 300


def test_lists_and_questions_show_what_may_be_read(server: Server, name: str, tmp_path: Path) -> None:
    with server.client("owner") as owner, server.client("other") as other:
        put(owner, name, as_file(steel(999), tmp_path))
        for query in ({"q": name}, {"q": name, "class": "ElasticTensor"}, {"q": name, "K": ">800 GPa"}):
            ours, theirs = (c.get("/datasets", params={"limit": 1000, **query}).json() for c in (owner, other))
            assert [d["name"] for d in ours["datasets"]] == [name]
            assert theirs == {"datasets": []}
        assert name not in other.get("/catalog").text
        assert name in owner.get("/catalog").text
        assert name not in problem(get(other, name + "x"), 404, "unknown")["hint"]


def test_what_is_shared_is_read_or_written(server: Server, name: str, tmp_path: Path) -> None:
    body = as_file(steel(), tmp_path)
    with server.client("owner") as owner, server.client("other") as other, server.client("third") as third:
        put(owner, name, body)
        share = partial(owner.put, path(name, "rights"))
        assert share(json={"readers": ["other"]}).status_code == 204
        assert get(other, name).status_code == 200
        problem(get(third, name), 404, "unknown")
        problem(put(other, name, body, If_Match="*"), 403, "forbidden")
        problem(other.delete(path(name), headers={"If-Match": "*"}), 403, "forbidden")
        problem(other.get(path(name, "rights")), 403, "forbidden")
        problem(other.put(path(name, "rights"), json={"writers": ["other"]}), 403, "forbidden")
        assert share(json={"readers": ["*"], "writers": ["other"]}).status_code == 204
        assert put(other, name, body, If_Match="*").status_code == 204
        assert get(third, name).status_code == 200
        assert owner.get(path(name, "rights")).json() == {"owner": "owner", "readers": ["*"], "writers": ["other"]}
        problem(share(json={"readers": "other"}), 422, "invalid")
        problem(share(json={"owner": "other"}), 422, "invalid")


def test_a_name_belongs_to_who_makes_it_anew(server: Server, name: str, tmp_path: Path) -> None:
    """What bore it before stays with whose it was, and rights that were given do not come back."""
    with server.client("owner") as owner, server.client("other") as other, server.client("third") as third:
        put(owner, name, as_file(steel(), tmp_path))
        owner.put(path(name, "rights"), json={"readers": ["third"]})
        assert owner.delete(path(name), headers={"If-Match": "*"}).status_code == 204
        assert put(other, name, as_file(steel(70), tmp_path)).status_code == 201
        problem(get(owner, name), 404, "unknown")
        problem(get(third, name), 404, "unknown")
        problem(other.get(path(name), params={"version": 1}), 404, "unknown")
        assert owner.get(path(name), params={"version": 1}).status_code == 200
        assert [v["version"] for v in other.get(path(name, "versions")).json()["versions"]] == [3]


def test_the_versions_of_a_name_are_looked_through_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once for each of them."""
    library = cuds.Library(tmp_path / "library")
    rights, other = Rights(tmp_path, library), Principal("other", frozenset({"read"}))
    for i in range(12):
        library.put(steel(i + 1), "a", by="owner")
        if i == 5:
            library.delete("a")
    library.put(steel(), "b", by="other")
    looked = []
    versions = library.versions
    monkeypatch.setattr(library, "versions", lambda name: looked.append(name) or versions(name))
    assert rights.seen(other, "a") == []
    assert len(rights.seen(Principal("owner", frozenset({"read"})), "a")) == 13
    assert [v.number for v in rights.seen(other, "b")] == [1]
    assert rights.seen(other, "c") == []
    assert len(looked) <= 2 * 4


def test_scopes(server: Server, admin: httpx2.Client, name: str, tmp_path: Path) -> None:
    body = as_file(steel(), tmp_path)
    local = cuds.Library(server.folder)
    local.put(steel(), name)  # nobody's
    with server.client("reader", "read") as reader, server.client("writer") as writer:
        assert get(reader, name).status_code == 200
        for method, way in EVERY:
            if method in ("PUT", "PATCH", "DELETE"):
                problem(ask(reader, name, method, way, body), 403, "forbidden")
        problem(reader.post("/datasets", content=body, headers={"Content-Type": HDF5}), 403, "forbidden")
        problem(reader.post("/uploads"), 403, "forbidden")
        assert put(writer, name, body, If_Match="*").status_code == 204
        put(writer, name + "2", body)
        assert get(admin, name + "2").status_code == 200
        assert admin.get(path(name + "2", "rights")).json()["owner"] == "writer"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer cuds_a b"},
        {"Authorization": "Bearer cuds_"},
        {"Authorization": "Bearer cuds_wrong"},
        {"Authorization": "Basic YWRtaW46YWRtaW4="},
        {"Authorization": "Basic"},
        {"Authorization": "Basic Y3Vkc18="},
        {"Authorization": "Basic YTpjdWRzX3dyb25n"},
        {"Authorization": "Basic YTr/"},
        {"Authorization": "Basic YTpj dWRz"},
        {"Authorization": "Bearer None"},
        {"X-API-Key": ""},
        {"X-API-Key": "cuds_\xe9"},
    ],
)
@pytest.mark.parametrize("place", ["/", "/datasets", "/datasets/x", "/openapi.json", "/metrics", "/ontology", "/none"])
def test_who_is_not_known_is_not_let_in(server: Server, headers: dict[str, str], place: str) -> None:
    raw = [(n.encode(), v.encode("latin-1")) for n, v in headers.items()]
    answer = httpx2.get(server.url + place, headers=raw)
    problem(answer, 401, "unauthorised")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_keys_end_and_are_taken_away(server: Server) -> None:
    keys = Keys(server.folder / "service")
    brief = keys.add("brief", ("read",), expires=datetime.now(UTC) + timedelta(seconds=1))
    gone = keys.add("gone", ("read",))
    for key in (brief, gone):
        assert httpx2.get(f"{server.url}/datasets", headers={"X-API-Key": key}).status_code == 200
    keys.remove("gone")
    time.sleep(1.1)
    said = problem(httpx2.get(f"{server.url}/datasets", headers={"X-API-Key": brief}), 401, "unauthorised")
    assert "expired" in said["detail"]
    problem(httpx2.get(f"{server.url}/datasets", headers={"X-API-Key": gone}), 401, "unauthorised")
    both = {"X-API-Key": gone, "Authorization": f"Bearer {server.key}"}
    problem(httpx2.get(f"{server.url}/datasets", headers=both), 401, "unauthorised")


def test_keys_are_kept_hashed_and_for_their_owner_alone(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "service")
    secret = keys.add("somebody", ("read", "write"))
    file = tmp_path / "service" / "keys.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret.removeprefix("cuds_") not in file.read_text()
    assert len(secret) > 40
    with pytest.raises(InvalidError, match="there is a key"):
        keys.add("somebody")
    for name, scopes in [("a b", ["read"]), ("", ["read"]), ("x", []), ("x", ["root"])]:
        with pytest.raises(InvalidError):
            keys.add(name, scopes)


def test_keys_on_the_command_line(tmp_path: Path) -> None:
    def run(*arguments: str, code: int = 0) -> str:
        command = [sys.executable, "-m", "cuds", "keys", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    folder = str(cuds.Library(tmp_path / "library").folder)
    secret = run("add", folder, "ann", "--scope", "read", "--scope", "write", "--days", "3").strip()
    assert Keys(tmp_path / "library" / "service").known(secret).scopes == ("read", "write")
    assert "ann" in run("list", folder)
    assert secret not in run("list", folder, "--json")
    run("remove", folder, "ann")
    assert "no key" in run("remove", folder, "ann", code=1)
    assert "is no library" in run("list", str(tmp_path), code=1)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any, Path]]:
    """An issuer of tokens: its keys as a file behind HTTP."""
    folder = tmp_path_factory.mktemp("issuer")
    private = ec.generate_private_key(ec.SECP256R1())
    public = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    (folder / "keys.json").write_text(json.dumps({"keys": [{**public, "kid": "one", "use": "sig"}]}))
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *a: None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/keys.json", private, folder
    server.shutdown()
    server.server_close()


def test_tokens_of_an_issuer(issuer: tuple[str, Any, Path], tmp_path: Path) -> None:
    url, private, _ = issuer
    oidc = {"issuer": "https://issuer.example", "audience": "cuds", "jwks": url}
    (tmp_path / "settings.json").write_text(json.dumps({"oidc": oidc}))
    claims = {"iss": oidc["issuer"], "aud": "cuds", "sub": "ann", "scope": "read write", "exp": time.time() + 60}

    def token(key: Any = private, algorithm: str = "ES256", kid: str = "one", **other: Any) -> str:
        said = {n: v for n, v in {**claims, **other}.items() if v is not None}
        return jwt.encode(said, key, algorithm, headers={"kid": kid})

    with serving(tmp_path / "library", "--settings", str(tmp_path / "settings.json")) as server:

        def client(given: str) -> httpx2.Client:
            return httpx2.Client(base_url=server.url, headers={"Authorization": f"Bearer {given}"})

        with client(token()) as ann:
            assert put(ann, "of ann", as_file(steel(), tmp_path)).status_code == 201
            assert ann.get(path("of ann", "versions")).json()["versions"][0]["by"] == "oidc:ann"
        with client(token(scope="read", sub="bob")) as bob:
            problem(get(bob, "of ann", TURTLE), 404, "unknown")
            problem(bob.post("/uploads"), 403, "forbidden")
        wrong = [
            token(exp=time.time() - 10),
            token(exp=None),
            token(aud="other"),
            token(iss="https://other.example"),
            token(sub=None),
            token(ec.generate_private_key(ec.SECP256R1())),
            token(kid="two"),
            token("public key as a secret, at least thirty-two bytes", "HS256"),
            token(None, "none"),
            token()[:-3],
            "a.b.c",
        ]
        for given in wrong:
            with client(given) as nobody:
                problem(nobody.get("/datasets"), 401, "unauthorised")
        with client(token(scope="nothing that is known")) as nobody:
            problem(nobody.get("/datasets"), 403, "forbidden")
