// What the form says about a case, in the words of the REST API, and what in it may name a person.

const asked = (name) => [...document.querySelectorAll(`[data-${name}]`)];
const at = (id) => document.getElementById(id);

function value(control) {
  if (control.type === "checkbox") return control.checked;
  const text = control.value.trim();
  if (text === "") return null;
  return control.type === "number" ? Number(text) : text;
}

function wasChanged(control) {
  if (control.type === "checkbox") return control.checked !== control.defaultChecked;
  if (control.options) return !control.selectedOptions[0].defaultSelected;
  return control.value !== control.defaultValue;
}

// Only what somebody changed: the accession may join a case that has details already.
export function changes() {
  const found = {};
  for (const control of asked("detail").filter(wasChanged)) found[control.dataset.detail] = value(control) ?? (control.id === "notes" ? "" : null);
  const profile = asked("acquisition");
  if (profile.some(wasChanged)) found.acquisition = Object.fromEntries(profile.map((control) => [control.dataset.acquisition, value(control)]));
  return found;
}

export function reuse() {
  const chosen = at("reuse")?.value;
  return chosen && chosen !== "none" ? { reuse: chosen, basis: at("basis").value.trim() } : null;
}

// The first field that the browser or the server would refuse, with the reason; null when all fit.
export function unfit() {
  const wrong = [...asked("acquisition"), ...asked("detail")].find((control) => !control.checkValidity());
  if (wrong) return { control: wrong, reason: `${wrong.labels[0].textContent.trim()}: ${wrong.validationMessage}` };
  const permission = reuse();
  if (permission && !permission.basis) return { control: at("basis"), reason: "Say what the permission to reuse the cells rests on." };
  return null;
}

export function reveal(control) {
  const about = control.closest("details");
  if (about) about.open = true;
  control.focus();
}

const patterns = [...(at("private-patterns")?.content.children ?? [])].map((data) => ({
  matches: new RegExp(data.value, "u"), words: data.textContent, only: data.dataset.only,
}));

function findings() {
  return asked("private").flatMap((control) => patterns
    .filter((pattern) => (!pattern.only || pattern.only === control.id) && pattern.matches.test(control.value.trim()))
    .map((pattern) => `${control.labels[0].firstChild.textContent.trim()} ${pattern.words}`));
}

let shown = "";

// Shows what may name a person; true when there is nothing, or somebody has looked.
export function cleared() {
  const found = findings();
  if (found.join() !== shown) {
    shown = found.join();
    at("private-seen").checked = false;
    at("private-list").replaceChildren(...found.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    at("private").hidden = found.length === 0;
  }
  return found.length === 0 || at("private-seen").checked;
}

function sayProfile() {
  const profile = asked("acquisition");
  if (profile.length) at("profile-line").textContent = `${profile.filter((control) => control.value.trim()).length} of ${profile.length} known`;
}

for (const control of asked("private")) control.addEventListener("change", cleared);
for (const control of asked("acquisition")) control.addEventListener("change", sayProfile);
at("reuse")?.addEventListener("change", () => { at("basis").disabled = reuse() === null; });
sayProfile();
