// Choosing trials to compare. What is chosen stays chosen while the grid shows others.
import { say } from "./page.js";
import { pictureAddress } from "./sweep-picture.js";

/** choosing wires up the bar below the grid. */
export function choosing(cells) {
  const bar = document.getElementById("chosen");
  const strip = document.getElementById("chosen-strip");
  const count = document.getElementById("chosen-count");
  const clear = document.getElementById("unchoose");
  const compare = document.getElementById("compare");
  const chosen = new Map(); // by run: {number, hash}
  const most = Number(cells.dataset.most);

  function update() {
    for (const box of cells.querySelectorAll("input[name=run]")) {
      box.checked = chosen.has(box.value);
      box.closest(".trial").classList.toggle("trial-chosen", box.checked);
    }
    const n = chosen.size;
    bar.classList.toggle("on", n > 0);
    clear.hidden = n === 0;
    compare.disabled = n < 2 || n > most;
    count.textContent = n === 0 ? `Tick two to ${most} pictures to compare them.` : n === 1 ? "1 picture: choose another to compare." : n > most ? `${n} pictures: at most ${most} can be compared.` : `${n} pictures`;
    strip.replaceChildren(...[...chosen].map(([id, { number, hash }]) => {
      const button = Object.assign(document.createElement("button"), { type: "button", title: `Leave trial ${number} out` });
      button.setAttribute("aria-label", `Leave trial ${number} out of what is compared`);
      if (hash) button.append(Object.assign(new Image(), { src: pictureAddress(hash, 160), alt: "" }));
      else button.textContent = number;
      button.addEventListener("click", () => toggle(id));
      return button;
    }));
  }

  function toggle(id, figure) {
    if (!chosen.delete(id) && figure) chosen.set(id, { number: figure.dataset.number, hash: figure.dataset.hash });
    update();
    say(`${chosen.size} chosen`);
  }

  cells.addEventListener("change", (event) => {
    if (event.target.matches("input[name=run]")) toggle(event.target.value, event.target.closest(".trial"));
  });
  clear.addEventListener("click", () => {
    chosen.clear();
    update();
  });
  bar.addEventListener("submit", (event) => {
    event.preventDefault();
    location.assign(`/compare?${new URLSearchParams([...chosen.keys()].map((id) => ["run", id]))}`);
  });
  for (const box of cells.querySelectorAll("input[name=run]:checked")) { // which the browser kept
    const figure = box.closest(".trial");
    chosen.set(box.value, { number: figure.dataset.number, hash: figure.dataset.hash });
  }
  update();

  return {
    update,
    has: (id) => chosen.has(id),
    toggle: (figure) => toggle(figure.dataset.run, figure),
    compare: () => compare.click(),
  };
}
