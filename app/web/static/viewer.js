// The picture of a cell: zoom and pan by pointer, wheel and keys; the map's strength; the crop's outline.

const closest = 1;
const farthest = 10;
const keyStep = 40;
const at = (id) => document.getElementById(id);
const view = { scale: 1, x: 0, y: 0 };  // CSS pixels of the shown picture, from its top left corner

function draw() {
  const [viewer, stage] = [at("viewer"), at("stage")];
  if (!viewer) return;
  const spare = viewer.clientWidth * (view.scale - 1);
  view.x = Math.min(0, Math.max(-spare, view.x));
  view.y = Math.min(0, Math.max(-spare, view.y));
  stage.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
  viewer.classList.toggle("zoomed", view.scale > 1);
  at("zoom-level").textContent = `${Math.round(view.scale * 100)} %`;
}

// Keeps the point under the pointer, or the middle, where it is.
function zoom(factor, point) {
  const side = at("viewer").clientWidth;
  const { x, y } = point ?? { x: side / 2, y: side / 2 };
  const scale = Math.min(farthest, Math.max(closest, view.scale * factor));
  const ratio = scale / view.scale;
  Object.assign(view, { scale, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio });
  draw();
}

function move(x, y) {
  view.x += x;
  view.y += y;
  draw();
}

function showAll() {
  Object.assign(view, { scale: 1, x: 0, y: 0 });
  draw();
}

function showMap() {
  const strength = Number(at("heat-strength").value);
  const heat = at("heat");
  if (strength && !heat.src) heat.src = heat.dataset.src;
  heat.hidden = strength === 0;
  heat.style.opacity = strength / 100;
  at("heat-level").textContent = strength ? `${strength} %` : "off";
}

function toggleMap() {
  const slider = at("heat-strength");
  slider.value = Number(slider.value) ? 0 : 70;
  showMap();
}

const moves = { ArrowLeft: [keyStep, 0], ArrowRight: [-keyStep, 0], ArrowUp: [0, keyStep], ArrowDown: [0, -keyStep] };
const zooms = { "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: showAll };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const inPicture = event.target.id === "viewer";
  const act = inPicture && (zooms[event.key] ?? (view.scale > 1 && moves[event.key] && (() => move(...moves[event.key]))));
  if (act) {
    event.preventDefault();
    event.stopImmediatePropagation();  // an arrow would lead to the next cell
    act();
  } else if (event.key.toLowerCase() === "g" && at("heat-strength") && !event.target.closest?.("textarea, select, input:not([type=checkbox], [type=range])")) {
    toggleMap();
  }
}, true);

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("#viewer-tools [data-zoom]");
  if (button) ({ in: () => zoom(1.5), out: () => zoom(1 / 1.5), all: showAll })[button.dataset.zoom]();
});

document.addEventListener("input", (event) => { if (event.target.id === "heat-strength") showMap(); });
document.addEventListener("change", (event) => { if (event.target.id === "outline-on") at("outline").classList.toggle("off", !event.target.checked); });

document.addEventListener("wheel", (event) => {
  const viewer = event.target.closest?.("#viewer");
  if (!viewer || !(event.ctrlKey || document.activeElement === viewer)) return;  // otherwise the page scrolls
  event.preventDefault();
  const box = viewer.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY / 400), { x: event.clientX - box.left, y: event.clientY - box.top });
}, { passive: false });

document.addEventListener("pointerdown", (event) => {
  const viewer = event.target.closest?.("#viewer");
  if (viewer && view.scale > 1) viewer.setPointerCapture(event.pointerId);
});
document.addEventListener("pointermove", (event) => {
  if (at("viewer")?.hasPointerCapture(event.pointerId)) move(event.movementX, event.movementY);
});

// A result that came in with its prediction is a new picture with new tools.
function prepare() {
  const tools = at("viewer-tools");
  if (!tools) return;
  tools.hidden = false;
  draw();
}

document.addEventListener("htmx:after:swap", prepare);
window.addEventListener("resize", draw);
prepare();
