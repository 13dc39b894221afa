// The contestants in the form: a row for each, to be added, edited, removed and put in order, with the photo as it will be
// seen.

import { make } from "/vote/assets/element.js";
import { photoOf } from "/vote/assets/photo.js";

const FIELDS = [
  ["contestant_name", "Name", { maxLength: 200 }],
  ["party", "Party or team", { maxLength: 200 }],
  ["contestant_description", "Description", { maxLength: 4000 }],
  ["contestant_image_url", "Address of the photo (https)", { type: "url", maxLength: 1000, pattern: "https?://.*" }],
];

export class ContestantRows {
  constructor(list) {
    this.list = list;
  }

  /** Shows these contestants; a new form has two rows to begin with. */
  show(contestants) {
    this.list.replaceChildren();
    for (const contestant of contestants) this.add(contestant);
  }

  /** Adds a row; its first field. */
  add(contestant = {}) {
    const photo = make("span", { className: "row-photo" });
    const fields = FIELDS.map(([name, label, properties]) => {
      const input = make("input", { name, value: contestant[name] ?? "", ...properties });
      input.addEventListener("change", () => this.showPhoto(row));
      return make("label", {}, label, input);
    });
    const row = make("li", {}, photo, make("div", { className: "row-fields" }, ...fields), this.buttonsOf(() => row));
    row.dataset.contestant = contestant.contestant_id ?? "";
    this.list.append(row);
    this.showPhoto(row);
    this.number();
    return row.querySelector("input");
  }

  buttonsOf(rowOf) {
    const button = (textContent, press) => {
      const made = make("button", { type: "button", className: "quiet small", textContent });
      made.dataset.does = textContent;
      made.onclick = () => {
        press(rowOf());
        this.number();
        if (made.isConnected) made.focus();
      };
      return made;
    };
    return make(
      "span",
      { className: "row-buttons" },
      button("Up", (row) => row.previousElementSibling?.before(row)),
      button("Down", (row) => row.nextElementSibling?.after(row)),
      button("Remove", (row) => {
        const next = row.nextElementSibling ?? row.previousElementSibling;
        row.remove();
        (next?.querySelector("input") ?? document.getElementById("add-contestant")).focus();
      }),
    );
  }

  /** Names each field and button by its row's number, for those who listen. */
  number() {
    [...this.list.children].forEach((row, index) => {
      row.querySelectorAll("label").forEach((label) => {
        label.querySelector("input").setAttribute("aria-label", `${label.firstChild.textContent} of contestant ${index + 1}`);
      });
      row.querySelectorAll("button").forEach((each) => each.setAttribute("aria-label", `${each.dataset.does}: contestant ${index + 1}`));
    });
  }

  showPhoto(row) {
    const { contestant_name: name, contestant_image_url: url } = this.valuesOf(row);
    row.querySelector(".row-photo").replaceChildren(photoOf({ contestant_name: name || "?", contestant_image_url: url }));
  }

  valuesOf(row) {
    return Object.fromEntries([...row.querySelectorAll("input")].map(({ name, value }) => [name, value.trim()]));
  }

  /** The rows that say something; each of them needs a name. */
  filled() {
    const rows = [...this.list.children];
    const filled = rows.filter((row) => row.dataset.contestant || Object.values(this.valuesOf(row)).some(Boolean));
    for (const row of rows) row.querySelector("input").required = filled.includes(row);
    return filled;
  }

  /** What they say, in their order, as the calls take it; `contestant_id` is "" for a new one. */
  values() {
    return this.filled().map((row) => {
      const { party, ...rest } = this.valuesOf(row);
      return { contestant_id: row.dataset.contestant, ...rest, party: party || null };
    });
  }
}
