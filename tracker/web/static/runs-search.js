// Searching while one types: the list is fetched as the field says, and put in place of the one that is there.
import { fetchPage, say, take } from "./page.js";

const pause = 250; // ms without a key before the server is asked
const patience = 900; // ms before what is wrong with a filter is said: it may be half typed

/**
 * search wires up the form. shown is called when another list is there.
 * @returns {{again: Function}} again fetches the list anew.
 */
export function search(form, list, shown) {
  const field = form.elements.filter;
  const sort = form.elements.sort;
  const error = document.getElementById("filter-error");
  let sorted = sort.value; // as the list is
  let typing = 0;
  let complaint = 0;
  let stepping = true; // the next list gets a step of its own in the browser's history, and what is typed on does not
  let fetching = null;

  function address() {
    const query = new URLSearchParams(new FormData(form));
    if (!query.get("filter")) query.delete("filter");
    if (sort.value === sorted && !new URLSearchParams(location.search).has("sort")) query.delete("sort");
    return query.size ? `/runs?${query}` : "/runs";
  }

  function find() {
    const to = address();
    if (to === location.pathname + location.search) return;
    if (stepping) history.pushState(null, "", to);
    else history.replaceState(null, "", to);
    stepping = false;
    show();
  }

  /** show shows the list of the page's address. */
  async function show(atOnce = false) {
    clearTimeout(complaint);
    fetching?.abort();
    fetching = new AbortController();
    const { signal } = fetching;
    let page;
    try {
      page = await fetchPage(location.href, { signal, evenIf: 400 });
    } catch {
      if (!signal.aborted) say("The server does not answer.");
      return;
    }
    if (signal.aborted) return;
    const wrong = page.getElementById("filter-error")?.textContent ?? "";
    if (wrong) {
      complaint = setTimeout(complain, atOnce ? 0 : patience, wrong);
      return;
    }
    complain("");
    const next = page.getElementById("list");
    if (!next) return location.reload(); // the store is empty by now
    const ticked = new Set([...list.querySelectorAll("input[name=run]:checked")].map((box) => box.value));
    const opened = [...document.querySelectorAll("#panels details")].map((d) => d.open);
    page.querySelectorAll("#panels details").forEach((d, i) => (d.open = opened[i]));
    for (const part of ["total", "view", "panels", "columns"]) take(page, part);
    document.dispatchEvent(new Event("panels"));
    list.replaceChildren(...next.children);
    for (const name of ["usual", "total"]) list.dataset[name] = next.dataset[name];
    for (const box of list.querySelectorAll("input[name=run]")) box.checked = ticked.has(box.value);
    sorted = sort.value = page.getElementById("sort").value;
    document.getElementById("clear").hidden = field.value === "";
    say(document.getElementById("total").textContent);
    shown();
  }

  function complain(text) {
    error.textContent = text;
    error.hidden = text === "";
    if (text) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }

  field.addEventListener("input", () => {
    clearTimeout(typing);
    clearTimeout(complaint);
    typing = setTimeout(find, pause);
  });
  field.addEventListener("change", () => (stepping = true));
  sort.addEventListener("change", () => {
    stepping = true;
    find();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(typing);
    find();
    show(true);
    stepping = true;
  });
  addEventListener("popstate", async () => {
    field.value = new URLSearchParams(location.search).get("filter") ?? "";
    stepping = true;
    show(true);
  });
  return { again: show };
}
