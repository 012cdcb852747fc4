// Sends the chosen files in batches, shows what became of each, and opens the case.

import { changes, cleared, reuse, reveal, unfit } from "./case_details.js";
import { filesOf } from "./folders.js";

const form = document.getElementById("upload");
if (form) start(form);

function start(form) {
  const at = (id) => document.getElementById(id);
  const batchSize = Number(form.dataset.batchSize);
  const maxBytes = Number(form.dataset.maxBytes);
  const maxArchiveBytes = Number(form.dataset.maxArchiveBytes);
  const picturesShown = 64;
  const attempts = 6;
  const pictureName = /\.(bmp|png|tiff?|webp|jpe?g|dcm)$/i;
  const json = { "Content-Type": "application/json" };
  const patience = 40;  // attempts while the server says when to come again
  let entries = [];
  let sending = false;
  let caseId = form.dataset.caseId || null;
  let openKey = null;  // one key per wish: asking again after a lost answer must not open a second case
  let detailsSent = "";

  const input = at("images");
  const drop = at("drop");
  const folder = at("folder");
  input.addEventListener("change", () => { add([...input.files]); input.value = ""; });
  folder.addEventListener("change", () => { addFolder([...folder.files]); folder.value = ""; });
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("drop-over");
  });
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("drop-over"));
  drop.addEventListener("drop", async (event) => {
    event.preventDefault();
    const { files, walked } = await filesOf(event.dataTransfer);
    (walked ? addFolder : add)(files);
  });
  // A file dropped beside the zone would otherwise replace the page.
  for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
  window.addEventListener("beforeunload", (event) => { if (sending) event.preventDefault(); });
  at("upload-clear").addEventListener("click", clear);
  form.addEventListener("submit", (event) => { event.preventDefault(); if (!sending && isReady()) send(); });
  refresh();

  // A folder holds what a camera or a system left there, too: only what is named like a picture is taken.
  function addFolder(files) {
    const place = (file) => file.webkitRelativePath || file.name;
    const pictures = files.filter((file) => pictureName.test(file.name));
    pictures.sort((one, other) => place(one).localeCompare(place(other), undefined, { numeric: true }));
    add(pictures);
    if (pictures.length < files.length) say(`${files.length - pictures.length} files of the folder are not named like pictures and were left out.`);
  }

  function isReady() {
    const wrong = unfit();
    problem(wrong?.reason ?? "");
    if (wrong) { reveal(wrong.control); return false; }
    if (cleared()) return true;
    reveal(at("private-seen"));
    return false;
  }

  function add(files) {
    if (sending) return;
    at("upload-done").hidden = true;
    say("");
    for (const file of files) entries.push(row(file));
    refresh();
  }

  function clear() {
    entries.forEach(forget);
    entries = [];
    caseId = form.dataset.caseId || null;
    openKey = null;
    detailsSent = "";
    at("upload-done").hidden = true;
    problem("");
    refresh();
    input.focus();
  }

  function row(file) {
    const element = at("upload-row").content.firstElementChild.cloneNode(true);
    const entry = { file, element, state: "ready", cellId: null, address: null, batch: null };
    element.querySelector(".file-name").textContent = file.name;
    element.querySelector(".file-size").textContent = file.size === null ? "" : size(file.size);
    const remove = element.querySelector(".file-remove");
    remove.setAttribute("aria-label", `Remove ${file.name}`);
    remove.addEventListener("click", () => {
      const next = element.nextElementSibling ?? element.previousElementSibling;
      entries = entries.filter((other) => other !== entry);
      forget(entry);
      refresh();
      (next?.querySelector(".file-remove") ?? input).focus();
    });
    if (entries.length < picturesShown && file.size !== null && !isArchive(file)) picture(entry);
    at("upload-list").append(element);
    const most = isArchive(file) ? maxArchiveBytes : maxBytes;
    const advice = isArchive(file) ? "Send it in parts." : "A 450x450 cell saved as PNG is far smaller.";
    if (file.size > most) mark(entry, "refused", `${size(file.size)}; at most ${size(most)} are taken. ${advice}`);
    else mark(entry, "ready");
    return entry;
  }

  function picture(entry) {
    const image = entry.element.querySelector("img");
    entry.address = URL.createObjectURL(entry.file);
    image.addEventListener("load", () => { image.hidden = false; });
    image.src = entry.address;
  }

  function forget(entry) {
    if (entry.address) URL.revokeObjectURL(entry.address);
    entry.element.remove();
  }

  function mark(entry, state, reason = "") {
    entry.state = state;
    entry.element.dataset.state = state;
    entry.element.querySelector(".file-state").textContent = {
      ready: "Ready", sending: "Sending", stored: "Stored", refused: "Refused", unsent: "Not sent",
    }[state];
    entry.element.querySelector(".file-reason").textContent = reason;
    entry.element.querySelector(".file-remove").hidden = state === "sending" || state === "stored" || (state === "unsent" && entry.batch !== null);
  }

  function refresh() {
    const waiting = entries.filter(toSend).length;
    at("upload-list").hidden = entries.length === 0;
    at("upload-clear").hidden = entries.length === 0 || sending;
    at("upload-clear").textContent = caseId && !form.dataset.caseId ? "Start another case" : "Clear the list";
    const button = at("upload-send");
    button.disabled = sending || waiting === 0;
    button.textContent = waiting > 1 ? `Upload and predict ${waiting} cells` : "Upload and predict";
    input.disabled = sending;
    folder.disabled = sending;
    // The case is open under this number; the next case starts with an empty list.
    if (at("accession")) at("accession").readOnly = sending || caseId !== null;
  }

  function toSend(entry) { return entry.state === "ready" || entry.state === "unsent"; }

  async function send() {
    const queue = entries.filter(toSend);
    sending = true;
    problem("");
    refresh();
    progress(0, queue.length);
    try {
      caseId ??= await openCase();
      await sendDetails();
      let done = 0;
      for (const batch of batches(queue)) {
        const size = batch.entries.length;
        say(`Sending ${done + 1} to ${done + size} of ${queue.length}.`);
        await sendBatch(batch);
        done += size;
        progress(done, queue.length);
      }
    } catch (error) {
      queue.filter((entry) => entry.state === "sending" || entry.state === "ready").forEach((entry) => mark(entry, "unsent"));
      problem(error.message);
    }
    sending = false;
    finish();
  }

  function finish() {
    at("upload-progress").hidden = true;
    say("");
    refresh();
    const stored = entries.filter((entry) => entry.state === "stored");
    const others = entries.length - stored.length;
    const seen = stored.filter((entry) => entry.seenBefore).length;
    if (!stored.length) return;
    const address = stored.length === 1 && !form.dataset.caseId ? `/cells/${stored[0].cellId}` : `/cases/${caseId}`;
    if (!others && !seen) { location.assign(address); return; }
    for (const entry of entries) if (entry.state === "stored") at("upload-list").append(entry.element);
    at("upload-done").hidden = false;
    at("upload-done-text").textContent = `${stored.length} stored, ${others} not${seen ? `; ${seen} of the stored were at your site before` : ""}. The reasons stand below.`;
    at("upload-open").href = `/cases/${caseId}`;
    at("upload-open").focus();
  }

  async function openCase() {
    const accession = at("accession")?.value.trim() || null;
    if (openKey?.accession !== accession) openKey = { accession, key: randomKey() };
    const answer = await ask("POST", "/api/v1/cases", JSON.stringify({ accession }), json, openKey.key);
    return answer.id;
  }

  async function sendDetails() {
    const wanted = changes(), permission = reuse(), wish = JSON.stringify([caseId, wanted, permission]);
    if (wish === detailsSent) return;
    if (Object.keys(wanted).length) {
      const { version } = await ask("GET", `/api/v1/cases/${caseId}`);
      await ask("PATCH", `/api/v1/cases/${caseId}`, JSON.stringify(wanted), { ...json, "If-Match": `"${version}"` });
    }
    if (permission) await ask("POST", `/api/v1/cases/${caseId}/reuse`, JSON.stringify(permission), json, randomKey());
    detailsSent = wish;
  }

  // A batch that was tried keeps its files and its key: repeating it never stores a cell twice.
  function batches(queue) {
    const tried = [...new Set(queue.map((entry) => entry.batch).filter(Boolean))];
    const fresh = queue.filter((entry) => entry.batch === null && !isArchive(entry.file));
    const archives = queue.filter((entry) => entry.batch === null && isArchive(entry.file));
    const made = archives.map((entry) => ({ key: randomKey(), entries: [entry], archive: true }));
    for (let first = 0; first < fresh.length; first += batchSize) {
      made.push({ key: randomKey(), entries: fresh.slice(first, first + batchSize) });
    }
    return [...tried, ...made];
  }

  async function sendBatch(batch) {
    const body = new FormData();
    const part = batch.archive ? "archive" : "images";
    for (const entry of batch.entries) {
      entry.batch = batch;
      mark(entry, "sending");
      body.append(part, entry.file, entry.file.name);
    }
    const answer = await ask("POST", `/api/v1/cases/${caseId}/${batch.archive ? "archive" : "cells"}`, body, {}, batch.key);
    const taken = batch.archive ? unpacked(batch.entries[0], answer) : batch.entries;
    answer.cells.forEach((cell, index) => settle(taken[index], cell));
  }

  // In the place of a zip: a row for each file that was in it.
  function unpacked(archive, answer) {
    const rows = answer.cells.map((cell) => row({ name: cell.file, size: null }));
    entries = entries.flatMap((entry) => entry === archive ? rows : [entry]);
    forget(archive);
    return rows;
  }

  function settle(entry, cell) {
    entry.cellId = cell.cell_id;
    if (cell.error) { mark(entry, "refused", cell.error.detail); return; }
    mark(entry, "stored");
    if (!cell.duplicate_of) return;
    entry.seenBefore = true;
    const link = Object.assign(document.createElement("a"), { href: `/cells/${cell.duplicate_of}`, textContent: "that cell" });
    entry.element.querySelector(".file-note").replaceChildren("The same file came before at your site: ", link, ".");
  }

  async function ask(method, address, body, headers = {}, key = null) {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await once(method, address, body, key ? { ...headers, "Idempotency-Key": key } : headers);
      if (answer.ok) return answer.json;
      if (!answer.again || attempt >= (answer.after ? patience : attempts)) throw new Error(answer.reason);
      await countdown(answer.after ?? Math.min(2 ** attempt, 20), answer.reason);
    }
  }

  async function once(method, address, body, headers) {
    let response;
    try {
      response = await fetch(address, { method, body, headers: { ...headers, Accept: "application/json" }, credentials: "same-origin", redirect: "error" });
      if (response.ok) return { ok: true, json: await response.json() };
    } catch {
      return { ok: false, again: true, reason: "No connection to the server." };
    }
    const found = await response.json().catch(() => ({}));
    const after = Number(response.headers.get("Retry-After")) || null;
    const again = [429, 502, 503, 504].includes(response.status) || (response.status === 409 && after !== null);
    if (response.status === 401) return { ok: false, again: false, reason: "You are signed out. Sign in in another tab, then upload again: your list stays here." };
    return { ok: false, again, after, reason: found.detail ? `${found.title ?? "Problem"}. ${found.detail}` : `The server answered ${response.status}.` };
  }

  async function countdown(seconds, reason) {
    for (let left = Math.ceil(seconds); left > 0; left -= 1) {
      problem(`${reason} Trying again in ${left} s.`);
      await new Promise((done) => setTimeout(done, 1000));
    }
    problem("");
  }

  function problem(text) {
    const element = at("upload-problem");
    element.hidden = !text;
    element.querySelector("span").textContent = text;
  }

  function progress(done, total) {
    const element = at("upload-progress");
    element.hidden = false;
    element.max = total;
    element.value = done;
  }

  function say(text) { at("upload-status").textContent = text; }
}

function isArchive(file) { return /\.zip$/i.test(file.name) && file.size !== null; }

function size(bytes) {
  return bytes < 2 ** 20 ? `${Math.max(1, Math.round(bytes / 1024))} kB` : `${(bytes / 2 ** 20).toFixed(1)} MB`;
}

// crypto.randomUUID exists only over https; a closed network may speak http.
function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
