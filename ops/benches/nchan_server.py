"""nginx with nchan, the yardstick of streams: Debian's packages nginx and libnginx-mod-nchan, if they are installed."""

import contextlib
import http.client
import shutil
from collections.abc import Iterator
from pathlib import Path

from ops.embedded import ports
from ops.rig.eventually import eventually
from ops.rig.server_process import ServerProcess

MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
STREAM = "/stream"
_CONFIGURATION = """
load_module {module};
daemon off;
worker_processes 1;
error_log stderr notice;
pid {folder}/nginx.pid;
events {{ worker_connections 20000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location = /publish {{ nchan_publisher; nchan_channel_id bench; nchan_message_buffer_length 20; }}
        location = {stream} {{ nchan_subscriber eventsource; nchan_channel_id bench;
                               nchan_subscriber_first_message newest; }}
    }}
}}
"""


class NchanServer:
    """One worker process."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def publish(self, message: bytes) -> None:
        """Send one message to all subscribers."""
        self._connection.request("POST", "/publish", message)
        self._connection.getresponse().read()


def is_installed() -> bool:
    """Whether this machine has it."""
    return shutil.which("nginx", path="/usr/sbin:/usr/bin") is not None and MODULE.exists()


@contextlib.contextmanager
def nchan_server(folder: Path) -> Iterator[NchanServer]:
    """Run it until the end of the block."""
    folder.mkdir()
    port = ports.choose(["nchan"], {})["nchan"]
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(module=MODULE, folder=folder, port=port, stream=STREAM))
    words = ["/usr/sbin/nginx", "-p", str(folder), "-c", str(configuration)]
    with ServerProcess(lambda: words, "start worker process").running():
        server = NchanServer(port)
        eventually(lambda: _answers(server), "nchan answers")
        yield server


def _answers(server: NchanServer) -> bool:
    with contextlib.suppress(OSError):
        server.publish(b"first")
        return True
    return False
