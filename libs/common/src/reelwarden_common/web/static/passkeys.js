// Signing with a key of one's own (WebAuthn). Without it, or where it fails, the password field does.
"use strict";

const text = new TextEncoder();
const encoded = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const decoded = (value) =>
  Uint8Array.from(atob(value.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const sha256 = (value) => crypto.subtle.digest("SHA-256", text.encode(value));
const hex = (bytes) => [...new Uint8Array(bytes)].map((b) => b.toString(16).padStart(2, "0")).join("");

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.status === 204 ? null : answer.json();
}

// The statement that the key signs; the services and verify.py have the same.
async function statement(act, digest, words, nonce) {
  const said = hex(await sha256(words.replaceAll("\r\n", "\n").trim()));
  return ["reelwarden-signature/1", act, digest, said, nonce].join("\n");
}

// What the person wrote: one field as it is, several by name, a line each.
function wordsOf(form, names) {
  const value = (name) => form.elements.namedItem(name)?.value ?? "";
  return names.length === 1 ? value(names[0]) : names.map((name) => `${name}: ${value(name)}`).join("\n");
}

// The digest of what is shown: it stands in the form, or follows from what is written there.
async function prepared(form, address) {
  if (!address) return;
  const answer = await fetch(address, { method: "POST", body: new FormData(form) });
  const told = await answer.json();
  if (!answer.ok) throw new Refused(told.problem ?? "");
  form.digest.value = told.digest;
  form.querySelectorAll("input[type=file]").forEach((input) => (input.value = "")); // they are there now
}

class Refused extends Error {}

async function signed(act, words, form, keys) {
  const { nonce } = await post("/api/keys/nonce");
  const challenge = await sha256(await statement(act, form.digest.value, wordsOf(form, words), nonce));
  const allowCredentials = keys.map((id) => ({ type: "public-key", id: decoded(id) }));
  const given = await navigator.credentials.get({
    publicKey: { challenge, allowCredentials, userVerification: "required" },
  });
  const response = {
    authenticatorData: encoded(given.response.authenticatorData),
    clientDataJSON: encoded(given.response.clientDataJSON),
    signature: encoded(given.response.signature),
  };
  return JSON.stringify({ nonce, credential: { id: given.id, rawId: given.id, type: given.type, response } });
}

function useKey(box) {
  const form = box.closest("form");
  const password = form.querySelector("input[type=password]");
  const [problem, field] = [box.querySelector("[data-failed]"), box.querySelector("[name=passkey]")];
  const byPassword = () => {
    box.hidden = true;
    form.removeEventListener("submit", sign);
    password.closest("label").hidden = false;
    password.required = true;
    password.focus();
  };
  async function sign(event) {
    const button = event.submitter;
    if (button?.formNoValidate) return; // it only saves or shows
    event.preventDefault();
    if (form.dataset.busy) return;
    problem.hidden = true;
    form.dataset.busy = "yes";
    try {
      await prepared(form, box.dataset.prepare);
      const words = (button?.dataset.words ?? box.dataset.words).split(" ");
      const act = button?.dataset.act || box.dataset.act || button.value;
      field.value = await signed(act, words, form, box.dataset.keys.split(" "));
    } catch (error) {
      problem.textContent = (error instanceof Refused && error.message) || problem.dataset.failed;
      problem.setAttribute("role", "alert");
      problem.hidden = false;
      delete form.dataset.busy;
      return;
    }
    form.removeEventListener("submit", sign);
    form.requestSubmit(button);
  }
  box.hidden = false;
  password.closest("label").hidden = true;
  password.required = false;
  box.querySelector("button").addEventListener("click", byPassword);
  form.addEventListener("submit", sign);
}

async function register(form) {
  const { nonce, options } = await post("/api/keys/options", { password: form.password.value });
  options.challenge = decoded(options.challenge);
  options.user.id = decoded(options.user.id);
  for (const known of options.excludeCredentials) known.id = decoded(known.id);
  const made = await navigator.credentials.create({ publicKey: options });
  const response = {
    attestationObject: encoded(made.response.attestationObject),
    clientDataJSON: encoded(made.response.clientDataJSON),
  };
  const credential = { id: made.id, rawId: made.id, type: made.type, response };
  await post("/api/keys", { name: form.elements.namedItem("name").value, nonce, credential });
}

if (window.PublicKeyCredential && window.isSecureContext) {
  document.querySelectorAll(".own-key").forEach(useKey);
}
document.getElementById("new-key")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await register(event.target);
    location.reload();
  } catch {
    document.getElementById("key-problem").hidden = false;
  }
});
