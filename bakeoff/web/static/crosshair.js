// Reads the curves of a plot at the pointer: a line, and the height of each curve beside it.
// What it shows stands in the table below the plot, too.
const SVG = "http://www.w3.org/2000/svg";
let shown = null;

function build(plot, data) {
  const line = document.createElementNS(SVG, "line");
  line.setAttribute("class", "bo-crosshair");
  plot.append(line);
  const tip = document.createElement("div");
  tip.className = "bo-tip";
  tip.setAttribute("aria-hidden", "true");
  const head = document.createElement("strong");
  tip.append(head);
  const cells = data.names.map((name, place) => {
    const row = document.createElement("div"), label = document.createElement("bdi"), value = document.createElement("span");
    row.className = `bo-m${data.places[place]}`;
    label.textContent = name;
    row.append(label, value);
    tip.append(row);
    return value;
  });
  document.body.append(tip);
  return { plot, data, line, tip, head, cells };
}

function hide() {
  shown?.line.remove();
  shown?.tip.remove();
  shown = null;
}

function show(plot, event) {
  const box = plot.getBoundingClientRect(), scale = plot.viewBox.baseVal.width / box.width;
  const data = shown?.plot === plot ? shown.data : JSON.parse(plot.dataset.crosshair);
  const share = ((event.clientX - box.left) * scale - data.left) / (data.right - data.left);
  if (share < -0.01 || share > 1.01) { hide(); return; }
  if (shown?.plot !== plot) { hide(); shown = build(plot, data); }
  const step = Math.round(Math.min(Math.max(share, 0), 1) * (data.heights[0].length - 1));
  const at = step / (data.heights[0].length - 1);
  const x = data.left + at * (data.right - data.left);
  for (const [name, value] of [["x1", x], ["x2", x], ["y1", data.top], ["y2", data.bottom]]) shown.line.setAttribute(name, value);
  shown.head.textContent = `${data.title} ${at.toFixed(2)}`;
  data.heights.forEach((heights, place) => { shown.cells[place].textContent = heights[step] === null ? "–" : heights[step].toFixed(3); });
  const left = event.clientX + 14 + shown.tip.offsetWidth > innerWidth ? event.clientX - 14 - shown.tip.offsetWidth : event.clientX + 14;
  shown.tip.style.left = `${left + scrollX}px`;
  shown.tip.style.top = `${event.clientY + 14 + scrollY}px`;
}

document.addEventListener("pointermove", (event) => {
  const plot = event.target.closest?.("svg[data-crosshair]");
  if (plot) show(plot, event); else hide();
});
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
