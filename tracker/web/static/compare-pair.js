// The large view of two pictures, A and B: swiped, B in A's place, or how far B is from A.

import { describe, difference } from "/static/compare-difference.js";
import { makeSwipe } from "/static/compare-swipe.js";
import { Viewer } from "/static/compare-viewer.js";

/**
 * makePair builds the view into a stage. tell is given what is to be said of a difference, complain what went wrong.
 * @returns {{viewers: function(string): Viewer[], show: Function}}
 */
export function makePair(stage, link, tell, complain) {
  const swipe = makeSwipe(stage, link);
  const pane = document.createElement("div");
  pane.className = "pane";
  stage.append(pane);
  const single = new Viewer(pane, link, "A, or B in its place, or their difference");
  let compared = null; // the difference that was asked for last: {key, picture}, of which the picture comes later

  /** viewers are those that a mode shows. */
  function viewers(mode) {
    swipe.slider.hidden = mode !== "swipe";
    pane.hidden = mode !== "flip" && mode !== "difference";
    return mode === "swipe" ? swipe.viewers : [single];
  }

  /** show shows two pictures, which may be null; flipped shows B in A's place. */
  function show(mode, a, b, { flipped, gain }) {
    const shown = flipped ? b : a;
    pane.dataset.mark = flipped ? "B" : mode === "flip" ? "A" : "";
    if (mode === "swipe") {
      swipe.viewers[0].show(shown, [a, b]);
      swipe.viewers[1].show(b);
    } else if (mode === "flip" || flipped) {
      single.show(shown, [a, b, compared?.picture]);
    } else if (mode === "difference") {
      showDifference(a, b, gain);
    }
  }

  function showDifference(a, b, gain) {
    const key = JSON.stringify([a, b, gain]);
    if (compared?.key !== key) {
      if (compared?.picture) URL.revokeObjectURL(compared.picture.url);
      compared = { key, picture: null };
      tell(a && b ? "" : "One of the two has no picture at this iteration.");
      if (a && b) workOut(compared, a, b, gain);
    }
    if (compared.picture || !a || !b) single.show(compared.picture, [a, b]);
  }

  async function workOut(mine, a, b, gain) {
    try {
      const found = await difference(a, b, gain);
      const file = await new Promise((done) => found.canvas.toBlob(done));
      if (mine !== compared) return; // another was asked for meanwhile
      mine.picture = { url: URL.createObjectURL(file), width: a.width, height: a.height };
      tell(describe(found, a, b));
      if (!pane.hidden && pane.dataset.mark === "") single.show(mine.picture, [a, b]);
    } catch (error) {
      complain(`The difference could not be computed: ${error.message}.`);
    }
  }

  return { viewers, show };
}
