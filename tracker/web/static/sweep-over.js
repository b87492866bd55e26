// The card that shows a trial's picture and settings beside what is pointed at.
import { pictureAddress } from "./sweep-picture.js";

const gap = 16;

/** showOver keeps a card by what is hovered or has the focus. */
export function showOver(card, filter) {
  let by = null; // an element that the card stays by, or the pointer's event

  filter.addEventListener("hover", ({ trial, at }) => {
    by = at;
    card.hidden = !trial;
    if (!trial) return;
    fill(card, trial, filter.scene);
    place(card, boxOf(by));
  });
  addEventListener("scroll", () => {
    if (card.hidden) return;
    if (by instanceof Element) place(card, boxOf(by));
    else card.hidden = true; // what the pointer is on by now is another thing
  }, { passive: true });
}

function fill(card, trial, { objective, x, y }) {
  const picture = trial.picture ? Object.assign(new Image(), { src: pictureAddress(trial.picture, 320), alt: "" }) : "";
  const head = element("p", "over-head", `${trial.name}${trial.state === "finished" ? "" : ` · ${trial.state}`}`);
  const pairs = [...(trial.told ?? []).map(({ Name, Text }) => [Name, Text]), ...(trial.value ? [[objective, trial.value]] : []), [x.name, trial.xText], [y.name, trial.yText]]
    .filter(([name], i, all) => name && all.findIndex(([n]) => n === name) === i);
  const list = element("dl", "");
  list.append(...pairs.flatMap(([name, text]) => [element("dt", "", name), element("dd", "", text)]));
  card.replaceChildren(picture, head, ...(trial.reason && trial.state !== "finished" ? [element("p", "sub", trial.reason)] : []), list);
}

function boxOf(at) {
  return at instanceof Element ? at.getBoundingClientRect() : { left: at.clientX, right: at.clientX, top: at.clientY, bottom: at.clientY };
}

/** place puts the card to the right of a place, or to its left where there is no room. */
function place(card, box) {
  const { width, height } = card.getBoundingClientRect();
  const right = box.right + gap;
  const left = right + width <= innerWidth ? right : Math.max(box.left - gap - width, 8);
  card.style.left = `${Math.min(left, innerWidth - width - 8)}px`;
  card.style.top = `${Math.min(Math.max(box.top - height / 2, 8), innerHeight - height - 8)}px`;
}

function element(name, className, text = "") {
  return Object.assign(document.createElement(name), { className, textContent: text });
}
