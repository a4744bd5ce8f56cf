// What a page does beyond what it does without script: forms that ask by themselves, swaps in place, keys, copying.
import { follow, followLog } from "./live.js";
import { refresh } from "./swap.js";
import { startKeys } from "./keys.js";
import "./crosshair.js";

document.documentElement.classList.add("script");

const ASK_AFTER_MS = 180;

// Filters: asks this page with the form's values, and keeps the address in step. Empty values stay out of it.
for (const form of document.querySelectorAll("form[data-asks]")) {
  let waiting;
  const ask = () => {
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
    for (const name of new URLSearchParams(location.search).getAll("m")) query.append("m", name);
    const to = `${form.getAttribute("action")}${query.size ? `?${query}` : ""}`;
    history.replaceState(null, "", to);
    refresh();
  };
  form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(ask, ASK_AFTER_MS); });
  form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(waiting); ask(); });
}

// Choosing candidates to compare: at most five, and the address says which.
const MOST = 5;
const tray = document.getElementById("tray");
export function countChosen() {
  if (!tray) return;
  const boxes = [...document.querySelectorAll("#board input[type=checkbox]")];
  const chosen = boxes.filter((box) => box.checked);
  document.getElementById("chosen").textContent = chosen.length;
  tray.classList.toggle("open", chosen.length > 0);
  tray.querySelector("button").disabled = chosen.length < 2;
  for (const box of boxes) {
    box.disabled = !box.checked && chosen.length >= MOST;
    box.closest("tr").classList.toggle("bo-chosen", box.checked);
  }
}
document.addEventListener("change", (event) => {
  if (!event.target.matches("#board input[type=checkbox]")) return;
  countChosen();
  const query = new URLSearchParams(location.search);
  query.delete("m");
  for (const box of document.querySelectorAll("#board input:checked")) query.append("m", box.value);
  history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
});
document.addEventListener("bakeoff:swapped", countChosen);
countChosen();

// Copying a command, or the address of the page.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-address]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy ?? location.href);
    document.getElementById("live-note").textContent = "Copied";
  } catch {
    if (button.dataset.copy) getSelection().selectAllChildren(button.previousElementSibling);
  }
});

startKeys();
follow();
followLog();
