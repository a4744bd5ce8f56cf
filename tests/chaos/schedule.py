"""What strikes when, drawn from a seed: the same seed gives the same schedule."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    CELL = "kill -9 of a cell"
    WARM_PARENT = "kill -9 of a warm parent"
    OVEN = "kill -9 of the oven"
    POOL = "kill -9 of a pool process"
    WORKER = "kill -9 of a worker"
    RESTART = "SIGTERM of a worker"
    CONTROL = "kill -9 of the control node"
    BEAT = "kill -9 of beat"
    REDIS = "kill -9 of Redis"
    REDIS_WIPED = "kill -9 of Redis, wiped"
    KEEPER = "kill -9 of Redis and its keeper"
    CONNECTIONS = "CLIENT KILL of all connections"
    FROZEN = "SIGSTOP of a worker"
    LOCKED = "database locked"
    DISCONNECTED = "database ends all connections"
    SHUT_DOWN = "database restarted"
    CRASHED = "database killed"
    MESSAGES = "false messages"
    IN_SNAPSHOT = "producer killed in its snapshot"
    BEFORE_TRANSACTION = "producer killed before its transaction"
    BEFORE_MESSAGES = "producer killed before its messages"
    AMID_MESSAGES = "producer killed amid its messages"


class Database(StrEnum):
    SQLITE = "sqlite"  #: one machine, whose worker brings its Redis
    POSTGRESQL = "postgresql"  #: two machines with disks of their own


_OF_ONE = {
    Kind.KEEPER: Database.SQLITE,
    Kind.DISCONNECTED: Database.POSTGRESQL,
    Kind.SHUT_DOWN: Database.POSTGRESQL,
    Kind.CRASHED: Database.POSTGRESQL,
}


def kinds(database: Database) -> tuple[Kind, ...]:
    """What can strike there."""
    return tuple(kind for kind in Kind if _OF_ONE.get(kind, database) is database)


@dataclass(frozen=True, kw_only=True)
class Stroke:
    kind: Kind
    after_s: float  #: since the stroke before it
    pick: float  #: from 0 to 1: which of the possible victims
    length: float  #: from 0 to 1: how long, for what takes its time


def draw(seed: str, kinds: Sequence[Kind]) -> Iterator[Stroke]:
    """Without an end. Each kind comes once before any comes twice."""
    chance = random.Random(seed)
    while True:
        for kind in chance.sample(kinds, len(kinds)):
            yield Stroke(
                kind=kind, after_s=chance.uniform(0.1, 1.2), pick=chance.random(), length=chance.random()
            )
