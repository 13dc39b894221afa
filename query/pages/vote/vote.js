// The vote page: who may be chosen, who votes, and what became of the vote. There is one address for all of it, so going
// back leaves the page and repeats nothing.

import { dress } from "/live/assets/look.js";
import { ask, pause } from "./asking.js";
import { Choice } from "./choice.js";
import { PersonForm } from "./person_form.js";
import { SignedOut, askAs, logout, who } from "./session.js";
import { Refused } from "./solver.js";
import { Voting } from "./voting.js";

const LOOK_AGAIN_MS = 20_000; // whether it has opened
const PROCESSED_WITHIN_MS = 10_000; // between two looks whether a vote is in the standings, at most

const SAID = {
  draft: "Not open yet",
  scheduled: "Not open yet",
  open: "Voting is open",
  paused: "Paused",
  closed: "Voting has ended",
  cancelled: "Cancelled",
  missing: "No such event",
};
const CLOSED_FOR_GOOD = ["closed", "cancelled"];
const TRYING = "Not yet counted. The line is bad or busy: we keep trying, you can stay here.";
const REFUSALS = {
  event_not_open: "Your vote was not counted: this event takes no votes at the moment.",
  refused: "Your vote was not accepted.",
  captcha_required: "Your vote was not counted: this show asks for a check that this page can't do.",
  captcha_invalid: "Your vote was not counted: the check that you are a person failed. Please try again.",
};

const element = (id) => document.getElementById(id);
const eventId = decodeURIComponent(location.pathname.split("/")[2] ?? "").toLowerCase();
const voting = new Voting(eventId);
const choice = new Choice(element("contestants"), eventId);
const person = new PersonForm(element("person"), say, castAsNewcomer);
let event = null;
let isSending = false;

function say(text, state = "") {
  if (element("status").textContent === text) return; // a screen reader says each change once
  element("status").dataset.state = state;
  element("status").textContent = text;
}

const sayTrying = () => say(TRYING, "trying");

/** Shows one part: "ballot", "person" or "outcome"; null: none. */
function showPart(shown) {
  for (const part of ["ballot", "person", "outcome"]) element(part).hidden = part !== shown;
  element("signed-in").hidden = !who();
  element("me").textContent = who()?.username ?? "";
}

function showState(state) {
  element("state").dataset.state = { open: "live", closed: "closed" }[state] ?? "";
  element("state").textContent = SAID[state] ?? state;
}

/** Asks what the event is; whether there is one. */
async function meet() {
  const answer = await ask(`/vote/${encodeURIComponent(eventId)}/ballot`, {
    trying: () => say("The line is bad or busy: we keep trying.", "trying"),
  });
  if (answer.status !== 200) {
    showState("missing");
    say("There is no event at this address.");
    return false;
  }
  event = answer.content;
  document.title = `${event.event_name} – vote`;
  element("title").textContent = event.event_name;
  element("to-live").href = `/live/${eventId}`;
  showState(event.status);
  choice.show(event.contestants);
  element("cast").setAttribute("aria-disabled", String(event.status !== "open"));
  return true;
}

function showChoosing(text) {
  showPart("ballot");
  say(text ?? (event.status === "open" ? "" : `${SAID[event.status]}.`));
  if (event.status !== "open" && !CLOSED_FOR_GOOD.includes(event.status)) lookAgain();
}

let isLooking = false;

/** Looks now and then whether the event has opened, as long as somebody is here to choose. */
async function lookAgain() {
  if (isLooking) return;
  isLooking = true;
  while (event.status !== "open" && !CLOSED_FOR_GOOD.includes(event.status) && !element("ballot").hidden) {
    await pause(LOOK_AGAIN_MS);
    if (!document.hidden && (await meet())) say(`${SAID[event.status]}.`);
  }
  isLooking = false;
}

function showOutcome(title, text) {
  showPart("outcome");
  say("");
  element("outcome-title").textContent = title;
  element("outcome-text").textContent = text;
  element("outcome-title").focus();
}

function showVote() {
  const vote = voting.vote;
  const name = choice.nameOf(vote.contestantId);
  element("outcome-progress").textContent = "";
  if (vote.state === "already_voted") {
    showOutcome("You have voted already", "Your first vote in this event stands. It is one for each person, so this one changed nothing.");
  } else {
    showOutcome("Your vote was counted", `You voted for ${name}. Thank you!`);
    follow(vote);
  }
}

/** Says when the vote is in the standings. */
async function follow({ userId, voteId }) {
  for (let wait = 500; ; wait = Math.min(wait * 2, PROCESSED_WITHIN_MS)) {
    try {
      const answer = await askAs(userId, `/v1/vote/${voteId}/status`);
      const status = answer.content?.vote_status;
      if (status === "acked") element("outcome-progress").textContent = "It is kept safely, and on its way into the standings.";
      if (status === "processed") element("outcome-progress").textContent = "It is in the standings.";
      if (status === "processed" || answer.status === 409) return; // archived: nothing more can be said
    } catch (error) {
      if (error instanceof SignedOut) return;
      throw error;
    }
    await pause(wait);
  }
}

function setSending(is) {
  isSending = is;
  element("choosing").disabled = is;
  element("cast").setAttribute("aria-busy", String(is));
}

/** Casts the vote: what is pending, else what is chosen. Whoever isn't logged in is asked who they are before. */
async function cast() {
  if (isSending) return;
  setSending(true);
  try {
    await send();
  } finally {
    isSending = false;
    setSending(false);
  }
}

/** Casts what whoever has just logged in chose before; not what somebody else has left. */
function castAsNewcomer() {
  const isOthers = voting.vote?.state === "pending" && voting.vote.userId !== who().userId;
  if (!isOthers) return cast();
  forget();
  return showChoosing("Another person's choice was here. Please choose yours.");
}

function forget() {
  voting.forget();
  choice.clear();
}

async function send() {
  const user = who();
  if (!user) return person.ask(showPart);
  const isOwn = voting.vote?.userId === user.userId;
  if (!isOwn && !choice.chosen) return showChoosing("Please choose one first.");
  const vote = voting.begin(user.userId, choice.chosen);
  if (vote.state !== "pending") return showVote();
  showPart("ballot");
  element("signed-in").hidden = true; // nobody leaves in the midst of it
  if (document.activeElement === document.body) element("title").focus();
  say(`Sending your vote for ${choice.nameOf(vote.contestantId)} …`);
  try {
    const refusal = await voting.send(event.captcha, sayTrying);
    if (!refusal) return showVote();
    await meet();
    showChoosing(REFUSALS[refusal.code] ?? `Your vote was not counted: ${refusal.message}.`);
  } catch (error) {
    if (error instanceof SignedOut) person.ask(showPart, "Your vote is not yet counted. Log in again, and it will be sent.");
    else {
      say("Not yet counted. Please try again.");
      if (!(error instanceof Refused)) throw error;
    }
  }
}

element("ballot").addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  if (event.status === "open") cast();
  else say(`${SAID[event.status]}.`);
});
element("back").addEventListener("click", () => {
  showChoosing();
  element("title").focus();
});
element("leave").addEventListener("click", async () => {
  await logout();
  forget();
  showChoosing("You are logged out.");
  element("title").focus();
});
// Another tab has had the answer: this one says the same.
window.addEventListener("storage", ({ key }) => {
  const vote = voting.vote;
  if (key === voting.key && vote && vote.state !== "pending" && vote.userId === who()?.userId) showVote();
});

dress(eventId);
if (await meet()) {
  const vote = voting.vote;
  if (!vote || (who() && who().userId !== vote.userId)) showChoosing();
  else if (!who() && vote.state === "pending") person.ask(showPart, "Your vote is not yet counted. Log in, and it will be sent.");
  else if (!who()) showChoosing();
  else if (vote.state === "pending") cast();
  else showVote();
}
