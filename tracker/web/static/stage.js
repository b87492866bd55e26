// The large picture of a run: the slider and the film strip that choose it, true pixels, and the terms' values at its
// step.
import { readable } from "./curves.js";
import { onKey } from "./keys.js";
import { parse } from "./page.js";

const byId = (id) => document.getElementById(id);

/** stage wires up the picture of a run. curves.at gives the values of terms at a step. */
export function stage(run, curves) {
  let frames = [...document.querySelectorAll("#film a")];
  if (frames.length === 0) {
    return { showTerms() {}, update: (address) => lookForFirst(address) };
  }
  const picture = byId("picture");
  const slider = byId("slider");
  let at = Number(slider.value);
  let moved = at !== frames.length - 1; // while it shows the latest, it moves to newer ones
  let known = ""; // the list of the run's pictures, as it was fetched last
  const loaded = new Set(); // hashes of pictures that the browser has

  byId("slider-line").hidden = frames.length < 2;
  byId("zoom").hidden = false;

  function show(i) {
    at = Math.min(Math.max(i, 0), frames.length - 1);
    const frame = frames[at];
    const { hash, step, size } = frame.dataset;
    slider.value = at;
    slider.setAttribute("aria-valuetext", `${frame.dataset.role} at step ${step}`);
    if (picture.getAttribute("src") !== `/pictures/${hash}`) picture.src = `/pictures/${hash}`;
    picture.alt = `${document.querySelector("h1").textContent} at step ${step}`;
    byId("file").href = `/pictures/${hash}`;
    byId("file").textContent = size;
    byId("save").href = `/runs/${run.dataset.id}/pictures/${hash}`;
    byId("animation").hidden = frames.length < 2;
    const planned = Number(run.dataset.planned);
    byId("step").textContent = `step ${step}${planned ? ` of ${planned}` : ""}`;
    for (const f of frames) f.setAttribute("aria-current", String(f === frame));
    const film = byId("film");
    const item = frame.parentElement;
    film.scrollTo({ left: item.offsetLeft - film.offsetLeft - (film.clientWidth - item.clientWidth) / 2 });
    showTerms();
    preload(at + 1);
    preload(at - 1);
  }

  function preload(i) {
    const hash = frames[i]?.dataset.hash;
    if (!hash || loaded.has(hash)) return;
    loaded.add(hash);
    new Image().src = `/pictures/${hash}`;
  }

  function showTerms() {
    const list = byId("terms");
    const values = curves.at(Number(frames[at].dataset.step));
    list.hidden = values.length === 0;
    list.replaceChildren(...values.map(([name, value]) => {
      const pair = document.createElement("div");
      pair.append(Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: readable(value) }));
      return pair;
    }));
  }

  function move(i) {
    show(i);
    moved = at !== frames.length - 1;
  }

  slider.addEventListener("input", () => move(Number(slider.value)));
  byId("film").addEventListener("click", (event) => {
    const frame = event.target.closest("a");
    if (!frame || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    move(frames.indexOf(frame));
  });
  onKey("ArrowLeft ArrowRight", "Previous or next snapshot", (key) => move(at + (key === "ArrowLeft" ? -1 : 1)));
  zoomable(byId("canvas"), picture, byId("zoom"));
  show(at);

  return {
    showTerms,
    /** update adds the frames that there are by now. */
    async update(address) {
      const answer = await fetch(`${address}/pictures`);
      const list = answer.ok ? await answer.text() : known;
      if (list === known) return;
      known = list;
      const film = await fetchPart(address, "film");
      if (!film) return;
      byId("film").replaceChildren(...film.children);
      frames = [...document.querySelectorAll("#film a")];
      slider.max = frames.length - 1;
      byId("slider-line").hidden = frames.length < 2;
      show(moved ? at : frames.length - 1);
    },
  };
}

/** lookForFirst loads the page anew when there is a first picture: only then it has a slider and all. */
async function lookForFirst(address) {
  const answer = await fetch(`${address}/pictures`);
  if (answer.ok && (await answer.json()).some(({ role }) => !["content", "style", "init"].includes(role))) location.reload();
}

async function fetchPart(address, id) {
  const answer = await fetch(address);
  return answer.ok ? parse(await answer.text()).getElementById(id) : null;
}

/** zoomable shows a picture at true pixels, one of the picture's for each of the screen's, around where one clicks. */
function zoomable(canvas, picture, button) {
  function zoom(on, x = 0.5, y = 0.5) {
    button.setAttribute("aria-pressed", String(on));
    canvas.classList.toggle("true-pixels", on);
    picture.style.width = on ? `${picture.naturalWidth / devicePixelRatio}px` : "";
    if (on) canvas.scrollTo(x * picture.offsetWidth - canvas.clientWidth / 2, y * picture.offsetHeight - canvas.clientHeight / 2);
  }
  const toggle = (x, y) => zoom(!canvas.classList.contains("true-pixels"), x, y);

  picture.addEventListener("click", (event) => {
    // While it is fitted in, the picture is smaller than its element, and lies in its middle.
    const box = picture.getBoundingClientRect();
    const scale = Math.min(box.width / picture.naturalWidth, box.height / picture.naturalHeight);
    const part = (at, middle, size) => Math.min(Math.max((at - middle) / (size * scale) + 0.5, 0), 1);
    toggle(part(event.clientX, box.x + box.width / 2, picture.naturalWidth), part(event.clientY, box.y + box.height / 2, picture.naturalHeight));
  });
  button.addEventListener("click", () => toggle());
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "Enter") toggle();
    if (event.key.startsWith("Arrow") && canvas.classList.contains("true-pixels")) event.stopPropagation(); // they scroll it
  });
  onKey("z", "True pixels", () => toggle());
  picture.addEventListener("load", () => {
    if (canvas.classList.contains("true-pixels")) picture.style.width = `${picture.naturalWidth / devicePixelRatio}px`;
  });
}
