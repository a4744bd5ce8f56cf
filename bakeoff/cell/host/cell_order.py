"""An order: what to run in a cell, with which payload and files, and within which limits."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Limits:
    wall_s: float  #: seconds from the start of the cell to its end
    threads: int  #: what BLAS, OpenMP and joblib may use, and what `n_jobs=-1` means
    #: Memory that the code may use beside the libraries and the mapped data; None: no limit.
    memory_mb: int | None = None
    mapped_bytes: int = 0  #: data that the entry maps, and that does not count as added
    scratch_mb: int = 1024  #: files in the scratch folder and in /dev/shm together
    log_kb: int = 1024  #: kept of what it prints; the rest is dropped
    processes: int = 128  #: at once; more would slow down the other processes of the machine
    all_threads: int = 8192  #: of all these processes together
    output_mb: int = 4096  #: size of one output, unless `outputs_mb` names it
    outputs_mb: Mapping[str, int] = field(default_factory=dict)  #: size of single outputs, by name

    def of_output(self, name: str) -> int:
        """The most MB that this output may have."""
        return self.outputs_mb.get(name, self.output_mb)

    @property
    def file_mb(self) -> int:
        """The most MB of any file that it writes. The kernel knows just one such limit per process."""
        return max(self.output_mb, self.scratch_mb, *self.outputs_mb.values())


@dataclass(frozen=True, kw_only=True)
class Order:
    entry: str  #: `package.module:function`, called in the cell as function(payload, inside)
    payload: Mapping[str, Any]  #: JSON
    limits: Limits
    log: Path  #: what the cell prints is appended here
    readable: tuple[Path, ...] = ()  #: what it may open for reading beside the libraries
    outputs: Mapping[str, Path] = field(default_factory=dict)  #: where each output goes, by name
    #: Files that it is given open, by name, if they are there. It can open none of them by its path.
    inputs: Mapping[str, Path] = field(default_factory=dict)
    network: bool = True  #: false: its code can connect to nothing
    growing: tuple[str, ...] = ()  #: outputs that lie in their places from the start, and are appended to
    #: Searched for modules before the libraries; its files are closed unless `readable` has them.
    import_path: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)  #: variables that it has besides
    in_home: Mapping[str, Path] = field(default_factory=dict)  #: links in its HOME, by their place in it

    #: Its outputs are on the disk before they get their places. False: whoever gives the order sees to that,
    #: or can tell whether they are what they were.
    synced: bool = True
    #: The cell may run other orders before and after it, if these can open the same and have the same limits.
    #: Only for code that is trusted to harm no other, and that no other is to be hidden from.
    shared: bool = False

    def may_follow(self, earlier: "Order") -> bool:
        """Whether both may run in one cell: they can open the same files, and have the same limits.

        Time is the exception, since nobody in the cell watches it. Inputs are closed with their order.
        """
        own = ("entry", "payload", "log", "outputs", "inputs", "limits")
        alike = all(
            getattr(self, one.name) == getattr(earlier, one.name)
            for one in fields(self)
            if one.name not in own
        )
        return self.shared and alike and self.limits == replace(earlier.limits, wall_s=self.limits.wall_s)

    def to_json(self) -> dict[str, Any]:
        return {
            "entry": self.entry,
            "payload": self.payload,
            "limits": asdict(self.limits),
            "log": str(self.log),
            "readable": [str(path) for path in self.readable],
            "outputs": {name: str(path) for name, path in self.outputs.items()},
            "inputs": {name: str(path) for name, path in self.inputs.items()},
            "network": self.network,
            "growing": list(self.growing),
            "import_path": list(self.import_path),
            "environment": dict(self.environment),
            "in_home": {place: str(path) for place, path in self.in_home.items()},
            "synced": self.synced,
            "shared": self.shared,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            entry=data["entry"],
            payload=data["payload"],
            limits=Limits(**data["limits"]),
            log=Path(data["log"]),
            readable=tuple(map(Path, data["readable"])),
            outputs={name: Path(path) for name, path in data["outputs"].items()},
            inputs={name: Path(path) for name, path in data["inputs"].items()},
            network=data["network"],
            growing=tuple(data["growing"]),
            import_path=tuple(data["import_path"]),
            environment=data["environment"],
            in_home={place: Path(path) for place, path in data["in_home"].items()},
            synced=data["synced"],
            shared=data["shared"],
        )
