// Verdicts on their way to the server. Each is kept in this browser until the server says it is stored, one
// travels at a time, and one that got no answer is sent again with the same key: it can never count twice.

const firstPauseS = 2;
const longestPauseS = 30;
const patienceMs = 15000;

// An order: {key, address, cells: [{cell, seen}], fields, at, state, why}. Its state is waiting, saving, unsaved
// (sent again by itself), kept (from an earlier visit), refused (for good) or conflict.
export class VerdictQueue extends EventTarget {
  #orders = [];
  #prefix;
  #sending = false;
  #pauseS = firstPauseS;
  #timer = null;

  // Says `change` when an order's state changed, and `answer` with what the server shows after it took one.
  constructor(reader) {
    super();
    this.#prefix = `leukolens-verdict-${reader}-`;
    this.#orders = this.#kept();
    window.addEventListener("online", () => this.again());
    window.addEventListener("beforeunload", (event) => { if (this.#orders.some((order) => order.state !== "kept")) event.preventDefault(); });
    // Another tab saved or dropped what this one only found kept.
    window.addEventListener("storage", ({ key, newValue }) => {
      const gone = this.#orders.find((order) => order.state === "kept" && key === this.#prefix + order.key);
      if (gone && newValue === null) this.drop(gone);
    });
  }

  get orders() { return this.#orders; }

  // The newest order of a cell that the server has not answered with yes.
  of(cell) { return this.#orders.findLast((order) => order.cells.some((each) => each.cell === cell)); }

  add(order) {
    this.#orders.push({ ...order, key: crypto.randomUUID(), at: new Date().toISOString(), state: "waiting", why: "" });
    this.#keep(this.#orders.at(-1));
    this.#changed();
    this.#next();
  }

  // Sends everything that has no answer, now.
  again() {
    this.#pauseS = firstPauseS;
    for (const order of this.#orders) if (["unsaved", "kept"].includes(order.state)) order.state = "waiting";
    this.#changed();
    this.#next();
  }

  drop(order) {
    this.#forget(order);
    this.#changed();
    this.#next();
  }

  async #next() {
    clearTimeout(this.#timer);
    const order = this.#orders.find((each) => !["kept", "refused", "conflict"].includes(each.state));
    if (this.#sending || !order) return;
    this.#sending = true;
    this.#mark(order, "saving", "");
    const answer = await send(order);
    this.#sending = false;
    if (answer.again) return this.#wait(order, answer);
    this.#pauseS = firstPauseS;
    if (answer.refused) this.#mark(order, "refused", answer.refused);
    else this.#settle(order, answer.places);
    this.#next();
  }

  // Takes what the server stored out of the order; cells that met a newer verdict stay in it as a conflict.
  #settle(order, places) {
    const stuck = places.filter((place) => place.dataset.conflict);
    const conflicting = new Set(stuck.map(cellOf));
    for (const place of places) if (!conflicting.has(cellOf(place))) this.#followed(order, cellOf(place), Number(place.dataset.seen));
    const stored = order.cells.filter(({ cell }) => !conflicting.has(cell));
    this.#forget(order);
    if (conflicting.size) {
      const left = order.cells.filter(({ cell }) => conflicting.has(cell));
      this.#orders.push(Object.assign(order, { cells: left, state: "conflict", why: stuck[0].dataset.conflict }));
      this.#keep(order);
    }
    this.dispatchEvent(new CustomEvent("answer", { detail: { order, stored, places } }));
  }

  // An own later verdict on the same cell was given in sight of this one.
  #followed(order, cell, number) {
    const { seen } = order.cells.find((each) => each.cell === cell) ?? {};
    for (const later of this.#orders.slice(this.#orders.indexOf(order) + 1)) {
      for (const each of later.cells) if (each.cell === cell && each.seen === seen) each.seen = number;
    }
  }

  #wait(order, { again, pauseS }) {
    const pause = pauseS ?? this.#pauseS;
    this.#pauseS = Math.min(this.#pauseS * 2, longestPauseS);
    for (const each of this.#orders) if (["waiting", "saving"].includes(each.state)) Object.assign(each, { state: "unsaved", why: again });
    this.#changed();
    this.#timer = setTimeout(() => this.#next(), pause * 1000);
  }

  #mark(order, state, why) {
    Object.assign(order, { state, why });
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  #keep(order) {
    try { localStorage.setItem(this.#prefix + order.key, JSON.stringify(order)); } catch { /* still kept as long as the page is open */ }
  }

  #forget(order) {
    this.#orders = this.#orders.filter((other) => other !== order);
    try { localStorage.removeItem(this.#prefix + order.key); } catch { /* nothing was kept */ }
  }

  #kept() {
    try {
      const names = Object.keys(localStorage).filter((name) => name.startsWith(this.#prefix));
      const orders = names.map((name) => ({ ...JSON.parse(localStorage.getItem(name)), state: "kept", why: "no answer came on an earlier visit" }));
      return orders.sort((a, b) => (a.at < b.at ? -1 : 1));
    } catch { return []; }
  }
}

export const cellOf = (place) => place.id.slice("place-".length);

// What became of one order: {places} as the server shows them now, {refused: why} or {again: why, pauseS}.
async function send(order) {
  const body = new URLSearchParams(order.fields);
  for (const { cell, seen } of order.cells) body.append("cell", `${cell}:${seen}`);
  const headers = { "HX-Request": "true", "Idempotency-Key": order.key };
  let answer, text;
  try {
    answer = await fetch(order.address, { method: "POST", body, headers, signal: AbortSignal.timeout(patienceMs) });
    text = await answer.text();
  } catch {
    return { again: "no answer from the server" };
  }
  const signedOut = answer.redirected || answer.status === 401;
  if (signedOut) return { again: "you are signed out. Sign in in another tab", pauseS: longestPauseS };
  const page = new DOMParser().parseFromString(text, "text/html");
  const places = [...page.querySelectorAll("li.place")];
  if (places.length && (answer.ok || answer.status === 409)) return { places };
  const why = page.querySelector("#content p")?.textContent ?? `the server answered ${answer.status}`;
  const passing = answer.status >= 500 || answer.status === 429 || answer.headers.has("Retry-After");
  return passing ? { again: why, pauseS: Number(answer.headers.get("Retry-After")) || undefined } : { refused: why };
}
