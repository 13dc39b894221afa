// The result sheet of an event, saved as a file: a link can't carry a token, so the page fetches it.

import { tokenOf } from "/vote/assets/session.js";

/** Saves the sheet as the person of `userId`; whether there is one. */
export async function saveSheet(userId, eventId) {
  const headers = { Authorization: `Bearer ${await tokenOf(userId, "")}` };
  const answer = await fetch(`/v1/event/${eventId}/sheet.pdf`, { headers }).catch(() => null);
  if (!answer?.ok) return false;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = `result-${eventId}.pdf`;
  link.click();
  URL.revokeObjectURL(link.href);
  return true;
}
