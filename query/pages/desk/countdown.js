// What is due next by an event's schedule, and how long until then.

const HOUR_MS = 3_600_000;

function spelled(ms) {
  const seconds = Math.ceil(Math.max(0, ms) / 1000);
  const parts = [Math.floor((seconds % 3600) / 60), seconds % 60];
  if (ms >= HOUR_MS) parts.unshift(Math.floor(seconds / 3600));
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

/** {said, isUrgent} at this moment of the server's clock (Unix ms), or null: nothing is due. */
export function countdownOf({ status, opens_at: opensAt, closes_at: closesAt }, now) {
  const [word, due] = status === "scheduled" ? ["Opens", opensAt] : ["open", "paused"].includes(status) ? ["Closes", closesAt] : [];
  if (!due) return null;
  const left = Date.parse(due) - now;
  return { said: left > 0 ? `${word} in ${spelled(left)}` : `${word} now`, isUrgent: left < 60_000 };
}
