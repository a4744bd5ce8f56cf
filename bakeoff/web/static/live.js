// Listens for changes while the page is seen, and closes the connection while its tab is hidden.
import { parsed, refresh } from "./swap.js";

export function follow() {
  const topic = document.body.dataset.live;
  if (!topic) return;
  let mark = document.body.dataset.mark;
  let source;
  const open = () => {
    source = new EventSource(`/live/${topic}`);
    source.addEventListener("changed", (event) => {
      if (event.data === mark) return;
      mark = event.data;
      refresh();
    });
  };
  const close = () => { source?.close(); source = undefined; };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else if (!source) open();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted && !source) open(); });
  if (!document.hidden) open();
}

const LOG_EVERY_MS = 1000;

// The log of a running job: asks for what was added, while the page is seen.
export function followLog() {
  const log = document.querySelector("[data-grows]");
  if (!log) return;
  const ask = async () => {
    if (document.hidden) return setTimeout(ask, LOG_EVERY_MS);
    try {
      const answer = await fetch(`${log.dataset.grows}?after=${log.dataset.size}`, { credentials: "same-origin" });
      const added = parsed(await answer.text()).getElementById("log");
      const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 20;
      log.append(added.textContent);
      log.dataset.size = added.dataset.size;
      if (atEnd) log.scrollTop = log.scrollHeight;
      if ("ended" in added.dataset) return location.reload();
    } catch {
      // The server is away for a moment.
    }
    return setTimeout(ask, LOG_EVERY_MS);
  };
  log.scrollTop = log.scrollHeight;
  setTimeout(ask, LOG_EVERY_MS);
}
