// What every page has: times as they are where the viewer is, the list of keys, buttons that copy.
import { listKeys, onKey } from "./keys.js";
import { localTimes } from "./page.js";

localTimes(document);
document.getElementById("tools").hidden = false;

const dialog = document.getElementById("keys");
function showKeys() {
  const list = dialog.querySelector("dl");
  list.replaceChildren(...listKeys().flatMap(([keys, does]) => {
    const term = document.createElement("dt");
    term.append(...keys.split(" ").map((k) => Object.assign(document.createElement("kbd"), { textContent: k })));
    return [term, Object.assign(document.createElement("dd"), { textContent: does })];
  }));
  dialog.showModal();
}
document.getElementById("keys-open").addEventListener("click", showKeys);
onKey("?", "Show these keys", showKeys);

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const label = button.querySelector("span");
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      label.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source); // copying needs https or localhost; the keyboard can
      label.textContent = "Press Ctrl+C";
    }
    setTimeout(() => (label.textContent = "Copy"), 2000);
  });
}
