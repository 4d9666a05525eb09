"""What every part of a client shares: home, profile, connection, memory and trust."""

import datetime as dt
import threading
from collections.abc import Callable
from functools import cached_property
from typing import Self

from unseen.client.channel import Answer, Channel, Unary, instance_credentials
from unseen.client.demanding import Witnesses
from unseen.client.errors import RefusedError
from unseen.client.follow import Follower
from unseen.client.local import identity
from unseen.client.local.home import Home, read_file, write_json
from unseen.client.local.keys import load_signer
from unseen.client.local.profile import Profile, load_profile
from unseen.client.local.state import State
from unseen.evidence import trust
from unseen.evidence.suite import Signer, Suite, signer_id
from unseen.evidence.trust import Trust, TrustedParty
from unseen.v1 import identity_pb2, identity_pb2_grpc

Progress = Callable[[str, int, int], None]
"""`progress(what, done, total)`; `total` is 0 where nobody knows it. May come from any thread."""

CALL_SECONDS = 30.0


def no_progress(what: str, done: int, total: int) -> None:
    """Show nothing."""


def counted(progress: Progress, what: str, total: int) -> Callable[[int], None]:
    """Return what hears of parts that are done, and tells how many of `total` they are by then."""
    done = 0

    def told(count: int) -> None:
        nonlocal done
        done += count
        progress(what, min(done, total), total)

    return told


class Session:
    """The shared parts of one open client. Thread-safe."""

    def __init__(
        self, home: Home, profile: Profile, state: State, channel: Channel, progress: Progress
    ) -> None:
        """Take over what `open` has opened."""
        self.home = home
        self.profile = profile
        self.state = state
        self.channel = channel
        self.progress = progress
        self._trust = trust.parse(read_file(home.trust))
        self._registering = threading.Lock()
        self._in_flight = 0
        self._counting = threading.Lock()

    @classmethod
    def open(cls, home: Home, progress: Progress, timeout: float) -> Self:
        """Open the client of `home`; nothing is sent yet. Renews its certificate when due.

        Raises:
            HomeError: the home is incomplete or unreadable.

        """
        profile = load_profile(home)
        soon = dt.datetime.now(dt.UTC) + identity.RENEW_BEFORE
        if identity.expires(home) < soon and home.key("party").exists():
            identity.renew(home.root)
        state = State(home)
        try:
            follower = Follower(profile.node, profile.suite, home, state)
            channel = Channel(profile.node.address, instance_credentials(home), follower, timeout)
            return cls(home, profile, state, channel, progress)
        except BaseException:
            state.close()
            raise

    @property
    def suite(self) -> Suite:
        """The crypto suite spoken with the node."""
        return self.profile.suite

    @property
    def trust(self) -> Trust:
        """Whom this client believes."""
        return self._trust

    @cached_property
    def witnesses(self) -> Witnesses:
        """The witnesses that have to have cosigned the log before anything is asked."""
        return Witnesses(self)

    @cached_property
    def instance_signer(self) -> Signer:
        """Signs requests."""
        return load_signer(self.home, "instance")

    @cached_property
    def instance_key_id(self) -> str:
        """The name of this instance's key, as receipts use it."""
        return signer_id(self.instance_signer)

    @cached_property
    def party_signer(self) -> Signer:
        """Signs contracts; only where the party's key lies in this home."""
        return load_signer(self.home, "party")

    def call(self, method: Unary[Answer], request: object, timeout: float | None = None) -> Answer:
        """Return the node's answer; shows it this instance's certification if it asks for that.

        Raises:
            As `Channel.unary`.

        """
        with self._counting:
            self._in_flight += 1
        try:
            try:
                return self.channel.unary(method, request, timeout)
            except RefusedError as error:
                if error.reason != "INSTANCE_UNKNOWN":
                    raise
            self.register_instance()
            return self.channel.unary(method, request, timeout)
        finally:
            with self._counting:
                self._in_flight -= 1

    def rest(self) -> None:
        """Hand queued writes to the system if no call is in flight that will do it anyway."""
        if not self._in_flight:
            self.state.flush()

    def register_instance(self) -> None:
        """Show the node the party's certification of this instance.

        Raises:
            As `Channel.unary`.

        """
        with self._registering:
            token = read_file(self.home.instance(self.profile.instance)).decode()
            stub = identity_pb2_grpc.IdentityServiceStub(self.channel.grpc)
            request = identity_pb2.RegisterInstanceRequest(certification=token)
            self.channel.unary(stub.RegisterInstance, request)

    def trust_party(self, party: TrustedParty) -> None:
        """Add a party that the operator has enrolled to the trust file."""
        known = self._trust
        if party.key_id in known.parties:
            return
        logs = known.logs.items()
        self._trust = Trust.of([*known.parties.values(), party], logs)
        write_json(self.home.trust, self._trust.to_json())

    def close(self) -> None:
        """Finish what is under way and close."""
        try:
            self.channel.settle()
        finally:
            self.channel.close()
            self.state.close()
