// The large picture of a run: the slider and the film strip that choose it, true pixels, and the terms' values at its
// step.
import { readable } from "./curves.js";
import { onKey } from "./keys.js";
import { parse } from "./page.js";

const byId = (id) => document.getElementById(id);

/** stage wires up the picture of a run, once there is one. curves.at gives the values of terms at a step. */
export function stage(run, curves) {
  let slides = byId("film") ? film(run, curves) : null;
  let known = ""; // the list of the run's pictures, as it was fetched last
  return {
    showTerms: () => slides?.showTerms(),
    /** update shows the pictures that there are by now. */
    async update(address) {
      const answer = await fetch(`${address}/pictures`);
      const list = answer.ok ? await answer.text() : known;
      if (list === known) return;
      const page = await fetch(address);
      const next = page.ok ? parse(await page.text()).getElementById("stage") : null;
      if (!next) return;
      known = list;
      const pictures = next.querySelector("#film");
      if (!pictures) return;
      if (slides) {
        slides.take(pictures);
      } else {
        byId("stage").replaceWith(next);
        slides = film(run, curves);
      }
    },
  };
}

/** film wires up the slider through a run's pictures. */
function film(run, curves) {
  let frames = [...document.querySelectorAll("#film a")];
  const picture = byId("picture");
  const slider = byId("slider");
  let at = Number(slider.value);
  let moved = at !== frames.length - 1; // while it shows the latest, it moves to newer ones
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
    const strip = byId("film");
    const item = frame.parentElement;
    strip.scrollTo({ left: item.offsetLeft - strip.offsetLeft - (strip.clientWidth - item.clientWidth) / 2 });
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
    take(pictures) {
      byId("film").replaceChildren(...pictures.children);
      frames = [...document.querySelectorAll("#film a")];
      slider.max = frames.length - 1;
      byId("slider-line").hidden = frames.length < 2;
      show(moved ? at : frames.length - 1);
    },
  };
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
