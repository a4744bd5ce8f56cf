"""Starts of runs wait for others of their kind, and not for those that read data."""

import asyncio
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

from bakeoff.api import handler_services_and_rights
from bakeoff.api.cached_probe import CachedProbe, ProbeTimes
from bakeoff.api.handler_services_and_rights import Service


def _service(*, known: str) -> Service:
    memory = SimpleNamespace(is_likely_to_know=lambda name: name == known)
    never: CachedProbe[Any] = CachedProbe(lambda: None, ProbeTimes(fresh_s=1, stale_s=1, wait_s=1))
    return Service(
        context=cast("Any", SimpleNamespace(pin_cache=memory)),
        broker=never,
        database=never,
        counts=never,
        is_stopping=lambda: False,
    )


def test_a_start_on_remembered_data_does_not_wait_for_those_that_read() -> None:
    async def quick_beside_slow_ones() -> tuple[str, int]:
        service, may_end = _service(known="quick"), Event()
        slow = [asyncio.ensure_future(service.start_on("slow", may_end.wait, 20)) for _ in range(_MANY)]
        try:
            said = await asyncio.wait_for(service.start_on("quick", lambda: "started"), 10)
            return said, sum(one.done() for one in slow)
        finally:
            may_end.set()
            await asyncio.gather(*slow)

    assert asyncio.run(quick_beside_slow_ones()) == ("started", 0)


def test_what_handlers_depend_on_takes_no_thread() -> None:
    """Each such thread would be one more turn that a request waits for."""
    found = [
        dependency
        for dependency in (
            handler_services_and_rights.json_only,
            *(annotated.__metadata__[0].dependency for annotated in _ANNOTATED),
        )
        if not asyncio.iscoroutinefunction(dependency)
    ]

    assert found == []


_MANY = 10  #: more than may be under way at once
_ANNOTATED = (
    handler_services_and_rights.TheService,
    handler_services_and_rights.TheContext,
    handler_services_and_rights.ThePrincipal,
    handler_services_and_rights.AnAdmin,
)
