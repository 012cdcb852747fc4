// The gallery by keyboard: arrows move, letters judge, Space selects. A mark says at once what is on its way, and
// "Saved" only when the server has said so.

import { VerdictQueue, cellOf } from "./verdict_queue.js";

const at = (id) => document.getElementById(id);
const gallery = () => at("gallery");
const places = () => [...document.querySelectorAll("#tiles > .place")];
const linkOf = (place) => place.querySelector(".tile");
const boxOf = (place) => place.querySelector(".pick input");
const queue = new VerdictQueue(gallery().dataset.reader);
const undoable = [];
let current = null;  // the cell the keys speak of; an id, because pieces of the page are replaced
let anchor = null;

const placeOf = (cell) => cell && at(`place-${cell}`);
const currentPlace = () => placeOf(current) ?? places()[0];
const selected = () => places().filter((place) => boxOf(place).checked);
const positionOf = (place) => place.querySelector(".tile-position").lastChild.textContent;

// --- the grid ---

// One stop of the Tab key for all tiles, and what a screen reader is told about them.
function prepare() {
  const list = at("tiles");
  if (!list) return;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-multiselectable", "true");
  list.setAttribute("aria-labelledby", "cells-title");
  const stop = currentPlace();
  for (const place of places()) prepareTile(place, place === stop);
  for (const more of list.querySelectorAll(".more")) more.setAttribute("role", "presentation");
  showSelection();
}

function prepareTile(place, isStop) {
  place.setAttribute("role", "presentation");
  const link = linkOf(place);
  link.setAttribute("role", "option");
  link.tabIndex = isStop ? 0 : -1;
  link.setAttribute("aria-selected", String(boxOf(place).checked));
  boxOf(place).tabIndex = -1;
  boxOf(place).setAttribute("aria-hidden", "true");
}

function moveTo(place) {
  if (!place) return;
  const before = placeOf(current);
  if (before) linkOf(before).tabIndex = -1;
  current = cellOf(place);
  linkOf(place).tabIndex = 0;
  linkOf(place).focus();
  showSelection();
}

function step(key) {
  const all = places();
  const here = all.indexOf(currentPlace());
  const columns = all.findIndex((place) => place.offsetTop !== all[0].offsetTop);
  const row = columns === -1 ? all.length : columns;
  const there = { ArrowLeft: here - 1, ArrowRight: here + 1, ArrowUp: here - row, ArrowDown: here + row, Home: 0, End: all.length - 1 }[key];
  return all[there];
}

function select(place, wanted) {
  boxOf(place).checked = wanted;
  linkOf(place).setAttribute("aria-selected", String(wanted));
}

function selectTo(place) {
  const all = places();
  const [from, to] = [all.indexOf(placeOf(anchor) ?? currentPlace()), all.indexOf(place)].sort((a, b) => a - b);
  all.forEach((each, index) => { if (index >= from && index <= to) select(each, true); });
  showSelection();
}

function clearSelection() {
  for (const place of selected()) select(place, false);
  anchor = null;
  showSelection();
}

function showSelection() {
  const count = selected().length;
  const target = at("bar-target");
  if (!target) return;
  if (count) target.textContent = `${count} selected ${count === 1 ? "cell" : "cells"}`;
  else target.textContent = currentPlace() ? `Cell ${positionOf(currentPlace())}` : "";
}

// --- verdicts ---

function judge(verdict) {
  const chosen = selected();
  const targets = chosen.length ? chosen : [currentPlace()];
  const bulk = targets.length > 1;
  order("verdicts", targets, { verdict, ...(bulk && { bulk: "true" }) });
  if (chosen.length) clearSelection();
  else moveTo(step("ArrowRight") ?? currentPlace());
}

function order(what, targets, fields) {
  const cells = targets.map((place) => ({ cell: cellOf(place), seen: Number(place.dataset.seen) }));
  queue.add({ address: `${gallery().dataset.address}/${what}`, cells, fields });
}

// Takes back the newest own verdict of this visit; one that was never sent is simply dropped.
function undo() {
  const unsent = queue.orders.findLast((each) => each.state !== "saving" && here(each));
  if (unsent) return queue.drop(unsent);
  const last = undoable.pop();
  if (!last) return;
  const cells = last.cells.filter(({ cell, seen }) => Number(placeOf(cell)?.dataset.seen) === seen);
  if (cells.length) queue.add({ address: `${gallery().dataset.address}/undo`, cells, fields: {} });
  moveTo(placeOf(last.cells[0].cell));
}

const here = (order) => order.address.startsWith(`${gallery().dataset.address}/`);

queue.addEventListener("answer", ({ detail: { order: done, stored, places: fresh } }) => {
  for (const place of fresh) renew(place);
  const numbers = new Map(fresh.map((place) => [cellOf(place), Number(place.dataset.seen)]));
  if (done.fields.verdict && stored.length) undoable.push({ cells: stored.map(({ cell }) => ({ cell, seen: numbers.get(cell) })) });
  at("undo").hidden = undoable.length === 0;
  showOrders();
});

// Shows what the server says of a cell; the picture stays, so that nothing flickers.
function renew(fresh) {
  const place = at(fresh.id);
  if (!place) return;
  for (const name of ["seen", "verdict", "author"]) {
    if (name in fresh.dataset) place.dataset[name] = fresh.dataset[name];
    else delete place.dataset[name];
  }
  delete place.dataset.pending;
  boxOf(place).value = boxOf(fresh).value;
  const [from, to] = [linkOf(fresh), linkOf(place)];
  for (const [index, part] of [...from.children].entries()) if (index > 0) to.children[index].replaceWith(part.cloneNode(true));
}

// --- what is on its way, in sight ---

const saidOf = { waiting: "Saving …", saving: "Saving …", unsaved: "Not saved", kept: "Not saved", refused: "Not saved", conflict: "Not saved" };
const toneOf = (state) => ({ waiting: "saving", saving: "saving", conflict: "conflict" })[state] ?? "unsaved";
const markOf = (state) => (toneOf(state) === "saving" ? "waiting" : "bad");
const original = new Map();  // cell -> what the server showed before a mark was laid over it

queue.addEventListener("change", showOrders);

function showOrders() {
  const marked = new Map();
  for (const each of queue.orders) for (const { cell } of each.cells) marked.set(cell, each);
  for (const cell of [...original.keys()]) if (!marked.has(cell)) unmark(cell);
  for (const [cell, each] of marked) mark(cell, each);
  showState();
  askAboutConflict();
}

function mark(cell, each) {
  const place = placeOf(cell);
  if (!place) return;
  const verdict = place.querySelector(".tile-verdict");
  const save = place.querySelector(".tile-save");
  if (!("pending" in place.dataset)) original.set(cell, [verdict.cloneNode(true), save.cloneNode(true)]);
  place.dataset.pending = toneOf(each.state);
  verdict.replaceChildren(each.fields.verdict ? at(`chip-${each.fields.verdict}`).content.cloneNode(true) : "Taking it back");
  save.dataset.save = toneOf(each.state);
  const said = document.createElement("span");
  said.textContent = saidOf[each.state];
  save.replaceChildren(at(`mark-of-${markOf(each.state)}`).content.cloneNode(true), said);
}

function unmark(cell) {
  const place = placeOf(cell);
  const [verdict, save] = original.get(cell);
  original.delete(cell);
  if (!place || !("pending" in place.dataset)) return;  // the server's own word stands there already
  delete place.dataset.pending;
  place.querySelector(".tile-verdict").replaceWith(verdict);
  place.querySelector(".tile-save").replaceWith(save);
}

function showState() {
  const line = at("bar-state");
  if (!line) return;
  const count = (states) => queue.orders.filter((each) => states.includes(each.state)).reduce((sum, each) => sum + each.cells.length, 0);
  const [moving, stuck] = [count(["waiting", "saving"]), count(["unsaved", "kept", "refused", "conflict"])];
  const why = queue.orders.find((each) => each.why)?.why;
  line.dataset.save = stuck ? "unsaved" : moving ? "saving" : "saved";
  line.textContent = stuck ? `${verdicts(stuck)} not saved: ${why}.` : moving ? `Saving ${moving} …` : "All verdicts are saved.";
  at("send-again").hidden = count(["unsaved", "kept"]) === 0;
  at("give-up").hidden = count(["kept", "refused"]) === 0;
}

const verdicts = (count) => `${count} ${count === 1 ? "verdict" : "verdicts"}`;

// --- two people at once ---

const asking = { order: null };

function askAboutConflict() {
  const dialog = at("conflict");
  const next = queue.orders.find((each) => each.state === "conflict" && here(each));
  if (!dialog || dialog.open || !next) return;
  asking.order = next;
  const cells = next.cells.map(({ cell }) => placeOf(cell)).filter(Boolean);
  at("conflict-title").textContent = `Not saved: cell ${cells.map(positionOf).join(", ")}`;
  at("conflict-text").textContent = next.why;
  at("conflict-theirs").replaceChildren(...theirs(cells[0]));
  at("conflict-yours").replaceChildren(next.fields.verdict ? at(`chip-${next.fields.verdict}`).content.cloneNode(true) : "Taking yours back");
  dialog.showModal();
}

function theirs(place) {
  if (!place?.dataset.verdict) return ["No verdict"];
  return [at(`chip-${place.dataset.verdict}`).content.cloneNode(true), ` by ${place.dataset.author}`];
}

at("conflict")?.addEventListener("close", (event) => {
  const { order: stuck } = asking;
  asking.order = null;
  queue.drop(stuck);
  if (event.target.returnValue === "mine") order(stuck.address.split("/").at(-1), stuck.cells.map(({ cell }) => placeOf(cell)).filter(Boolean), stuck.fields);
  event.target.returnValue = "";
  linkOf(currentPlace())?.focus();
});

// --- events ---

const inGrid = (event) => event.target.closest?.("#tiles .place");

document.addEventListener("keydown", (event) => {
  const place = inGrid(event);
  if (!place || event.metaKey || event.altKey) return;
  if (event.ctrlKey) return void (event.key === "a" && taken(event, () => { places().forEach((each) => select(each, true)); showSelection(); }));
  if (event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End") taken(event, () => go(step(event.key), event.shiftKey));
  else if (event.key === " ") taken(event, () => toggle(place));
  else if (event.key === "Escape") taken(event, clearSelection);
  else if (!event.repeat) press(event);
});

function press(event) {
  const key = event.key.toLowerCase();
  if (key === "z" && at("undo")) return taken(event, undo);
  const button = document.querySelector(`#verdicts button[data-key="${CSS.escape(key)}"]`);
  if (button) taken(event, () => judge(button.value));
}

function taken(event, act) {
  event.preventDefault();
  act();
}

function go(place, extending) {
  if (!place) return;
  if (extending) { anchor ??= current; selectTo(place); }
  moveTo(place);
}

function toggle(place) {
  anchor = cellOf(place);
  select(place, !boxOf(place).checked);
  showSelection();
}

document.addEventListener("focusin", (event) => {
  const place = inGrid(event);
  if (place && cellOf(place) !== current && event.target === linkOf(place)) moveTo(place);
});

document.addEventListener("click", (event) => {
  const place = inGrid(event);
  if (!place || !event.shiftKey || event.target === boxOf(place)) return;
  taken(event, () => selectTo(place));
});

document.addEventListener("change", (event) => {
  const place = inGrid(event);
  if (!place) return;
  anchor = cellOf(place);
  select(place, event.target.checked);
  moveTo(place);
});

document.addEventListener("submit", (event) => {
  if (event.target.id === "verdicts" && places().length) taken(event, () => judge(event.submitter.value));
});

at("undo")?.addEventListener("click", undo);
at("send-again")?.addEventListener("click", () => queue.again());
at("give-up")?.addEventListener("click", () => {
  for (const each of queue.orders.filter(({ state }) => ["kept", "refused"].includes(state))) queue.drop(each);
});

// Pieces that htmx brought know nothing of roles, and show what is stored, not what is on its way.
document.addEventListener("htmx:after:swap", () => {
  prepare();
  showOrders();
});

prepare();
showOrders();
