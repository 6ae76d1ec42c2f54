// A page that waits looks again by itself, and shows what has changed where it stands.
"use strict";

async function look() {
  const content = document.getElementById("content");
  let fresh;
  try {
    const answer = await fetch(location.href, {
      headers: { "X-By-Itself": "1" },
      signal: AbortSignal.timeout(8000),
    });
    if (!answer.ok || answer.redirected) return;
    fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("content");
  } catch {
    return;
  }
  const open = content.querySelector("details[open]");
  if (fresh && !open && fresh.innerHTML !== content.innerHTML) content.replaceChildren(...fresh.childNodes);
}

async function forever() {
  for (let waiting; (waiting = document.querySelector("[data-renew]"));) {
    await new Promise((resume) => setTimeout(resume, 1000 * Number(waiting.dataset.renew)));
    await look();
  }
}
forever();
