"""Secrets by their resource names in, a gRPC server on loopback that answers as Secret Manager does out."""

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from google.cloud.secretmanager_v1 import AccessSecretVersionRequest, AccessSecretVersionResponse

SERVICE = "google.cloud.secretmanager.v1.SecretManagerService"

Answer = bytes | grpc.StatusCode | threading.Event


@dataclass
class SecretServer:
    """`answers` by resource name, the last of a list for good: bytes, a status, or an event to wait for."""

    answers: dict[str, list[Answer]]
    address: str = ""
    asked: list[str] = field(default_factory=list)

    def access(self, request: AccessSecretVersionRequest, context: grpc.ServicerContext) -> AccessSecretVersionResponse:
        self.asked.append(request.name)
        answers = self.answers.get(request.name, [grpc.StatusCode.NOT_FOUND])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, threading.Event):
            answer.wait(30)
            answer = grpc.StatusCode.ABORTED
        if isinstance(answer, grpc.StatusCode):
            context.abort(answer, f"status {answer.name}")
        return AccessSecretVersionResponse(name=request.name, payload={"data": answer})


@contextmanager
def serving(secrets: Mapping[str, Answer | list[Answer]]) -> Iterator[SecretServer]:
    """Serve secrets of project ``mine``, keyed ``name/versions/number``."""
    state = SecretServer(
        {
            f"projects/mine/secrets/{name}": answer if isinstance(answer, list) else [answer]
            for name, answer in secrets.items()
        }
    )
    method = grpc.unary_unary_rpc_method_handler(
        state.access,
        request_deserializer=AccessSecretVersionRequest.deserialize,
        response_serializer=AccessSecretVersionResponse.serialize,
    )
    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads)
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(SERVICE, {"AccessSecretVersion": method})]
        )
        state.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        try:
            yield state
        finally:
            for answer in (answer for answers in state.answers.values() for answer in answers):
                if isinstance(answer, threading.Event):
                    answer.set()
            server.stop(grace=5).wait()  # nothing is held any more, so this is at once
