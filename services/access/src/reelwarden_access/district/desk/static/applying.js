// The timeline follows cameras and times by itself, and a long list of cameras can be narrowed.
"use strict";

const place = document.querySelector("[data-timeline]");
const form = place.closest("form");
const button = form.querySelector("button[name=show]");
let asked = 0;

async function refresh() {
  const mine = ++asked;
  const query = new URLSearchParams();
  for (const name of ["cameras", "start", "end"])
    for (const value of new FormData(form).getAll(name)) query.append(name, value);
  try {
    const answer = await fetch(`/timeline?${query}`, { signal: AbortSignal.timeout(20000) });
    if (!answer.ok || answer.redirected) throw new Error();
    const text = await answer.text();
    if (mine === asked) place.innerHTML = text;
  } catch {
    if (mine === asked) place.textContent = place.dataset.failed;
  }
}

button.type = "button";
button.addEventListener("click", refresh);
form.addEventListener("change", (event) => {
  if (["cameras", "start", "end"].includes(event.target.name)) refresh();
});

const filter = form.querySelector("[data-filter]");
filter.closest("label").hidden = false;
filter.addEventListener("input", () => {
  const words = filter.value.trim().toLowerCase();
  for (const one of form.querySelectorAll("label.camera"))
    one.hidden = !one.querySelector("input").checked && !one.textContent.toLowerCase().includes(words);
});
