// Two pictures in one place, with a divider between them: the element img-comparison-slider around two viewers.

import { Viewer } from "/static/compare-viewer.js";

/** makeSwipe builds the divider and its two viewers into a stage. */
export function makeSwipe(stage, link) {
  const slider = document.createElement("img-comparison-slider");
  slider.className = "swipe";
  const [first, second] = ["first", "second"].map((slot) => {
    const pane = document.createElement("div");
    pane.slot = slot;
    pane.className = "pane";
    pane.dataset.mark = slot === "first" ? "A" : "B";
    pane.append(Object.assign(document.createElement("p"), { className: "pane-text", textContent: "no picture" }));
    return pane;
  });
  slider.append(first, second, makeHandle());
  stage.append(slider);
  letThrough(slider);
  makeAccessible(slider);
  return {
    slider,
    viewers: [new Viewer(first, link, "A, left of the divider"), new Viewer(second, link, "B, right of the divider")],
  };
}

/** makeHandle makes the divider as long as the pictures are high, so that it can be taken anywhere. */
function makeHandle() {
  const handle = document.createElement("div");
  handle.slot = "handle";
  handle.className = "swipe-handle";
  const grip = document.createElement("span");
  grip.className = "swipe-grip";
  grip.textContent = "⇔";
  handle.append(grip);
  return handle;
}

/**
 * letThrough has the element take the mouse at its divider only, and leave it to the viewers elsewhere: it lays a box
 * over both pictures, of which it clips the content but not the box.
 */
function letThrough(slider) {
  slider.setAttribute("handle", "true");
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(".first { pointer-events: none } .first-overlay-container { pointer-events: auto } .second { height: 100% }");
  slider.shadowRoot.adoptedStyleSheets.push(sheet);
}

/** makeAccessible describes the element and the position of its divider, and adds missing keys. */
function makeAccessible(slider) {
  slider.setAttribute("role", "slider");
  slider.setAttribute("aria-label", "Divider between A and B");
  slider.setAttribute("aria-valuemin", "0");
  slider.setAttribute("aria-valuemax", "100");
  const tell = () => slider.setAttribute("aria-valuenow", String(Math.round(slider.value)));
  slider.addEventListener("slide", tell);
  slider.addEventListener("keydown", (event) => {
    const end = { Home: 0, End: 100 }[event.key];
    if (end === undefined) return;
    event.preventDefault();
    slider.value = end;
    tell();
  });
  tell();
}
