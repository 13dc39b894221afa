// What may be clicked on air, by how an event is: each cue with the call that it makes. What the server would refuse anyway
// isn't there.

const UNOPENED = ["draft", "scheduled"];
const RUNNING = ["open", "paused"];

const CUES = [
  { name: "open", label: "Open voting", tone: "go", when: ({ status }) => UNOPENED.includes(status) },
  { name: "resume", label: "Resume voting", tone: "go", when: ({ status }) => status === "paused" },
  { name: "pause", label: "Pause voting", tone: "hold", when: ({ status }) => status === "open" },
  { name: "close", label: "Close voting", tone: "stop", when: ({ status }) => RUNNING.includes(status) },
  { name: "freeze", label: "Freeze what the public sees", tone: "hold", when: canFreeze },
  { name: "unfreeze", label: "Unfreeze what the public sees", tone: "go", when: ({ frozen }) => frozen },
  { name: "reveal-next", path: "reveal", label: revealLabel, tone: "go", when: canReveal, body: (event) => ({ places: shown(event) + 1 }) },
  { name: "reveal-all", path: "reveal", label: "Reveal all places", tone: "go", when: canReveal },
  { name: "confirm", label: confirmLabel, tone: "away", when: canConfirm, body: (_, { action }) => ({ action }) },
  { name: "reset", label: "Reset the rehearsal", tone: "hold", when: ({ rehearsal, status }) => rehearsal && !UNOPENED.includes(status) },
  { name: "cancel", label: "Cancel the event", tone: "away", when: canCancel },
  { name: "void", label: "Void this round", tone: "away", when: canVoid, needsReason: true },
];

const shown = ({ revealed }) => revealed ?? 0;

function canFreeze({ status, frozen, revealed, results_visibility: visibility }) {
  return [...RUNNING, "closed"].includes(status) && !frozen && revealed === null && visibility !== "staff";
}

const waits = (asked) => asked !== null && !asked.isOver;

function canCancel({ status }, asked) {
  return [...UNOPENED, ...RUNNING].includes(status) && !waits(asked);
}

function canVoid({ status }, asked) {
  return status === "closed" && !waits(asked);
}

function canConfirm(_, asked) {
  return waits(asked) && !asked.isMine;
}

function confirmLabel(_, { action }) {
  return action === "void" ? "Void this round, as asked" : "Cancel the event, as asked";
}

function canReveal(event) {
  const isHeldBack = event.frozen || event.results_visibility === "staff";
  return event.status === "closed" && isHeldBack && shown(event) < event.contestants.length;
}

function revealLabel(event) {
  return `Reveal place ${event.contestants.length - shown(event)}`;
}

/** What may be clicked now, as {name, label, tone, path, body, needsReason}; `asked` as `askedOf` says it. */
export function cuesOf(event, asked) {
  const cues = CUES.filter(({ when }) => when(event, asked));
  return cues.map(({ name, label, tone, path = name, body = () => ({}), needsReason = false }) => ({
    name,
    tone,
    label: typeof label === "function" ? label(event, asked) : label,
    path: `/v1/event/${event.event_id}/${path}`,
    body: body(event, asked),
    needsReason,
  }));
}
