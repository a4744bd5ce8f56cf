// Keys for those who want them. They can be switched off, and do nothing while somebody writes in a field.
const OFF = "bakeoff-keys-off";
const PLACES = { r: "/runs", m: "/models", q: "/queue", d: "/datasets", h: "/" };
let after = "";

export function startKeys() {
  const dialog = document.getElementById("keys");
  if (!dialog) return;
  const on = document.getElementById("keys-on");
  on.checked = localStorage.getItem(OFF) === null;
  on.addEventListener("change", () => {
    if (on.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  });
  document.getElementById("keys-button").addEventListener("click", () => dialog.showModal());
  document.addEventListener("keydown", (event) => {
    if (!on.checked || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog")) return;
    if (press(event.key, dialog)) event.preventDefault();
  });
}

function press(key, dialog) {
  if (after === "g") {
    after = "";
    if (PLACES[key]) { location.assign(PLACES[key]); return true; }
  }
  switch (key) {
    case "g": after = "g"; return false;
    case "?": dialog.showModal(); return true;
    case "/": return focus(document.getElementById("filter"));
    case "t": document.getElementById("theme-button")?.click(); return true;
    case "j": return step(1);
    case "k": return step(-1);
    case "x": return choose();
    case "c": return compare();
    case "Enter": return openRow();
    default: return false;
  }
}

function focus(element) {
  element?.focus();
  element?.select?.();
  return Boolean(element);
}

const rows = () => [...document.querySelectorAll("main tbody tr:has(a)")];
const present = () => document.querySelector("main tr[data-at]");

function step(by) {
  const known = rows();
  if (!known.length) return false;
  const now = present();
  const place = now ? known.indexOf(now) + by : by > 0 ? 0 : known.length - 1;
  const next = known[Math.min(Math.max(place, 0), known.length - 1)];
  now?.removeAttribute("data-at");
  next.setAttribute("data-at", "");
  next.querySelector("a")?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function choose() {
  const box = present()?.querySelector("input[type=checkbox]");
  if (!box || box.disabled) return false;
  box.click();
  return true;
}

function compare() {
  const form = document.getElementById("choice");
  if (!form || form.querySelectorAll("#board input:checked").length < 2) return false;
  form.requestSubmit();
  return true;
}

function openRow() {
  const now = present();
  if (!now || document.activeElement?.matches("a, button, input")) return false;
  now.querySelector("a")?.click();
  return true;
}
