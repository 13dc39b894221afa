// What one of the staff asked for that needs a second person, as it is at a moment.

import { clockText } from "./click_log.js";

const WHAT = { cancel: "cancel the event", void: "declare this round void" };

/** What is asked for, in a host's words. */
export const whatOf = ({ action }) => WHAT[action] ?? action;

/**
 * Of an event, at this moment of the server's clock (Unix ms), for this person: {action, isMine, isOver, said}, or null:
 * nothing was asked lately. `nameOf(userId, role)` says who somebody is.
 */
export function askedOf({ staff }, now, userId, nameOf) {
  const asked = staff?.asked;
  if (!asked) return null;
  const isMine = asked.asked_by === userId;
  const isOver = Date.parse(asked.expires_at) <= now;
  const who = isMine ? "You" : nameOf(asked.asked_by, asked.role);
  const what = `${whatOf(asked)}${asked.reason ? ` (“${asked.reason}”)` : ""}`;
  const until = `until ${clockText(asked.expires_at)}`;
  const waiting = isMine ? `Waiting for a second person ${until}.` : `Confirm it ${until}, if you agree.`;
  const said = isOver ? `${who} asked to ${what}. Nobody confirmed it ${until}: nothing has changed.` : `${who} asked to ${what}. ${waiting}`;
  return { action: asked.action, isMine, isOver, said };
}
