// A note saves itself while one types. What the server has not confirmed is kept in this browser, and saved when the
// run's page is opened again: leaving the page, adding a tag or a server that is gone loses nothing.
import { forget, remember, remembered } from "./page.js";

const pause = 800; // ms without a key before the note is saved
const patience = 5000; // ms before a note that could not be saved is tried again

/** @param {HTMLFormElement | null} form is not there where nothing can be changed. */
export function keepNote(form, id) {
  if (!form) return;
  const field = form.querySelector("textarea");
  const state = form.querySelector("output");
  const by = form.elements.note_by;
  const draft = `note-${id}`;
  let saved = field.value;
  let timer = 0;
  let saving = false;
  form.querySelector("button").hidden = true;
  by.value = remembered("rater", ""); // as on the pages on which people judge
  by.addEventListener("change", () => remember("rater", by.value.trim()));

  const left = remembered(draft, saved);
  if (left !== saved) {
    field.value = left;
    save();
  }
  forgetIfSaved();

  function forgetIfSaved() {
    if (field.value === saved) forget(draft);
  }

  function values(note) {
    return new URLSearchParams({ note, note_by: by.value.trim() });
  }

  function later(ms) {
    clearTimeout(timer);
    timer = setTimeout(save, ms);
  }

  async function save() {
    clearTimeout(timer);
    const note = field.value;
    if (saving || note === saved) return;
    saving = true;
    state.textContent = "Saving…";
    try {
      // The server answers with the way to the page, which is here already.
      const answer = await fetch(form.action, { method: "POST", body: values(note), redirect: "manual" });
      if (answer.type !== "opaqueredirect") throw new Error(String(answer.status));
      saved = note;
      state.textContent = "Saved";
      forgetIfSaved();
      if (field.value !== note) later(0); // typed meanwhile
    } catch {
      state.textContent = "Not saved yet: the server does not answer. The note is kept in this browser.";
      later(patience);
    } finally {
      saving = false;
    }
  }

  field.addEventListener("input", () => {
    remember(draft, field.value);
    state.textContent = "";
    later(pause);
  });
  field.addEventListener("blur", save);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  addEventListener("pagehide", () => {
    if (field.value !== saved) navigator.sendBeacon(form.action, values(field.value));
  });
  addEventListener("beforeunload", (event) => {
    if (field.value !== saved && remembered(draft, "") !== field.value) event.preventDefault(); // this browser keeps nothing
  });
}
