// The forms of passkeys. The button asks the browser for a passkey with the options of the form, and sends the response.
// Without this script the buttons stay hidden.
"use strict";

function report(form, text) {
  const alert = document.createElement("p");
  alert.role = "alert";
  alert.textContent = text;
  form.prepend(alert);
}

async function use(form) {
  form.querySelector("[role=alert]")?.remove();
  try {
    const options = JSON.parse(form.dataset.options);
    const credential =
      form.dataset.passkey === "create"
        ? await navigator.credentials.create({
            publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options),
          })
        : await navigator.credentials.get({
            publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
          });
    form.elements.credential.value = JSON.stringify(credential);
    form.submit();
  } catch (error) {
    // The browser does not say whether there is no passkey or the person has refused.
    const isKnown = error.name === "InvalidStateError";
    report(form, isKnown ? "This device already has a passkey for this account." : "The passkey was not used. Try again.");
  }
}

document.addEventListener("DOMContentLoaded", () => {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const button = form.querySelector("button[type=button]");
    button.hidden = false;
    button.addEventListener("click", () => use(form));
  }
});
