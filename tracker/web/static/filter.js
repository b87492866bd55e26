// The filter box offers names while one types: a browser's list completes the whole text, so each of its entries is
// the text before the last word, and a name.

/** @param {HTMLInputElement} input whose list has the names. */
export function completeNames(input) {
  const names = [...input.list.options].map((o) => o.value);

  input.addEventListener("input", () => {
    const at = input.selectionStart;
    if (at !== input.value.length) return;
    const word = input.value.match(/(?:^|[\s(!&|])([\p{L}_][\p{L}\p{N}_./-]*)$/u)?.[1] ?? "";
    const before = input.value.slice(0, input.value.length - word.length);
    const fit = word && !insideQuotes(before) ? names.filter((n) => n !== word && n.includes(word)) : [];
    input.list.replaceChildren(...fit.map((n) => Object.assign(document.createElement("option"), { value: before + n, label: n })));
  });
}

function insideQuotes(text) {
  return (text.match(/"/g) ?? []).length % 2 === 1;
}
