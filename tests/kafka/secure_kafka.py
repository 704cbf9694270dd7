"""A real Kafka that is locked on every side but one: TLS, passwords, tokens, and a list of who may do what.

    CLIENTS   SASL_SSL: SCRAM-SHA-256, SCRAM-SHA-512, PLAIN, OAUTHBEARER (user ``worker`` with ``PASSWORD``)
    MUTUAL    SSL with a client certificate; the principal is its common name
    MISNAMED  SSL, with a certificate for another host than the one it is reached by
    PASSWORDS SASL_PLAINTEXT: the mechanisms of CLIENTS without TLS
    BROKERS   plain, and whoever comes this way may do everything: how a test makes topics, users and permissions

Nobody else may do anything that `allow` did not allow. One broker serves the whole run: use users, topics and groups
of your own.

    secure.settings("SCRAM-SHA-512", user)          # what a worker is told, as SENTIMENT_... variables
    secure.add_user(user); secure.allow(user, permissions)
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
    UserScramCredentialUpsertion,
)

from deploy.local.kafka import LocalKafka
from tests.certificates import Authority
from tests.kafka.token_endpoint import AUDIENCE, ISSUER, Signer, TokenEndpoint

PASSWORD = "correct-horse-battery"  # of every user: a test's own
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
_MODULE = "org.apache.kafka.common.security"
_LISTENERS = {"CLIENTS": "SASL_SSL", "MUTUAL": "SSL", "MISNAMED": "SSL", "PASSWORDS": "SASL_PLAINTEXT"}


class Permission(NamedTuple):
    """One operation on one resource: ("topic", "reviews", "Read"), by its whole name or what it begins with."""

    kind: str  # topic, group, transactional id, cluster
    name: str
    operation: str
    prefixed: bool = False


class SecureKafka:
    """The broker, its authorities, its identity provider, its users."""

    def __init__(self, kafka: LocalKafka, folder: Path, authority: Authority, endpoint: TokenEndpoint) -> None:
        self.kafka = kafka
        self.folder = folder
        self.authority = authority
        self.endpoint = endpoint

    @property
    def bootstrap_servers(self) -> str:
        """The address by which everything is allowed: for the test itself, and what makes and reads topics for it."""
        return self.kafka.address(1, "BROKERS")

    def settings(self, mechanism: str, user: str, listener: str = "CLIENTS") -> dict[str, str]:
        """What a worker is told to come as `user` (`mechanism` is none of them: with its certificate, to MUTUAL)."""
        reported = {"bootstrap_servers": self.kafka.address(1, listener), "security_protocol": _LISTENERS[listener]}
        if _LISTENERS[listener].endswith("SSL"):
            reported["ssl_ca_file"] = str(self.authority.file)
        if mechanism == "OAUTHBEARER":
            self.endpoint.clients[user] = PASSWORD
            reported |= {"sasl_oauth_token_url": self.endpoint.url, "sasl_oauth_ca_file": str(self.authority.file)}
            reported |= {"sasl_oauth_client_id": user, "sasl_oauth_client_secret": PASSWORD}
        elif mechanism:
            reported |= {"sasl_username": user, "sasl_password": PASSWORD}
        else:
            issued = self.authority.issue(user)
            reported |= {"ssl_certificate_file": str(issued.certificate_file), "ssl_key_file": str(issued.key_file)}
        if mechanism:
            reported["sasl_mechanism"] = mechanism
        return {f"SENTIMENT_KAFKA_{name.upper()}": value for name, value in reported.items()}

    def add_user(self, user: str) -> None:
        """Let a user log in with SCRAM."""
        with self.admin() as admin:
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):  # Kafka refuses both in one request
                answer = admin.alter_user_scram_credentials([UserScramCredentialUpsertion(user, mechanism, PASSWORD)])
                assert not any(answer.values()), answer

    def allow(self, user: str, permissions: Iterable[Permission]) -> None:
        """Give a user permissions, beside those that it has."""
        rules = [_rule(user, permission) for permission in permissions]
        with self.admin() as admin:
            answer = admin.create_acls(rules)
            assert not answer["failed"], answer

    @contextmanager
    def admin(self) -> Iterator[KafkaAdminClient]:
        """A client that may do everything."""
        with KafkaAdminClient(bootstrap_servers=self.bootstrap_servers) as admin:
            yield admin


@contextmanager
def secure_kafka(folder: Path) -> Iterator[SecureKafka]:
    """Start it; certificates, keys and tokens lie in `folder`."""
    authority, signer = Authority(folder), Signer(folder)
    properties = (
        _locks(authority)
        | _mechanisms(signer)
        | {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }
    )
    allowed = {"org.apache.kafka.sasl.oauthbearer.allowed.urls": signer.keys_file.as_uri()}
    endpoint = TokenEndpoint(signer, {}, authority.issue("token-endpoint", "127.0.0.1"))
    with endpoint, LocalKafka(properties=properties, listeners=_LISTENERS, system_properties=allowed) as kafka:
        yield SecureKafka(kafka, folder, authority, endpoint)


def _locks(authority: Authority) -> dict[str, str]:
    kafka, stranger = authority.issue("kafka", "127.0.0.1", "localhost"), authority.issue("stranger", "kafka.example")
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(kafka.both_file),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.file),
        "listener.name.misnamed.ssl.keystore.type": "PEM",
        "listener.name.misnamed.ssl.keystore.location": str(stranger.both_file),
        "listener.name.mutual.ssl.client.auth": "required",
        "ssl.principal.mapping.rules": "RULE:^CN=(.*?)$/$1/,DEFAULT",
    }


def _mechanisms(signer: Signer) -> dict[str, str]:
    scram = f"{_MODULE}.scram.ScramLoginModule required;"
    users = f'{_MODULE}.plain.PlainLoginModule required user_worker="{PASSWORD}";'
    oauth = f"{_MODULE}.oauthbearer.OAuthBearer"
    found = {
        "sasl.oauthbearer.jwks.endpoint.url": signer.keys_file.as_uri(),
        "sasl.oauthbearer.expected.audience": AUDIENCE,
        "sasl.oauthbearer.expected.issuer": ISSUER,
    }
    for name in ("clients", "passwords"):
        listener = f"listener.name.{name}"
        found |= {
            f"{listener}.sasl.enabled.mechanisms": ",".join(MECHANISMS),
            f"{listener}.scram-sha-256.sasl.jaas.config": scram,
            f"{listener}.scram-sha-512.sasl.jaas.config": scram,
            f"{listener}.plain.sasl.jaas.config": users,
            f"{listener}.oauthbearer.sasl.jaas.config": f"{oauth}LoginModule required;",
            f"{listener}.oauthbearer.sasl.server.callback.handler.class": f"{oauth}ValidatorCallbackHandler",
        }
    return found


def _rule(user: str, permission: Permission) -> ACL:
    kind = ResourceType[permission.kind.replace(" ", "_").upper()]
    pattern = ACLResourcePatternType.PREFIXED if permission.prefixed else ACLResourcePatternType.LITERAL
    operation = ACLOperation[permission.operation.replace(" ", "_").upper()]
    resource = ResourcePattern(kind, permission.name, pattern)
    return ACL(f"User:{user}", "*", operation, ACLPermissionType.ALLOW, resource)
