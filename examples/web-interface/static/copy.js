// The buttons that copy the text of an element. Without this script they stay hidden.
"use strict";

async function copy(button) {
  const text = document.getElementById(button.dataset.copy).innerText;
  const status = document.getElementById(button.dataset.status);
  try {
    await navigator.clipboard.writeText(text);
    status.textContent = "Copied.";
  } catch {
    status.textContent = "Your browser does not allow this. Select the text and copy it.";
  }
}

document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
});
