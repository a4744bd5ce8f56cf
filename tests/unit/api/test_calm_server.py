"""The server of the API wakes seldom, and ends at once all the same."""

import asyncio
import signal

import uvicorn

from bakeoff.api.api_process import CalmServer


async def nothing(*_: object) -> None:
    """An application that is never asked."""


def test_it_ends_at_once_when_it_is_told_to_and_knows_the_date_before() -> None:
    server = CalmServer(uvicorn.Config(nothing, log_config=None))

    async def told_to_end() -> list[str]:
        loop = asyncio.ensure_future(server.main_loop())
        await asyncio.sleep(0)
        headers = [name.decode() for name, _ in server.server_state.default_headers]
        server.handle_exit(signal.SIGTERM, None)
        await asyncio.wait_for(loop, 0.5)  # well before the next time that it would wake
        return headers

    assert "date" in asyncio.run(told_to_end())
