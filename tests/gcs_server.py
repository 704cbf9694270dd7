"""Google Cloud Storage for tests: gcp-storage-emulator's server, which learns here to honour ifGenerationMatch."""

import io
import json
import logging
import re
import threading
from functools import partial
from http.server import HTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlparse

from gcp_storage_emulator.exceptions import NotFound
from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.storage import Storage

BUCKET = "models"


class GcsServer:
    """One bucket; one request after the other, as Cloud Storage answers for one object.

    With `forgets_conditions` it answers as the emulator alone does; with `loses_answers` the next writes to paths that
    end so take effect, but the first answer is an error.
    """

    def __init__(self) -> None:
        for name in ("gcp_storage_emulator", "api.object"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self.forgets_conditions = False
        self.loses_answers: str | None = None
        self.storage = Storage(use_memory_fs=True)
        self.storage.create_bucket(BUCKET, {"name": BUCKET, "id": BUCKET})
        self._http = HTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self.store = f"gs://{BUCKET}/team/models"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def generation(self, name: str) -> str:
        """The object's generation; 0 where there is none."""
        try:
            return str(self.storage.get_file_obj(BUCKET, name)["generation"])
        except NotFound:
            return "0"


class _Handler(RequestHandler):  # type: ignore[misc]
    def __init__(self, server: GcsServer, *arguments: Any) -> None:
        self._gcs = server
        super().__init__(server.storage, *arguments)

    def do_POST(self) -> None:  # noqa: N802 - the name that the server looks for
        self.rfile = io.BytesIO(self._body())
        query = parse_qs(urlparse(self.path).query)
        name = query.get("name", [""])[0]
        expected = query.get("ifGenerationMatch", [""])[0]
        if expected and not self._gcs.forgets_conditions and expected != self._gcs.generation(name):
            self._refuse(412)
        elif self._gcs.loses_answers and name.endswith(self._gcs.loses_answers):
            self._gcs.loses_answers = None
            answers, self.wfile = self.wfile, io.BytesIO()
            super().do_POST()
            self.wfile = answers
            self._refuse(503)
        else:
            super().do_POST()

    def _body(self) -> bytes:
        """The body; of one in two parts the second, as a plain upload: the emulator changes line ends in parts."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "uploadType=media" in self.path:
            return body
        about = re.search(rb"{.*}", body)
        self.path += "&" + urlencode({"name": json.loads(about[0])["name"]} if about else {})
        if "uploadType=multipart" in self.path:
            self.path = self.path.replace("uploadType=multipart", "uploadType=media")
            body = body.split(b"\n\n", 2)[2].rsplit(b"\n--", 1)[0]
            self.headers.replace_header("Content-Length", str(len(body)))
            self.headers.replace_header("Content-Type", "application/octet-stream")
        return body

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
