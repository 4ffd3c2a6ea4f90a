"""The name of a secret in, its newest or pinned value out: Google Secret Manager.

Protocol: https://cloud.google.com/secret-manager/docs/reference/rpc/google.cloud.secretmanager.v1, through Google's own
client. Secrets are read once, before anything runs, so the calls are plain blocking ones. No error holds a value.
"""

import re
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import grpc
from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import DefaultCredentialsError
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceGrpcTransport
from pydantic import BaseModel, ConfigDict, Field

from shared.errors import ConfigurationError, Unavailable

# Ids and aliases as Secret Manager allows them; a project is named by its id or its number.
_NAME: Final = re.compile(
    r"(?:projects/(?P<project>[a-z0-9.:-]+)/secrets/)?(?P<secret>[\w-]{1,255})(?:/versions/(?P<version>[\w-]{1,63}))?",
    re.ASCII,
)
_FORMS: Final = "projects/PROJECT/secrets/SECRET/versions/VERSION"
_REFUSALS: Final = (exceptions.PermissionDenied, exceptions.Unauthenticated)


class Options(BaseModel):
    """Where the secrets are.

    Attributes:
        project: Google Cloud project of secrets that are named without one.
        emulator_host: ``host:port`` of a stand-in without TLS and credentials; empty for the real service.
        timeout: Seconds after which a secret that has not come is `Unavailable`; until then it is asked for again.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    project: str = ""
    emulator_host: str = ""
    timeout: float = Field(default=10.0, gt=0)


@dataclass(frozen=True, slots=True)
class _Version:
    """A version of a secret; its text is its resource name."""

    project: str
    secret: str
    number: str

    def __str__(self) -> str:
        return f"projects/{self.project}/secrets/{self.secret}/versions/{self.number}"


class GoogleSecrets:
    """One connection, which ends with the ``with`` block."""

    def __init__(self, client: SecretManagerServiceClient, options: Options) -> None:
        self._client = client
        self._options = options
        self._host = options.emulator_host or SecretManagerServiceClient.DEFAULT_ENDPOINT

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.transport.close()  # type: ignore[no-untyped-call] # the library has no types here

    def read(self, name: str) -> str:
        """The secret's text, without white space around it, which files and pipes like to add.

        Args:
            name: ``projects/p/secrets/s/versions/3``; ``latest`` where the version is left out, and the project of the
                options where only the secret is named.

        Raises:
            ConfigurationError: No such version, no right to read it, or a text that is no name of a secret. (The text
                is not repeated then: it may be the secret itself, set by mistake.)
            Unavailable: No answer within the time.
        """
        version = self._version(name)
        try:
            data = self._access(version)
        except exceptions.GoogleAPIError as error:
            raise self._translated(error, version) from error
        try:
            return data.decode().strip()
        except UnicodeDecodeError:  # which holds the secret, and so is not passed on
            raise ConfigurationError(f"{version} is not UTF-8 text; store the secret as plain text") from None

    def _version(self, name: str) -> _Version:
        found = _NAME.fullmatch(name.strip())
        if found is None:
            raise ConfigurationError(f"this is not the name of a secret; write {_FORMS}")
        project = found["project"] or self._options.project
        if not project:
            raise ConfigurationError(
                f"no project is named for secret {name!r}; set GOOGLE_CLOUD_PROJECT or write {_FORMS}"
            )
        return _Version(project, found["secret"], found["version"] or "latest")

    def _access(self, version: _Version) -> bytes:
        seconds = self._options.timeout
        retry = Retry(
            if_exception_type(exceptions.ServiceUnavailable, exceptions.ResourceExhausted),
            initial=0.1,
            maximum=1.0,
            timeout=seconds,
        )
        answer = self._client.access_secret_version(name=str(version), retry=retry, timeout=seconds)
        return bytes(answer.payload.data)

    def _translated(self, error: exceptions.GoogleAPIError, version: _Version) -> ConfigurationError | Unavailable:
        cause = error.cause if isinstance(error, exceptions.RetryError) else error
        said = str(cause).partition("\n")[0]
        project, secret = version.project, version.secret
        if isinstance(cause, exceptions.NotFound):
            return ConfigurationError(
                f"{version} does not exist; create it: gcloud secrets create {secret} --project={project} "
                "--data-file=FILE (or, where only the version is missing: gcloud secrets versions add)"
            )
        if isinstance(cause, _REFUSALS):
            return ConfigurationError(
                f"{version} may not be read ({said}); give this service's account the role "
                f"roles/secretmanager.secretAccessor on secret {secret!r} of project {project!r}"
            )
        if isinstance(cause, exceptions.FailedPrecondition):
            return ConfigurationError(
                f"{version} is disabled or destroyed; name another version, or: gcloud secrets versions enable "
                f"{version.number} --secret={secret} --project={project}"
            )
        if isinstance(cause, exceptions.InvalidArgument):
            return ConfigurationError(f"{version} is not accepted ({said}); write {_FORMS}")
        return Unavailable(f"Secret Manager at {self._host} cannot give {version} now ({said}): check it is reachable")


def create(options: Options) -> GoogleSecrets:
    """Connect, with Google's application default credentials unless it is to an emulator.

    Raises:
        ConfigurationError: There are no credentials.
    """
    if options.emulator_host:
        channel = grpc.insecure_channel(options.emulator_host)
        return GoogleSecrets(
            SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel)), options
        )
    try:
        return GoogleSecrets(SecretManagerServiceClient(), options)
    except DefaultCredentialsError as error:
        raise ConfigurationError(
            "no Google credentials were found to read secrets with; run as a service account, or: "
            "gcloud auth application-default login"
        ) from error
