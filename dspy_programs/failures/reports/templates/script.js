"use strict";
const at = (id) => document.getElementById(id);

function reveal() {
  let place = null;
  try { place = at(decodeURIComponent(location.hash.slice(1))); } catch { return; }
  for (let above = place; above; above = above.parentElement) if (above.tagName === "DETAILS") above.open = true;
  if (place) place.scrollIntoView();
}

function startFilter() {
  const mode = at("filter-mode"), likely = at("filter-probability"), words = at("filter-words"), count = at("filter-count");
  const rows = [...document.querySelectorAll("#traces tbody tr")].map((row) => {
    const run = at(row.dataset.run);
    return { row, run, text: (row.textContent + " " + (run ? run.textContent : "")).toLowerCase() };
  });
  function apply() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, run, text } of rows) {
      const fits = (!mode.value || row.dataset.mode === mode.value || (mode.value === "ANY" && row.dataset.counts !== "none"))
        && (!likely.value || (row.dataset.probability !== "" && Number(row.dataset.probability) >= Number(likely.value)))
        && wanted.every((word) => text.includes(word));
      row.hidden = !fits;
      if (run) run.hidden = !fits;
      shown += fits;
    }
    count.textContent = shown + " of " + rows.length + " shown";
  }
  for (const field of [mode, likely, words]) field.addEventListener("input", apply);
  at("filter").hidden = false;
  apply();
}

if (at("filter")) startFilter();
addEventListener("hashchange", reveal);
if (location.hash) reveal();
