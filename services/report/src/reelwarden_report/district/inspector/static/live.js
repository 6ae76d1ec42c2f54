// Keeps the page's places as the server last said; when the line breaks, the page says so itself.
"use strict";

const sign = document.getElementById("live");

function show(live) {
  document.body.classList.toggle("stale", !live);
  sign.textContent = live ? sign.dataset.on : sign.dataset.off;
  sign.className = live ? "badge good no-print" : "badge bad no-print";
}

const source = new EventSource(sign.dataset.from);
source.addEventListener("open", () => show(true));
source.addEventListener("error", () => {
  show(false);
  if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
});
source.addEventListener("part", (message) => {
  const part = JSON.parse(message.data);
  const place = document.getElementById(part.place);
  if (place && !place.contains(document.activeElement)) place.innerHTML = part.html;
});
