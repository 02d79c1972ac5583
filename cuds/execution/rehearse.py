"""A dry run: an engine is told everything up to the first result that something depends on, and computes nothing."""

from typing import Any, NoReturn, TypeVar

from cuds.model.entity import Entity
from cuds.wrapper.capability import Engine
from cuds.wrapper.contract import Session

E = TypeVar("E", bound=Entity)


class Rehearsed(Exception):  # noqa: N818  no error: a dry run ends here
    """A result was asked for."""

    def __init__(self, transcript: str, engine: Engine) -> None:
        super().__init__(transcript)
        self.transcript = transcript
        self.engine = engine


class Rehearsal(Session):
    """A session that only writes down; to ask it for a result ends the dry run.

    Parameters
    ----------
    session : Session
        As `Wrapper.rehearse` returns it.
    engine : Engine
        Who is told.
    """

    def __init__(self, session: Session, engine: Engine) -> None:
        self.session = session
        self.engine = engine

    def push(self, *what: Entity) -> None:
        """See `Session.push`."""
        self.session.push(*what)

    def advance(self, steps: int | None = None) -> None:
        """See `Session.advance`."""
        self.session.advance(steps)

    def pull(self, kind: type[E], name: str = "") -> NoReturn:
        """End the dry run."""
        raise Rehearsed(self.transcript(), self.engine)

    def pull_all(self, kind: type[E], name: str = "") -> NoReturn:
        """End the dry run."""
        raise Rehearsed(self.transcript(), self.engine)

    def report(self) -> dict[str, Any]:
        """End the dry run."""
        raise Rehearsed(self.transcript(), self.engine)

    def state(self) -> NoReturn:
        """End the dry run."""
        raise Rehearsed(self.transcript(), self.engine)

    def transcript(self) -> str:
        """See `Session.transcript`."""
        return self.session.transcript()

    def close(self) -> None:
        """See `Session.close`."""
        self.session.close()
