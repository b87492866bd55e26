// The form that queues paintings. The server makes the form anew after each change; here its parts take the place of
// those that are shown. Files can be dropped and pasted, and are sent as soon as they are chosen.
import { parse, say } from "./page.js";

const form = document.getElementById("paint");
const state = document.getElementById("paint-state");
const settings = ["paint-alert", "paint-estimate", "sweep-rows", "sweep-yaml"]; // what a change of a setting changes
const pictures = ["paint-pictures", ...settings];
let latest = 0;

document.getElementById("paint-look").hidden = true;

form.addEventListener("change", (event) => {
  const { target } = event;
  if (target.type === "file" || (target.type === "checkbox" && !target.closest("#sweep-rows"))) {
    look(pictures, target.files?.length ? `Sending and checking ${names(target.files)} …` : "");
  } else {
    look(settings);
  }
});

form.addEventListener("input", ({ target }) => {
  const shown = document.getElementById(`${target.id}-value`);
  if (shown) shown.textContent = target.value;
  if (target.type === "number" || target.type === "text") later(() => look(settings));
});

let waiting = 0;
function later(run) {
  clearTimeout(waiting);
  waiting = setTimeout(run, 400);
}

const names = (files) => (files.length > 2 ? `${files.length} pictures` : [...files].map((f) => f.name).join(" and "));

/** look asks for the form as it is now, and shows its parts. */
async function look(parts, saying = "") {
  clearTimeout(waiting);
  const turn = ++latest;
  const body = new FormData(form);
  for (const input of form.querySelectorAll('input[type="file"]')) {
    if (input.files.length === 0) body.delete(input.name);
  }
  state.textContent = saying;
  form.setAttribute("aria-busy", String(saying !== ""));
  try {
    const answer = await fetch(form.action, { method: "POST", body });
    const page = parse(await answer.text());
    if (turn !== latest) return;
    if (!answer.ok) throw new Error(page.querySelector("main")?.textContent.trim() || answer.statusText);
    show(parts, page);
    state.textContent = "";
  } catch (error) {
    if (turn === latest) state.textContent = error instanceof TypeError ? "The server does not answer." : error.message;
  } finally {
    if (turn === latest) form.setAttribute("aria-busy", "false");
  }
}

function show(parts, page) {
  const focused = document.activeElement?.id;
  const open = document.getElementById("paint-masks").open;
  const typed = document.activeElement?.closest("#sweep-rows") && document.activeElement.type !== "select-one"; // it would jump
  for (const id of parts) {
    if (page.getElementById(id) && !(typed && id === "sweep-rows")) document.getElementById(id).replaceWith(page.getElementById(id));
  }
  const masks = document.getElementById("paint-masks");
  masks.open ||= open;
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
  const wrong = document.querySelector("#paint-pictures .error");
  if (wrong && parts === pictures) say(wrong.textContent);
}

/** put gives files to a field, as if they had been chosen there. */
function put(name, files) {
  const input = form.querySelector(`input[type="file"][name="${CSS.escape(name)}"]`);
  const chosen = new DataTransfer();
  for (const file of input.multiple ? files : [...files].slice(0, 1)) chosen.items.add(file);
  if (chosen.files.length === 0) return;
  input.files = chosen.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

// A file that misses the fields would replace the page.
for (const kind of ["dragover", "drop"]) {
  addEventListener(kind, (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    const over = event.target.closest?.("[data-drop]");
    for (const well of form.querySelectorAll(".over")) well.classList.toggle("over", well === over && kind === "dragover");
    if (!over) {
      event.dataTransfer.dropEffect = "none";
    } else if (kind === "dragover") {
      over.classList.add("over");
      event.dataTransfer.dropEffect = "copy";
    } else {
      put(over.dataset.drop, event.dataTransfer.files);
    }
  });
}
addEventListener("dragleave", (event) => event.target.closest?.("[data-drop]")?.classList.remove("over"));

addEventListener("paste", (event) => {
  const { files } = event.clipboardData;
  if (files.length > 0) put(event.target.closest?.("[data-drop]")?.dataset.drop ?? "content.file", files);
});

form.addEventListener("submit", () => {
  state.textContent = "Queueing …";
});
addEventListener("pageshow", () => {
  state.textContent = ""; // also when the browser brings the page back
});

form.querySelector('[aria-invalid="true"]')?.focus();

// Files may have been chosen before this script ran. One change sends all of them.
const early = [...form.querySelectorAll('input[type="file"]')].find((input) => input.files.length > 0);
early?.dispatchEvent(new Event("change", { bubbles: true }));
