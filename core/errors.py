"""The exception family, by the caller's question: whose fault is it, and is it worth trying again?

StanokError
├── InputError          a person's file or argument is wrong: fix it, then try again
│   └── Complaints      files, with every complaint at once
│       ├── PlantError      a plant file, each with the path of its key
│       └── RegistryError   files of a modernization registry, each with file and line
├── OutsideError        a server, disk or network failed us: trying again later is worth it
│   ├── SpoolError      the spool cannot take or give rows
│   ├── DatabaseError   the database cannot be reached or refused a transaction
│   └── SourceError     a machine's server or a broker
├── FencedError         another engine owns the spool now: stop, never try again
└── BrokenPromise       a rule of ours does not hold: a defect, stop and report

A bad sample is no exception: it becomes a quality code, a quarantine row and a counter.
"""

from __future__ import annotations

from collections.abc import Sequence


class StanokError(Exception):
    """Base of all errors that Stanok raises on purpose; its text is one sentence for a person."""


class InputError(StanokError):
    """A person's file or argument is wrong."""


class Complaints(InputError):
    """Files are wrong; `complaints` holds every sentence, each beginning with where it is."""

    def __init__(self, complaints: Sequence[str]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("; ".join(self.complaints))


class PlantError(Complaints):
    """A plant file is wrong; each complaint begins with the path of its key."""


class RegistryError(Complaints):
    """Files of a modernization registry are wrong; each complaint begins with file and line."""


class OutsideError(StanokError):
    """Something outside this process failed; trying again later is worth it."""


class SpoolError(OutsideError):
    """The spool cannot take or give rows."""


class DatabaseError(OutsideError):
    """The database cannot be reached, or it refused a transaction."""


class SourceError(OutsideError):
    """A machine's server or a broker cannot be used."""


class FencedError(StanokError):
    """Another engine owns this spool now; this one must end without writing."""


class BrokenPromise(StanokError):
    """An invariant of Stanok does not hold."""
