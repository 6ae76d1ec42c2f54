// The supervisor's screen: asks every two seconds what goes on, and shows it (R4.3).
"use strict";

const live = document.getElementById("live");
let shown = live.innerHTML;

async function ask() {
  let text;
  try {
    const answer = await fetch(live.dataset.from, { signal: AbortSignal.timeout(8000) });
    if (answer.redirected || !answer.ok) throw new Error("refused");
    text = await answer.text();
  } catch {
    if (!document.getElementById("away")) {
      const away = document.createElement("p");
      away.id = "away";
      away.className = "notice bad";
      away.setAttribute("role", "alert");
      away.textContent = live.dataset.away;
      live.prepend(away);
      shown = "";
    }
    return;
  }
  if (text !== shown) {
    const focused = document.activeElement && live.contains(document.activeElement)
      ? [...live.querySelectorAll("button")].indexOf(document.activeElement) : -1;
    live.innerHTML = text;
    shown = text;
    const again = live.querySelectorAll("button")[focused];
    if (again) again.focus();
  }
}

async function forever() {
  for (;;) {
    await new Promise((resume) => setTimeout(resume, 2000));
    await ask();
  }
}
forever();
