// The keys of the Compare page.

import { onKey } from "/static/keys.js";

const held = "x";

/** listen has keys do what the actions say. Those on a picture are told its canvas. */
export function listen(actions) {
  onKey("g", "All pictures in a grid", () => actions.mode("grid"));
  onKey("s", "Swipe between A and B", () => actions.mode("swipe"));
  onKey("f", "Flip between A and B in one place", () => actions.mode("flip"));
  onKey("d", "Difference of A and B", () => actions.mode("difference"));
  onKey(held, "Hold: see B in A’s place", () => actions.blink(true));
  onKey("w", "Swap A and B", () => actions.swap());
  onKey("a b", "On a picture: make it A or B", (key) => actions.mark(key, document.activeElement));
  onKey("[ ]", "Earlier or later iteration", (key) => actions.step(key === "[" ? -1 : 1));
  onKey("+ -", "Larger or smaller", (key) => actions.zoom(key === "+" ? "in" : "out"));
  onKey("=", "", () => actions.zoom("in"));
  onKey("0", "The whole pictures", () => actions.zoom("fit"));
  onKey("1 2 4 8", "True pixels, or 2, 4 or 8 times as large", (key) => actions.zoom(key));
  addEventListener("keyup", (event) => event.key.toLowerCase() === held && actions.blink(false));
  addEventListener("blur", () => actions.blink(false)); // else the key would be let go unseen
  // Before the swipe's own listener, to which keys pressed on a picture inside it would come, too.
  addEventListener("keydown", (event) => {
    const canvas = event.target.closest?.(".openseadragon-canvas");
    if (!canvas || event.ctrlKey || event.metaKey || event.altKey || !onPicture(event, canvas, actions)) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
}

/** onPicture does what a key does on a picture only, and tells whether it did something. */
function onPicture(event, canvas, actions) {
  const far = event.shiftKey ? 0.5 : 0.1;
  const arrow = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
  const digit = event.shiftKey ? /^Digit([1-5])$/.exec(event.code)?.[1] : undefined;
  const stars = digit !== event.key ? digit : undefined; // where digits are typed with Shift they are for the zoom
  if (arrow) actions.pan(...arrow);
  if (stars) actions.rate(Number(stars), canvas);
  return Boolean(arrow || stars);
}
