// Reads this very address again and puts what has changed into the page. Focus, scroll and open details stay,
// because idiomorph changes the elements that are there instead of replacing them.
const vendored = new URL("vendor/idiomorph.min.js", import.meta.url).href;
const trusted = (globalThis.trustedTypes ?? { createPolicy: (_, rules) => rules }).createPolicy("bakeoff", {
  createHTML: (text) => text,
  createScriptURL: (address) => {
    if (address !== vendored) throw new TypeError(`not ours: ${address}`);
    return address;
  },
});

// A classic script that defines one name. It is loaded when the first swap needs it.
let loading;
function idiomorph() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = trusted.createScriptURL(vendored);
    script.addEventListener("load", () => resolve(globalThis.Idiomorph.morph));
    script.addEventListener("error", reject);
    document.head.append(script);
  });
  return loading;
}

// The server escapes whatever others wrote: this is the page that a reload would show.
export function parsed(text) {
  return new DOMParser().parseFromString(trusted.createHTML(text), "text/html");
}

let busy = false;
let again = false;

// One request at a time; whatever comes meanwhile is one more request afterwards.
export async function refresh() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    const [answer, morph] = await Promise.all([
      fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" }),
      idiomorph(),
    ]);
    if (answer.redirected) { location.assign(answer.url); return; }
    const page = parsed(await answer.text());
    if (!answer.ok) { swap(document.querySelector("[data-region]"), page.querySelector("main"), morph); return; }
    for (const region of document.querySelectorAll("[data-region]")) {
      swap(region, page.getElementById(region.id), morph);
    }
    document.dispatchEvent(new CustomEvent("bakeoff:swapped"));
  } catch {
    // The server is away for a moment; the next event or input asks again.
  } finally {
    busy = false;
    if (again) { again = false; refresh(); }
  }
}

function swap(region, fresh, morph) {
  if (!region || !fresh) return;
  morph(region, fresh, {
    morphStyle: "outerHTML",
    ignoreActiveValue: true,
    callbacks: {
      // What the visitor has opened or ticked stays so.
      beforeAttributeUpdated: (name, element) => !(
        (name === "open" && element.tagName === "DETAILS")
        || ((name === "checked" || name === "disabled") && element.matches("#board input"))
        || name === "data-at"
      ),
      beforeNodeMorphed: (old, fresh) => {
        if (old.matches?.("#board input[type=checkbox]")) fresh.checked = old.checked;
        return !old.matches?.("[data-keep]");
      },
    },
  });
}
