// The Compare page: what its controls do. The parts are in the files named compare-*.js.

import { makeCurves } from "/static/compare-curves.js";
import { listen } from "/static/compare-keys.js";
import { Link } from "/static/compare-link.js";
import { makePair } from "/static/compare-pair.js";
import { makeRatings, rate } from "/static/compare-rating.js";
import { addressOf, keep, readState } from "/static/compare-state.js";
import { Viewer } from "/static/compare-viewer.js";

const $ = (id) => document.getElementById(id);
const scene = JSON.parse($("scene").textContent);
const state = readState(scene);

const widest = Math.max(...scene.runs.map((r) => r.frames.at(-1)?.width ?? 1));
const link = new Link(widest);

/** picture is what a viewer shows of a frame. */
const picture = (f) => f && { url: `/pictures/${f.hash}`, width: f.width, height: f.height };

const contents = [...document.querySelectorAll(".content")].map((figure, i) => {
  const viewer = makeViewer(figure, "Content");
  viewer.show(picture(scene.contents[i]));
  return viewer;
});

const tiles = [...document.querySelectorAll(".tile")].map((figure, i) => {
  const run = scene.runs[i];
  return { run, figure, caption: figure.querySelector("figcaption"), viewer: makeViewer(figure, `The picture of run ${run.number}, ${run.name}`) };
});
const tileOf = (id) => tiles.find((t) => t.run.id === id);

// The tiles have one shape, so that they show the same part: that of the picture in the middle, from the widest to the tallest.
const shapes = scene.runs.filter((r) => r.frames.length > 0).map(({ frames }) => frames.at(-1).height / frames.at(-1).width).sort((a, b) => a - b);
const shape = shapes[Math.floor(shapes.length / 2)] ?? 0.75;
for (const { viewer } of tiles) viewer.pane.style.aspectRatio = 1 / shape;

/** makeViewer puts a viewer where a figure has its picture for browsers without scripts. */
function makeViewer(figure, label) {
  const pane = figure.querySelector(".pane");
  const image = pane.querySelector("img");
  if (image) {
    pane.style.aspectRatio = image.getAttribute("width") / image.getAttribute("height");
    image.remove();
  }
  return new Viewer(pane, link, label);
}

const pair = makePair($("pair-stage"), link, (text) => ($("difference-text").textContent = text), complain);

let blinking = false;

/** frameOf is a run's picture at the step that is chosen, or its last one before. */
function frameOf(run) {
  return run.frames.findLast((f) => f.step <= scene.steps[state.step]) ?? null;
}

/** paint has every viewer show what the state says. */
function paint() {
  const [a, b] = [tileOf(state.a), tileOf(state.b)].map((t) => t && picture(frameOf(t.run)));
  const shown = blinking ? b : a;
  for (const tile of tiles) {
    const isA = tile.run.id === state.a;
    const own = picture(frameOf(tile.run));
    tile.viewer.show(isA ? shown : own, isA ? [a, b] : []);
    labelTile(tile, isA && blinking);
  }
  pair.show(state.mode, a, b, { flipped: blinking, gain: state.gain });
}

function labelTile({ run, caption, viewer }, shows) {
  const frame = frameOf(run);
  const marks = [run.id === state.a && !shows && "A", (run.id === state.b || shows) && "B"].filter(Boolean);
  viewer.pane.dataset.mark = marks.join(" ");
  viewer.pane.querySelector(".pane-text").hidden = frame !== null;
  caption.querySelector(".tile-what").textContent = frame ? `iteration ${frame.step} · ${frame.width} × ${frame.height}` : "no picture yet";
  for (const button of caption.querySelectorAll(".marks button")) button.setAttribute("aria-pressed", String(state[button.dataset.mark] === run.id));
}

/** arrange shows the part of the page that a mode needs, and links the viewers that are in it. */
function arrange() {
  const { mode } = state;
  $("pictures").dataset.mode = mode;
  for (const button of $("modes").children) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  document.querySelector(".tiles").hidden = mode !== "grid";
  $("pair").hidden = mode === "grid";
  document.querySelector(".flip-tools").hidden = mode !== "flip";
  document.querySelector(".difference-tools").hidden = mode !== "difference";
  bringCaptions();
  const frame = tileOf(state.a).run.frames.at(-1) ?? tileOf(state.b).run.frames.at(-1);
  $("pair-stage").style.aspectRatio = frame ? frame.width / frame.height : 1 / shape;
  link.show(mode === "grid" ? tiles.map((t) => t.viewer) : pair.viewers(mode), contents);
}

/** bringCaptions moves the captions of the two, with their stars, below the large view, and back. */
function bringCaptions() {
  for (const tile of tiles) tile.figure.append(tile.caption);
  if (state.mode === "grid") return;
  $("caption-a").replaceChildren(tileOf(state.a).caption);
  if (state.b !== state.a) $("caption-b").replaceChildren(tileOf(state.b).caption);
}

function showControls() {
  $("a").value = state.a;
  $("b").value = state.b;
  $("gain").value = state.gain;
  $("step").value = Math.max(state.step, 0);
  const final = state.step === scene.steps.length - 1;
  $("step-text").textContent = final ? "final" : `iteration ${scene.steps[state.step] ?? "–"}`;
  $("step").setAttribute("aria-valuetext", $("step-text").textContent);
  for (const button of document.querySelectorAll("[data-step]")) {
    button.disabled = Number(button.dataset.step) < 0 ? state.step <= 0 : final;
  }
}

/** set changes the state and shows it. */
function set(change) {
  const arranged = ["mode", "a", "b"].some((name) => name in change && change[name] !== state[name]);
  Object.assign(state, change);
  if (arranged) arrange();
  paint();
  showControls();
  keep(state, scene);
}

const setMode = (mode) => {
  byItself(false);
  set({ mode });
};
const setStep = (step) => set({ step: Math.min(Math.max(step, 0), scene.steps.length - 1) });
const mark = (name, id) => set({ [name]: id });
const swap = () => set({ a: state.b, b: state.a });

function blink(on) {
  if (on === blinking) return;
  blinking = on;
  $("blink").setAttribute("aria-pressed", String(on));
  paint();
}

/** byItself has B and A take turns, slowly enough for everybody. */
function byItself(on) {
  clearInterval(byItself.timer);
  $("by-itself").checked = on;
  blink(false);
  if (on) byItself.timer = setInterval(() => blink(!blinking), 1000);
}

link.onchange = () => {
  const { zoom } = link.view;
  $("zoom").textContent = percent(zoom);
  for (const { viewer } of tiles) {
    const own = viewer.picture ? percent(viewer.scale(zoom)) : "";
    viewer.pane.dataset.percent = own === percent(zoom) ? "" : own;
  }
  for (const button of document.querySelectorAll("[data-zoom]")) {
    const is = button.dataset.zoom === "fit" ? link.fitted : !link.fitted && Math.abs(Number(button.dataset.zoom) / zoom - 1) < 0.001;
    button.setAttribute("aria-pressed", String(is));
  }
  state.view = link.fitted ? null : link.view;
  keep(state, scene);
};

function percent(zoom) {
  const p = zoom * 100;
  return `${p < 10 ? p.toFixed(1) : Math.round(p)} %`;
}

function zoomBy(name) {
  if (name === "fit") link.fit();
  else if (name === "in" || name === "out") link.step(name === "in" ? 1 : -1);
  else link.zoomTo(Number(name));
}

function complain(text) {
  $("problem").textContent = text;
  $("problem").hidden = false;
}

function connect() {
  $("modes").addEventListener("click", (event) => {
    const mode = event.target.closest("button")?.dataset.mode;
    if (mode) setMode(mode);
  });
  for (const button of document.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => zoomBy(button.dataset.zoom));
  for (const button of document.querySelectorAll("[data-step]")) button.addEventListener("click", () => setStep(state.step + Number(button.dataset.step)));
  document.querySelector(".steps").hidden = scene.steps.length < 2;
  $("step").max = scene.steps.length - 1;
  $("step").addEventListener("input", () => setStep(Number($("step").value)));
  for (const name of ["a", "b"]) $(name).addEventListener("change", () => mark(name, $(name).value));
  for (const { run, figure } of tiles) {
    for (const button of figure.querySelectorAll(".marks button")) button.addEventListener("click", () => mark(button.dataset.mark, run.id));
  }
  $("swap").addEventListener("click", swap);
  $("gain").addEventListener("change", () => set({ gain: Number($("gain").value) }));
  $("by-itself").addEventListener("change", () => byItself($("by-itself").checked));
  connectBlink();
  $("full").addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : $("pictures").requestFullscreen()));
  document.addEventListener("picturefail", () => complain("A picture could not be loaded. Load the page again; gouache runs verify tells what is missing."));
  for (const out of document.querySelectorAll(".tile-out")) {
    const without = new URL(out.href).searchParams.getAll("run");
    out.addEventListener("click", () => (out.href = addressOf(state, scene, without))); // the view stays as it is
  }
  for (const enlarge of document.querySelectorAll(".enlarge")) {
    enlarge.addEventListener("click", (event) => {
      event.preventDefault();
      const image = $("enlarged").querySelector("img");
      image.src = enlarge.href;
      image.alt = enlarge.querySelector("img").alt;
      $("enlarged").showModal();
    });
  }
  $("enlarged").addEventListener("click", () => $("enlarged").close());
  makeRatings(document.querySelectorAll("form.rate"), complain);
}

function connectBlink() {
  const button = $("blink");
  button.addEventListener("pointerdown", (event) => {
    button.setPointerCapture(event.pointerId);
    blink(true);
  });
  for (const name of ["pointerup", "pointercancel", "blur"]) button.addEventListener(name, () => blink(false));
  button.addEventListener("contextmenu", (event) => event.preventDefault()); // which a long touch asks for
  button.addEventListener("keydown", (event) => [" ", "Enter"].includes(event.key) && blink(true));
  button.addEventListener("keyup", () => blink(false));
}

function connectKeys() {
  const tileAround = (element) => tiles.find((t) => t.figure.contains(element));
  listen({
    mode: setMode,
    zoom: zoomBy,
    step: (by) => setStep(state.step + by),
    swap,
    blink,
    pan: (right, down) => link.pan(right, down),
    mark(name, canvas) {
      const tile = tileAround(canvas);
      if (tile) mark(name, tile.run.id);
    },
    rate(stars, canvas) {
      const form = tileAround(canvas)?.caption.querySelector("form.rate");
      if (form) rate(form, stars, complain);
    },
  });
}

function connectCurves() {
  if (!$("curves")) return;
  const show = makeCurves($("curves"), scene, complain);
  const update = () => {
    state.metric = $("metric").value;
    state.log = $("log").checked;
    $("metric-note").textContent = scene.metrics.find((m) => m.name === state.metric).note;
    show(state.metric, state.log);
    keep(state, scene);
  };
  $("metric").value = state.metric;
  $("log").checked = state.log;
  for (const name of ["metric", "log"]) $(name).addEventListener("change", update);
  $("curves-block").hidden = false;
  update();
}

connect();
connectKeys();
$("controls").hidden = false;
$("hint").hidden = false;
for (const marks of document.querySelectorAll(".marks")) marks.hidden = false;
if (state.view) link.go(state.view);
arrange();
paint();
showControls();
connectCurves();
