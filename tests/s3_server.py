"""A real S3 server for tests: moto's, in this process, one bucket a test."""

import json
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any, Self

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")


class S3Server:
    """One request after the other, as S3 answers for one object.

    `forgets_conditions` makes it an older kind of S3; with `loses_answers` what is written to paths that end so takes
    effect, but the answer is an error.
    """

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.forgets_conditions = False
        self.loses_answers: str | None = None
        self._one_at_a_time = threading.Lock()
        self._application: Application = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self.url = f"http://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def _answer(self, environment: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self.forgets_conditions:
            for name in CONDITIONS:
                environment.pop(name, None)
        writes_to = environment["PATH_INFO"] if environment["REQUEST_METHOD"] == "PUT" else ""
        lost = bool(self.loses_answers) and writes_to.endswith(str(self.loses_answers))
        with self._one_at_a_time:
            answer = [*self._application(environment, (lambda *_: None) if lost else start_response)]
        if lost:
            start_response("500 Internal Server Error", [("Content-Length", "0")])
        return [] if lost else answer


class Bucket:
    """What a test does to a bucket behind the registry's back."""

    def __init__(self, server: S3Server, name: str) -> None:
        self.server = server
        self.name = name
        self.store = f"s3://{name}/team/models"
        self._client = boto3.client("s3", endpoint_url=server.url)
        self._client.create_bucket(Bucket=name)

    def paths(self) -> list[str]:
        """The keys of all objects, below the store."""
        found = self._client.list_objects_v2(Bucket=self.name).get("Contents", [])
        return sorted(each["Key"].removeprefix("team/models/") for each in found)

    def read(self, key: str) -> bytes:
        return bytes(self._client.get_object(Bucket=self.name, Key=f"team/models/{key}")["Body"].read())

    def write(self, key: str, content: bytes) -> None:
        self._client.put_object(Bucket=self.name, Key=f"team/models/{key}", Body=content)

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self.name, Key=f"team/models/{key}")

    def deny(self, action: str) -> None:
        """Refuses an action, such as s3:PutObject, to everybody."""
        statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": f"arn:aws:s3:::{self.name}/*"}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        self._client.put_bucket_policy(Bucket=self.name, Policy=json.dumps(policy))
