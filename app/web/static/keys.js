// Opens the list of a page's keys: with its button, or with `?` while nobody writes.

const list = document.getElementById("keys-help");
const button = document.getElementById("keys-open");

button.hidden = false;
button.addEventListener("click", () => list.showModal());
list.addEventListener("click", (event) => { if (event.target === list) list.close(); });
document.addEventListener("keydown", (event) => {
  if (event.key !== "?" || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("textarea, select, [contenteditable], input:not([type=checkbox])")) return;
  event.preventDefault();
  if (!list.open) list.showModal();
});
