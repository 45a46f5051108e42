// Asks this server for the drawings of the board and paints them, again and again while the page is seen.
// What is chosen stands in the page's address in Grafana's words (from, to, var-<name>), so that it can be kept.
// Text from the server is only ever set as text, never as HTML.
"use strict";

const settings = JSON.parse(document.body.dataset.settings);
const words = settings.words;
const form = document.getElementById("choices");
const address = new URLSearchParams(location.search);
const drawn = new Map(); // panel -> its last drawing, to paint again when the colours of the page change
document.body.classList.toggle("kiosk", address.has("kiosk"));
let asking = null;
let missed = false;
const CARDS = 8;

function element(name, properties = {}, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// What is chosen

function readSpan() {
  const span = address.get("from") ?? settings.time.from;
  const known = [...form.span.options].some((option) => option.value === span);
  form.span.value = known && (address.get("to") ?? "now") === "now" ? span : "custom";
  document.getElementById("custom").hidden = form.span.value !== "custom";
}

function chooseSpan() {
  if (form.span.value !== "custom") {
    address.set("from", form.span.value);
    address.set("to", "now");
  }
  readSpanAndAsk();
}

function chooseEnds() {
  for (const name of ["from", "to"]) {
    const at = new Date(form[name].value).getTime();
    if (Number.isFinite(at)) address.set(name, String(at));
  }
  readSpanAndAsk();
}

function readSpanAndAsk() {
  document.getElementById("custom").hidden = form.span.value !== "custom";
  ask();
}

function paintVariables(variables) {
  const place = document.getElementById("variables");
  const state = JSON.stringify(variables);
  if (place.dataset.state === state || place.contains(document.activeElement)) return;
  const open = new Set([...place.querySelectorAll("details[open]")].map((found) => found.dataset.name));
  place.dataset.state = state;
  place.replaceChildren(...variables.map((variable) => choice(variable, open.has(variable.name))));
}

function choice(variable, open) {
  if (variable.free) {
    const box = element("input", { value: variable.chosen[0] ?? "", ariaLabel: variable.label });
    box.addEventListener("change", () => choose(variable.name, [box.value]));
    return element("label", {}, [`${variable.label} `, box]);
  }
  const options = variable.include_all ? [[words.all, "$__all"], ...variable.options] : variable.options;
  const found = element("details", { className: "choice", open });
  found.dataset.name = variable.name;
  const texts = options.filter(([, value]) => variable.chosen.includes(value)).map(([text]) => text);
  const short = texts.length > 3 ? `${texts.length} ${words.chosen}` : texts.join(", ");
  const lines = options.map(([text, value]) => line(variable, text, value));
  found.append(element("summary", { textContent: `${variable.label}: ${short}` }), element("div", {}, lines));
  return found;
}

function line(variable, text, value) {
  const box = element("input", { type: variable.multi ? "checkbox" : "radio", checked: variable.chosen.includes(value) });
  box.addEventListener("change", () => {
    box.blur();
    if (!variable.multi || value === "$__all") return choose(variable.name, [value]);
    const others = variable.chosen.filter((other) => other !== value && other !== "$__all");
    return choose(variable.name, box.checked ? [...others, value] : others);
  });
  return element("label", {}, [box, ` ${text}`]);
}

function choose(name, values) {
  address.delete(`var-${name}`);
  values.forEach((value) => address.append(`var-${name}`, value));
  ask();
}

// Asking

async function ask() {
  if (asking) {
    missed = true;
    return;
  }
  asking = true;
  const query = address.toString();
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
  keepChoices();
  try {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const tz = new URLSearchParams({ tz: address.get("tz") ?? zone });
    const found = await (await fetch(`${location.pathname}/data?${query}&${tz}`)).json();
    if (found.trouble) trouble(found.trouble);
    else await paint(found);
  } catch {
    trouble(words.gone);
  }
  asking = null;
  if (missed) {
    missed = false;
    ask();
  }
}

function trouble(sentence) {
  const place = document.getElementById("trouble");
  place.textContent = sentence;
  place.hidden = !sentence;
  document.body.classList.toggle("stale", Boolean(sentence));
}

async function paint(found) {
  trouble("");
  paintVariables(found.variables);
  document.getElementById("clock").textContent = `${words.as_of} ${found.now.replace("T", " ")}`;
  for (const name of ["from", "to"]) {
    const at = found.window[name === "from" ? 0 : 1].slice(0, 16);
    if (!form[name].value || form.span.value !== "custom") form[name].value = at;
  }
  for (const [id, drawing] of Object.entries(found.panels)) {
    const panel = document.getElementById(`panel-${id}`);
    drawn.set(panel, drawing);
    await paintPanel(panel, drawing);
  }
  document.body.dataset.painted = String(Number(document.body.dataset.painted ?? 0) + 1);
}

// Where other boards are: with the same window, and the same sites and machine as far as they know them

function withChoices(path, names) {
  const [place, query] = path.split("?");
  const given = new URLSearchParams(query);
  for (const name of names) if (!given.has(name)) address.getAll(name).forEach((value) => given.append(name, value));
  const text = given.toString();
  return text ? `${place}?${text}` : place;
}

function keepChoices() {
  document.querySelectorAll("nav a").forEach((link) => {
    link.dataset.path ??= link.getAttribute("href");
    link.href = withChoices(link.dataset.path, ["from", "to", "tz", "var-site", "var-machine", "var-area"]);
  });
}

// Painting

async function paintPanel(panel, drawing) {
  const body = panel.querySelector(".body");
  const kind = ["error", "empty", "figure"].includes(drawing.kind) ? drawing.kind : "plain";
  if (kind !== "figure" && body.querySelector(".figure")) Plotly.purge(body.querySelector(".figure"));
  if (drawing.kind === "figure") await figure(body, drawing);
  else if (drawing.kind === "stat") body.replaceChildren(stat(drawing, body));
  else if (drawing.kind === "table") table(body, drawing);
  else if (drawing.kind === "text") body.replaceChildren(element("p", { className: "note", textContent: drawing.text }));
  else if (drawing.kind === "empty") body.replaceChildren(element("p", { className: "note", textContent: words.empty }));
  else body.replaceChildren(element("p", { className: "fault", textContent: drawing.sentence }));
  panel.dataset.state = kind === "error" || kind === "empty" ? kind : "ready";
}

// So many columns that a tile is about three times as wide as it is high
function columnsFor(count, body) {
  const wanted = Math.round(Math.sqrt((count * body.clientWidth) / Math.max(body.clientHeight, 1) / 2.8));
  const columns = Math.min(Math.max(wanted, 1), count || 1);
  return Math.ceil(count / Math.ceil(count / columns)) || 1;
}

// How a tile's text has to be drawn to fit: nine letters are words, six still a figure
function sizeOf(text) {
  if (text.length > 9) return "small";
  return text.length > 5 ? "long" : "";
}

function stat(drawing, body) {
  const tiles = drawing.tiles.map((tile) => {
    const value = element("span", { className: `value ${sizeOf(tile.text)}`, textContent: tile.text });
    const name = element("span", { className: "name", textContent: tile.name });
    const more = tile.more.map((text) => element("span", { className: "more", textContent: text }));
    const made = element("div", { className: "tile" }, drawing.many ? [name, value, ...more] : [value, name]);
    made.classList.toggle("muted", Boolean(tile.muted));
    if (tile.muted) made.style.borderColor = tile.fill;
    else if (tile.fill && drawing.filled) Object.assign(made.style, { backgroundColor: tile.fill, color: tile.ink });
    else if (tile.fill) made.style.color = tile.fill;
    return made;
  });
  const made = element("div", { className: drawing.many ? "tiles many" : "tiles" }, tiles);
  made.style.setProperty("--columns", columnsFor(tiles.length, body));
  return made;
}

function table(body, drawing) {
  const at = body.firstElementChild?.className === "scroll" ? [body.firstElementChild.scrollLeft, body.firstElementChild.scrollTop] : [0, 0];
  const heads = drawing.columns.map((column) => {
    const head = element("th", { textContent: column.heading, className: column.side });
    if (column.width) head.style.width = `${column.width}px`;
    return head;
  });
  const seen = Number(body.dataset.seen ?? CARDS);
  const rows = drawing.rows.map((row, at) => {
    const cells = row.map((found, index) => cell(found, drawing.columns[index]));
    return element("tr", { className: at < seen ? "" : "later" }, cells);
  });
  const made = element("table", {}, [element("thead", {}, [element("tr", {}, heads)]), element("tbody", {}, rows)]);
  const scroll = element("div", { className: "scroll" }, [made]);
  body.replaceChildren(scroll, ...(rows.length > seen ? [moreButton(body, drawing, seen)] : []));
  [scroll.scrollLeft, scroll.scrollTop] = at;
}

// On a phone, where a row is a card: the first ones, and more on demand. A wide screen scrolls and has no button.
function moreButton(body, drawing, seen) {
  const left = drawing.rows.length - seen;
  const button = element("button", { className: "more-rows", type: "button", textContent: `${words.more} (${left})` });
  button.addEventListener("click", () => {
    body.dataset.seen = String(seen + CARDS);
    table(body, drawing);
  });
  return button;
}

function cell(found, column) {
  const made = element("td", { className: column.side });
  const text = element(found.href ? "a" : "span", { textContent: found.text });
  if (found.href) text.href = withChoices(found.href, ["from", "to", "tz", "var-site"]);
  if (found.fill) Object.assign(text.style, { backgroundColor: found.fill, color: found.ink });
  else if (found.ink) text.style.color = found.ink;
  text.classList.toggle("filled", Boolean(found.fill));
  made.classList.toggle("nothing", found.text === "—");
  made.classList.toggle("wrapped", Boolean(column.wrapped));
  made.classList.toggle("long", found.text.length > 13);
  made.dataset.label = column.heading;
  made.append(text);
  return made;
}

async function figure(body, drawing) {
  let place = body.querySelector(".figure");
  if (!place) {
    place = element("div", { className: "figure" });
    body.replaceChildren(place, element("ul", { className: "legend" }));
  }
  const legend = body.querySelector(".legend");
  legend.replaceChildren(...drawing.legend.map(([name, colour]) => mark(name, colour)));
  const height = Math.max(drawing.height, body.clientHeight - legend.offsetHeight);
  place.style.height = `${height}px`;
  const layout = { ...themed(drawing.layout), height, width: body.clientWidth };
  const large = document.body.classList.contains("kiosk") ? 16 : 12;
  layout.annotations = layout.annotations?.map((found) => ({ ...found, font: { size: large } }));
  layout.font.size = large;
  await Plotly.react(place, drawing.data, layout, { displayModeBar: false, locale: "en" });
}

function mark(name, colour) {
  const spot = element("span");
  spot.style.backgroundColor = colour;
  return element("li", {}, [spot, name]);
}

function themed(layout) {
  const style = getComputedStyle(document.body);
  const [text, grid, paper] = ["--text", "--line", "--panel"].map((name) => style.getPropertyValue(name).trim());
  const axis = (own) => ({ gridcolor: grid, linecolor: grid, zerolinecolor: grid, ...own });
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: text, size: 12, family: style.fontFamily },
    showlegend: false,
    hoverlabel: { bgcolor: paper, bordercolor: grid, font: { color: text, size: 13 }, align: "left" },
    dragmode: false,
    uirevision: form.span.value,
    ...layout,
    xaxis: axis(layout.xaxis),
    yaxis: axis(layout.yaxis),
  };
}

function again() {
  drawn.forEach((drawing, panel) => drawing.kind === "figure" && paintPanel(panel, drawing));
}

form.span.addEventListener("change", chooseSpan);
form.from.addEventListener("change", chooseEnds);
form.to.addEventListener("change", chooseEnds);
form.addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("visibilitychange", () => document.hidden || ask());
document.addEventListener("click", (event) => {
  document.querySelectorAll("details[open]").forEach((found) => found.contains(event.target) || (found.open = false));
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
let resized;
window.addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(again, 100);
});
readSpan();
ask();
setInterval(() => document.hidden || ask(), settings.refresh * 1000);
