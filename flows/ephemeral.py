"""Prefect's server for one run: started beside the run, and gone with it however the run ends.

The same app that Prefect starts itself when no server is named, but started here. Prefect would import all of it into
the run as well (3 s, 80 MB), would take every failed start for a taken port and try again, would write its shutdown's
tracebacks among what the run tells, and would outlive a run that is killed.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.core.errors import BarometerError

SETTINGS = {
    # what a server that lives as long as one run can do without
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    # Prefect's own mark: of the remaining services only those that record a run
    "PREFECT__SERVER_EPHEMERAL": "1",
    # for the file server.log; what a run tells comes from the run
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",
}
SHUTDOWN_SECONDS = 10


class PrefectUnreachable(BarometerError):
    """Prefect's server could not be reached or started, or it ended the run."""

    exit_code = 12


class Server:
    """A server that is starting; `wait` returns when it answers."""

    def __init__(self, home: Path) -> None:
        self._log = home / "server.log"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/api"
        fd = self._listener.fileno()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "flows.ephemeral", str(fd)],
                env=os.environ | SETTINGS,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=[fd],
                start_new_session=True,  # Ctrl-C is for the run, which then stops its server
            )

    def wait(self, seconds: float) -> None:
        """Wait until the server answers. Raises PrefectUnreachable when it does not within `seconds`."""
        too_long = threading.Timer(seconds, self._process.kill)
        too_long.start()
        try:
            is_up = self._process.stdout.readline()
            reason = "ended while it started" if too_long.is_alive() else f"did not answer within {seconds:g} s"
        finally:
            too_long.cancel()  # a thread that is left waiting holds an interrupted run back
        if not is_up:
            raise PrefectUnreachable(
                f"Prefect's server {reason}", f"see {self._log}, or run with --direct, which needs no server"
            )

    def stop(self) -> None:
        self._listener.close()
        self._process.stdin.close()
        try:
            self._process.wait(SHUTDOWN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@contextmanager
def starting(home: Path) -> Iterator[Server]:
    """A server whose database lies in `home`, for as long as the block lasts."""
    home.mkdir(parents=True, exist_ok=True)
    server = Server(home)
    try:
        yield server
    finally:
        server.stop()


def _serve(fd: int) -> None:
    """The server's own process: says when it is up, and ends when the run's end of its standard input is closed."""
    import uvicorn

    class Announced(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                os.write(1, b"up\n")

    def end_with_the_run() -> None:
        os.read(0, 1)
        if not server.started:
            os._exit(1)  # each of Prefect's migrations is a transaction of its own: the next server goes on with them
        server.should_exit = True

    app = "prefect.server.api.server:create_app"
    config = uvicorn.Config(app, factory=True, lifespan="on", log_level="error", timeout_graceful_shutdown=3)
    server = Announced(config)
    threading.Thread(target=end_with_the_run, daemon=True).start()
    server.run(sockets=[socket.socket(fileno=fd)])


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
