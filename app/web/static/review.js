// Keys on the cell page, and a plain word when something was not saved.

const keysWish = "leukolens-keys";

function keysOn() {
  try { return localStorage.getItem(keysWish) !== "off"; } catch { return true; }
}

function showKeys() {
  const line = document.getElementById("keys");
  if (!line) return;
  line.hidden = false;
  document.getElementById("keys-on").checked = keysOn();
}

document.addEventListener("change", (event) => {
  if (event.target.id !== "keys-on") return;
  try { localStorage.setItem(keysWish, event.target.checked ? "on" : "off"); } catch { /* the box still works on this page */ }
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("textarea, select, [contenteditable], input:not([type=checkbox])");
  const on = document.getElementById("keys-on")?.checked ?? keysOn();
  const reading = document.querySelector("dialog[open]") !== null;
  if (!on || typing || reading || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { ArrowLeft: "previous-cell", ArrowRight: "next-cell" }[event.key];
  const target = step
    ? document.getElementById(step)
    : /^[a-z]$/i.test(event.key) && document.querySelector(`#verdict button[data-key="${event.key.toLowerCase()}"]`);
  if (!target) return;
  event.preventDefault();
  target.click();
});

function notSaved(text) {
  const problem = document.getElementById("verdict-problem");
  if (!problem) return;
  problem.hidden = false;
  problem.querySelector("span").textContent = text;
}

const isVerdict = (event) => event.target.closest?.("#verdict") !== null;

document.addEventListener("htmx:before:request", (event) => {
  const problem = document.getElementById("verdict-problem");
  if (isVerdict(event) && problem) problem.hidden = true;
});

// An answer that came through a redirect is another page, the sign-in form for instance, and belongs in no panel.
document.addEventListener("htmx:before:response", (event) => {
  if (!event.detail.ctx.response.raw.redirected) return;
  event.preventDefault();
  if (isVerdict(event)) notSaved("Not saved: you are signed out. Sign in in another tab, then press the verdict again.");
});

document.addEventListener("htmx:response:error", (event) => {
  if (!isVerdict(event)) return;
  const status = event.detail.ctx.response.status;
  if (status === 409) return;
  const why = { 401: "you are signed out. Sign in in another tab", 403: "your role does not include verdicts. Ask an admin" }[status] ?? `the server answered ${status}. Wait a moment`;
  notSaved(`Not saved: ${why}, then press the verdict again. Your note is still here.`);
});

document.addEventListener("htmx:error", (event) => {
  if (isVerdict(event)) notSaved("Not saved: no answer from the server. Your note is still here; press the verdict again.");
});

document.addEventListener("htmx:after:swap", showKeys);
showKeys();
