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

// The statement that the key signs; verify.py has the same.
async function statement(act, digest, opinion, nonce) {
  const said = hex(await sha256(opinion.replaceAll("\r\n", "\n").trim()));
  return ["reelwarden-signature/1", act, digest, said, nonce].join("\n");
}

async function signed(act, form, keys) {
  const { nonce } = await post("/api/keys/nonce");
  const challenge = await sha256(await statement(act, form.digest.value, form.opinion?.value ?? "", nonce));
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
  const [problem, field] = [box.querySelector("[role=alert]"), box.querySelector("[name=passkey]")];
  const byPassword = () => {
    box.hidden = true;
    form.removeEventListener("submit", sign);
    password.closest("label").hidden = false;
    password.required = true;
    password.focus();
  };
  async function sign(event) {
    event.preventDefault();
    problem.hidden = true;
    const button = event.submitter;
    try {
      field.value = await signed(box.dataset.act || button.value, form, box.dataset.keys.split(" "));
    } catch {
      problem.hidden = false;
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
