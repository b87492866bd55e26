// Keys that a page listens to, and the list of them for the ? dialog.

const handlers = new Map();
const described = [];

/**
 * onKey calls does when a key is pressed outside of fields where one types.
 * @param {string} keys as in KeyboardEvent.key, separated by spaces; does is called with the key.
 * @param {string} description for the list of keys; keys without one are not listed.
 */
export function onKey(keys, description, does) {
  for (const key of keys.split(" ")) handlers.set(key, does);
  if (description) described.push([keys.replaceAll("ArrowLeft", "←").replaceAll("ArrowRight", "→"), description]);
}

export function listKeys() {
  return described;
}

addEventListener("keydown", (event) => {
  const handler = handlers.get(event.key);
  if (!handler || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]") || typing(event.target)) return;
  if (event.key.startsWith("Arrow") && event.target.matches?.("input[type=radio]")) return; // which choose by them
  event.preventDefault();
  handler(event.key);
});

function typing(element) {
  return element.matches?.("textarea, select, [contenteditable], input:not([type=checkbox], [type=radio], [type=range], [type=button])");
}
