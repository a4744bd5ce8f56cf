// Listens for changes while the page is seen, and closes the connection while its tab is hidden.
import { refresh } from "./swap.js";

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
