// Views of the list that were given a name: filter, order, columns and so on. They are kept in this browser.
import { remember, remembered, say } from "./page.js";

const kept = "views"; // a JSON list of {name, query}

export function savedViews() {
  const read = () => {
    try {
      return JSON.parse(remembered(kept, "[]"));
    } catch {
      return []; // it is not ours
    }
  };
  const write = (views) => {
    remember(kept, JSON.stringify(views));
    show();
  };

  function show() {
    const panel = document.getElementById("views");
    panel.hidden = false;
    document.getElementById("views-list").replaceChildren(...read().map(({ name, query }) => {
      const item = document.createElement("li");
      const link = Object.assign(document.createElement("a"), { href: `/runs${query}`, textContent: name });
      if (query === location.search) link.setAttribute("aria-current", "true");
      const remove = Object.assign(document.createElement("button"), { type: "button", className: "plain", textContent: "×" });
      remove.setAttribute("aria-label", `Remove the view ${name}`);
      remove.addEventListener("click", () => write(read().filter((v) => v.name !== name)));
      item.append(link, remove);
      return item;
    }));
    document.getElementById("views-save").onclick = save;
    document.getElementById("views-name").onkeydown = (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // the form would search
      save();
    };
  }

  /** save keeps the page as it is shown, what the browser remembers of it included. */
  function save() {
    const field = document.getElementById("views-name");
    const name = field.value.trim();
    if (!name) return field.focus();
    const query = new URLSearchParams(location.search);
    for (const way of ["page", "changed", "deleted", "freed"]) query.delete(way);
    query.set("sort", document.getElementById("sort").value);
    query.set("view", document.querySelector(".runs.gallery") ? "gallery" : "table");
    query.set("columns", [...document.querySelectorAll("#panels input[name=columns]:checked")].map((box) => box.value).join());
    field.value = "";
    write([...read().filter((v) => v.name !== name), { name, query: `?${query}` }]);
    say(`The view ${name} is saved in this browser.`);
  }

  document.addEventListener("panels", show);
  show();
}
