// The events, newest first, each with its status; the one on the desk is marked.

import { make } from "/vote/assets/element.js";

const STATUS_WORDS = {
  draft: "Draft",
  scheduled: "Scheduled",
  open: "Open",
  paused: "Paused",
  closed: "Closed",
  cancelled: "Cancelled",
};

/** How an event is, in a word. */
export const statusOf = ({ status, staff }) => (staff?.void_reason ? "Void" : STATUS_WORDS[status] ?? status);

export class EventList {
  constructor(list) {
    this.list = list;
    this.shown = "";
  }

  show(events, chosen) {
    const asText = JSON.stringify([events, chosen]);
    if (asText === this.shown) return; // whoever is about to press one isn't disturbed
    this.shown = asText;
    const focused = document.activeElement?.closest?.("#event-list a")?.hash;
    this.list.replaceChildren(...events.map((event) => this.lineOf(event, event.event_id === chosen)));
    if (!events.length) this.list.append(make("li", { className: "hint", textContent: "There are none yet." }));
    if (focused) this.list.querySelector(`a[href="${focused}"]`)?.focus();
  }

  lineOf({ event_id: id, event_name: name, status, rehearsal }, isChosen) {
    const badge = make("span", { className: "badge", textContent: statusOf({ status }) });
    badge.dataset.status = status;
    const link = make("a", { href: `#${id}` }, make("span", { className: "event-name", textContent: name }), " ", badge);
    if (rehearsal) link.append(" ", make("span", { className: "badge rehearses", textContent: "Rehearsal" }));
    if (isChosen) link.setAttribute("aria-current", "true");
    return make("li", {}, link);
  }
}
