// Sends the token of a mailed link, which stands behind the # and so in no log, when its person clicks and not before.
const said = document.querySelector("#said");
const button = document.querySelector("#confirm");

const FOR_PEOPLE = {
  200: "Thank you, your address is confirmed.",
  401: "This link is not valid any more. Ask for another one.",
  409: "This link was used already.",
};

async function confirm() {
  button.disabled = true;
  try {
    const answer = await fetch("/v1/auth/mail/confirm", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: window.location.hash.slice(1) }),
    });
    said.textContent = FOR_PEOPLE[answer.status] ?? "That did not work just now. Try again in a moment.";
    button.hidden = answer.status in FOR_PEOPLE;
  } catch {
    said.textContent = "We can't be reached just now. Try again in a moment.";
  }
  button.disabled = false;
}

button.addEventListener("click", confirm);
