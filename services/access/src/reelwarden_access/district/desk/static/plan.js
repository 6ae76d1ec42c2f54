// A mark on the plan shows whether its camera is chosen; a click chooses it also without this.
"use strict";

for (const mark of document.querySelectorAll("label.mark[for]")) {
  const box = document.getElementById(mark.htmlFor);
  const follow = () => mark.classList.toggle("chosen", box.checked);
  box.addEventListener("change", follow);
  follow();
}
