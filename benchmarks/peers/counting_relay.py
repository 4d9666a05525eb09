"""What two parties send each other over loopback, counted on its way: for bytes, never for time."""

import socket
import threading
from contextlib import suppress

_PIECE = 1 << 16


class Relay:
    """A port that passes on to another one. `forth` and `back` count bytes, framing included."""

    def __init__(self, target: int) -> None:
        """Listen, and pass on to `target` of loopback."""
        self.forth = self.back = 0
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                came, _ = self._listening.accept()
                try:
                    went = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    came.close()  # who calls tries again until the other one is there
                    continue
                for ends in ((came, went, True), (went, came, False)):
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, forth: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                if forth:
                    self.forth += len(piece)
                else:
                    self.back += len(piece)
                sink.sendall(piece)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
