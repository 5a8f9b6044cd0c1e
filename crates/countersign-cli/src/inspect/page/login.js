// Asks for the token of an inspector that is not on loopback.

import { byId } from "./dom.js";

byId("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const error = byId("login-error");
  error.textContent = "";
  try {
    const answer = await fetch("/login", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Countersign-Inspector": "1" },
      body: JSON.stringify({ token: byId("token").value }),
    });
    if (answer.ok) {
      location.replace("/");
      return;
    }
    const said = await answer.json().catch(() => null);
    error.textContent = said?.error ?? `The program answered ${answer.status}.`;
  } catch {
    error.textContent = "The program cannot be reached.";
  }
  byId("token").select();
});
