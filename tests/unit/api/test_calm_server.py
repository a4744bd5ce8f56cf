"""The server of the API does not wake while nothing happens, and ends at once all the same."""

import asyncio
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection
from typing import Any

import pytest
import uvicorn

from bakeoff.api.api_process import CalmServer


async def nothing(*_: object) -> None:
    """An application that is never asked."""


def test_it_ends_at_once_when_it_is_told_to_and_does_not_wake_before(monkeypatch: pytest.MonkeyPatch) -> None:
    server, wakes = CalmServer(uvicorn.Config(nothing, log_config=None)), []
    on_tick = server.on_tick

    async def counted(counter: int) -> bool:
        wakes.append(counter)
        return await on_tick(counter)

    monkeypatch.setattr(server, "on_tick", counted)

    async def told_to_end() -> None:
        loop = asyncio.ensure_future(server.main_loop())
        await asyncio.sleep(1.5)
        server.handle_exit(signal.SIGTERM, None)
        await asyncio.wait_for(loop, 0.5)

    asyncio.run(told_to_end())
    assert len(wakes) == 2  # as it begins, and as it ends


async def empty(_: object, __: object, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})


def date_of_answer(port: int) -> float:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/")
    said = connection.getresponse().headers.get_all("date") or []
    connection.close()
    (date,) = said
    return parsedate_to_datetime(date).timestamp()


def test_each_answer_has_one_date_which_is_that_of_its_own_second() -> None:
    server = CalmServer(uvicorn.Config(empty, log_config=None, lifespan="off"))

    async def asked_twice() -> list[float]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            served = asyncio.ensure_future(server._serve([listener]))
            dates = [await asyncio.to_thread(date_of_answer, port)]
            await asyncio.sleep(1.1)
            dates.append(await asyncio.to_thread(date_of_answer, port))
            server.handle_exit(signal.SIGTERM, None)
            await served
        return dates

    before = int(time.time())
    first, second = asyncio.run(asked_twice())
    assert before <= first < second <= time.time()
