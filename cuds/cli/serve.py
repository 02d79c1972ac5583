"""``cuds serve``: a library over HTTP."""

import ipaddress
import logging.config
import socket
from pathlib import Path
from typing import Annotated, Any

import typer

from cuds.errors import InvalidError, StorageError
from cuds.registry import require

_STOP = 30  # seconds in which requests that are being answered may end


def serve(
    folder: Annotated[Path, typer.Argument(help="A library; made when it is not there.")],
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for any that is free.")] = 8000,
    share: Annotated[str, typer.Option(help="What every key may do with what is made: none, read or write.")] = "none",
    settings: Annotated[Path | None, typer.Option(help="A JSON file with limits and the issuer of tokens.")] = None,
    insecure_no_auth: Annotated[
        bool, typer.Option("--insecure-no-auth", help="Let everybody on this machine do everything.")
    ] = False,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Serve a library. The first start prints a key that may do everything, once."""
    for library in ("uvicorn", "httptools", "prometheus_client", "jwt", "pyshacl"):
        require(library, "serve")
    if insecure_no_auth and not _loopback(host):
        raise InvalidError(
            f"host: {host} is open to other machines", hint="with --insecure-no-auth only 127.0.0.1", field="host"
        )
    import uvicorn

    from cuds.service import create_app
    from cuds.service.identity import Keys
    from cuds.service.observing import logging_settings
    from cuds.service.wire import wire
    from cuds.store import Library

    said = _settings(settings, {"share": share, "open_to_all": insecure_no_auth})
    opened = Library(folder)
    keys = Keys(opened.folder / "service")
    if not insecure_no_auth and not keys.all():
        print(f"the key of {opened.folder}, shown only now: {keys.add('admin', ('admin',))}", flush=True)
    how = logging_settings(log_level)
    logging.config.dictConfig(how)
    app = create_app(opened, said)
    place = _listening(host, port)
    print(f"http://{host if ':' not in host else f'[{host}]'}:{place.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        app,
        log_config=how,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        timeout_graceful_shutdown=_STOP,
        http=wire(said),
        ws="none",
    )
    uvicorn.Server(config).run(sockets=[place])


def _settings(file: Path | None, given: dict[str, Any]) -> Any:
    """Return the settings of a file, with what the command line says."""
    import json

    from pydantic import ValidationError

    from cuds.service.settings import Settings

    try:
        said = {} if file is None else json.loads(file.read_text())
        return Settings.model_validate({**said, **given})
    except (OSError, ValueError, ValidationError) as error:
        raise InvalidError(f"settings: {error}", hint="see docs/how-to/deploy.md", field="settings") from None


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens, so that its port is known before anybody asks."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    place = socket.socket(family)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        place.bind((host, port))
        place.listen()
    except OSError as error:
        place.close()
        raise StorageError(f"{host}:{port}: {error.strerror}", hint="take another --port") from None
    return place
