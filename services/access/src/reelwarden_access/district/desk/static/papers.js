// What is too large is said before it is sent.
"use strict";

for (const place of document.querySelectorAll("[data-papers]")) {
  const [input, told] = [place.querySelector("input[type=file]"), place.querySelector("[role=status]")];
  input.addEventListener("change", () => {
    const sizes = Array.from(input.files, (file) => file.size);
    const each = Number(place.dataset.each) * 1e6, all = Number(place.dataset.inAll) * 1e6;
    const large = sizes.some((size) => size > each) || sizes.reduce((a, b) => a + b, 0) > all;
    told.textContent = place.dataset.tooLarge;
    told.hidden = !large;
    input.setCustomValidity(large ? place.dataset.tooLarge : "");
  });
}
