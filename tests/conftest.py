"""For all tests: no example has a deadline, since a machine may do other things at the time."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("wsrec", deadline=None)
settings.load_profile("wsrec")
