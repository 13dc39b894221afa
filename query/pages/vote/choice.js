// The contestants to choose from, and which one is chosen; a choice outlives a reload of its tab.

import { make } from "./element.js";
import { inTab } from "./kept.js";
import { photoOf } from "./photo.js";

function cardOf(contestant) {
  const { contestant_id: id, contestant_name: name, contestant_description: description, party } = contestant;
  const radio = make("input", { type: "radio", name: "contestant", value: id, id: `choose-${id}` });
  radio.setAttribute("aria-labelledby", `name-${id}`); // its name only, however much stands in the card
  const words = make("span", { className: "about-whom" }, make("span", { className: "name", id: `name-${id}`, textContent: name }));
  const about = [party, description].filter(Boolean).join(" · ");
  if (about) {
    words.append(make("span", { className: "about", id: `about-${id}`, textContent: about }));
    radio.setAttribute("aria-describedby", `about-${id}`);
  }
  return make("label", { className: "contestant" }, radio, photoOf(contestant), words);
}

export class Choice {
  constructor(container, eventId) {
    this.container = container;
    this.key = `live-vote choice ${eventId}`;
    this.shown = "";
    this.names = new Map();
    container.addEventListener("change", ({ target }) => inTab.set(this.key, target.value));
  }

  /** The id of the contestant that is chosen, or undefined. */
  get chosen() {
    return this.container.querySelector(":checked")?.value;
  }

  show(contestants) {
    const asText = JSON.stringify(contestants);
    if (asText === this.shown) return; // whoever is in the midst of choosing isn't disturbed
    const chosen = this.chosen ?? inTab.get(this.key);
    this.shown = asText;
    this.names = new Map(contestants.map((each) => [each.contestant_id, each.contestant_name]));
    this.container.replaceChildren(...contestants.map(cardOf));
    const again = this.names.has(chosen) && document.getElementById(`choose-${chosen}`);
    if (again) again.checked = true;
  }

  /** Nobody has chosen. */
  clear() {
    inTab.remove(this.key);
    for (const radio of this.container.querySelectorAll(":checked")) radio.checked = false;
  }

  nameOf(contestantId) {
    return this.names.get(contestantId) ?? "your choice";
  }
}
