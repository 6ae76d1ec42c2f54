// The player: it says what it does, and stops at once when the desk says that the viewing is over (R4.3).
"use strict";

const viewing = document.getElementById("viewing");
const EVERY = 2000;
let over = false;
let current = null;

const clock = new Intl.DateTimeFormat("sv-SE", {
  timeZone: viewing.dataset.zone, dateStyle: "short", timeStyle: "medium",
});

function end() {
  if (over) return;
  over = true;
  if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
  for (const stage of viewing.querySelectorAll(".stage")) {
    const video = stage.querySelector("video");
    video.pause();
    video.querySelectorAll("source").forEach((source) => source.remove());
    video.removeAttribute("src");
    video.load();
    stage.classList.add("over");
    stage.querySelector(".stopped").hidden = false;
    stage.querySelectorAll("button, input, select").forEach((control) => { control.disabled = true; });
  }
  viewing.querySelector(".stills").replaceChildren();
  document.getElementById("stills").hidden = true;
  const told = document.getElementById("over");
  told.hidden = false;
  told.focus();
}

function milliseconds(seconds) {
  return Math.max(0, Math.round(seconds * 1000));
}

let missed = 0;
async function say(kind, stage, from) {
  if (over) return;
  const body = { kind, file: stage.dataset.file, position_ms: milliseconds(stage.querySelector("video").currentTime) };
  if (from !== undefined) body.from_ms = milliseconds(from);
  try {
    const answer = await post(viewing.dataset.pulse, body);
    missed = 0;
    if (!answer.ok || (await answer.json()).over) end();
  } catch {
    missed += 1;
    if (missed > 3) stage.querySelector("video").pause();  // unsupervised: nobody could stop it
  }
}

function post(address, body) {
  return fetch(address, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
    signal: AbortSignal.timeout(8000),
  });
}

function moment(stage, seconds) {
  const start = stage.dataset.start;
  if (!start) return `${seconds.toFixed(1)} s`;
  return clock.format(new Date(Date.parse(start) + milliseconds(seconds)));
}

function intact(stage) {
  const mark = stage.querySelector(".mark");
  if (!mark || mark.children.length !== 3) return false;
  const style = getComputedStyle(mark);
  return style.display !== "none" && style.visibility === "visible" && Number(style.opacity) > 0.3;
}

async function still(stage) {
  const video = stage.querySelector("video");
  video.pause();
  const problem = document.getElementById("problem");
  problem.hidden = true;
  let answer;
  try {
    answer = await post(viewing.dataset.stills, { file: stage.dataset.file, position_ms: milliseconds(video.currentTime) });
  } catch (error) {
    answer = null;
  }
  const taken = answer ? await answer.json() : {};
  if (!answer || !answer.ok) {
    if (taken.error && taken.error.code === "viewing_over") end();
    problem.textContent = taken.error ? taken.error.message : "…";
    problem.hidden = false;
    return;
  }
  const picture = document.createElement("img");
  picture.src = taken.url;
  picture.alt = `${taken.number}: ${moment(stage, video.currentTime)}`;
  const item = document.createElement("li");
  item.append(picture);
  viewing.querySelector(".stills").append(item);
  document.getElementById("stills").hidden = false;
}

for (const stage of viewing.querySelectorAll(".stage")) {
  const video = stage.querySelector("video");
  const play = stage.querySelector('[data-do="play"]');
  const position = stage.querySelector('input[type="range"]');
  const words = [play.textContent, play.dataset.other];
  let before = 0;
  const show = () => {
    for (const place of stage.querySelectorAll(".when")) place.textContent = moment(stage, video.currentTime);
    if (document.activeElement !== position || video.paused === false) position.value = video.currentTime;
    position.setAttribute("aria-valuetext", moment(stage, video.currentTime));
  };
  video.addEventListener("loadedmetadata", () => { position.max = video.duration; show(); });
  video.addEventListener("timeupdate", () => { if (!video.seeking) before = video.currentTime; show(); });
  video.addEventListener("seeked", () => { say("seek", stage, before); before = video.currentTime; show(); });
  video.addEventListener("play", () => {
    current = stage;
    for (const other of viewing.querySelectorAll(".stage")) if (other !== stage) other.querySelector("video").pause();
    play.textContent = words[1];
    say("play", stage);
  });
  video.addEventListener("pause", () => { play.textContent = words[0]; if (!video.ended) say("pause", stage); });
  video.addEventListener("ended", () => { play.textContent = words[0]; say("ended", stage); });
  video.addEventListener("error", () => say("wait", stage), true);
  video.addEventListener("click", () => { if (video.paused) video.play(); else video.pause(); });
  play.addEventListener("click", () => { if (video.paused) video.play(); else video.pause(); });
  position.addEventListener("input", () => { video.currentTime = Number(position.value); });
  stage.querySelector("select").addEventListener("change", (event) => { video.playbackRate = Number(event.target.value); });
  stage.querySelector('[data-do="still"]').addEventListener("click", () => still(stage));
  stage.querySelector('[data-do="full"]').addEventListener("click", () => {
    if (document.fullscreenElement) document.exitFullscreen(); else stage.requestFullscreen();
  });
  stage.addEventListener("contextmenu", (event) => event.preventDefault());
  show();
}

// Whatever is shown of footage without its mark, or full-screen without it, is not shown at all.
document.addEventListener("fullscreenchange", () => {
  const full = document.fullscreenElement;
  if (full && !full.classList.contains("stage")) document.exitFullscreen();
});
setInterval(() => {
  const stages = [...viewing.querySelectorAll(".stage")];
  if (!over && !stages.every(intact)) end();
  const stage = current || stages[0];
  if (stage) beat(stage);
}, EVERY);

function beat(stage) {
  const video = stage.querySelector("video");
  if (!video.paused && !video.seeking) say("at", stage);
  else say("wait", stage);
}
