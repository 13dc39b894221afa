// The buttons on air. Each is pressed twice: the first press arms it, the second does it; Escape, another element or some
// seconds disarm it. A key that is held down, and the second half of a double click, count for nothing.

import { make } from "/vote/assets/element.js";

const ARMED_MS = 10_000;

export class CueButtons {
  /**
   * `fire(cue)` is called for a confirmed cue; `say(text)` tells those who listen; `lackOf(cue)` says what has to be
   * entered before, or "".
   */
  constructor(group, say, fire, lackOf) {
    this.group = group;
    this.say = say;
    this.fire = fire;
    this.lackOf = lackOf;
    this.buttons = new Map();
    this.cues = new Map();
    this.armed = "";
    this.timer = 0;
  }

  /** Shows these cues; those whose call is under way are busy. A button that has the focus keeps it while its cue stays. */
  show(cues, isUnderWay) {
    this.cues = new Map(cues.map((cue) => [cue.name, cue]));
    const focused = [...this.buttons].find(([, button]) => button === document.activeElement)?.[0];
    if (!this.cues.has(this.armed)) this.disarm();
    this.buttons = new Map(cues.map((cue) => [cue.name, this.buttons.get(cue.name) ?? this.newButton(cue)]));
    const buttons = [...this.buttons.values()];
    const isSame = buttons.length === this.group.children.length && buttons.every((each, at) => this.group.children[at] === each);
    if (!isSame) this.group.replaceChildren(...buttons);
    for (const [name, button] of this.buttons) {
      const isBusy = isUnderWay(this.cues.get(name));
      button.setAttribute("aria-busy", String(isBusy));
      button.setAttribute("aria-disabled", String(isBusy));
      this.label(name);
    }
    if (isSame || !focused) return;
    // Never to another cue: whoever presses once too often must not press that.
    if (this.buttons.has(focused)) this.buttons.get(focused).focus();
    else document.getElementById("event-name").focus();
  }

  newButton({ name, tone }) {
    const button = make("button", { type: "button", className: `cue ${tone}` });
    button.dataset.cue = name;
    button.addEventListener("click", ({ detail }) => detail < 2 && this.press(name));
    button.addEventListener("keydown", (pressed) => {
      if (pressed.key === "Escape") this.disarm();
      if (pressed.repeat && ["Enter", " "].includes(pressed.key)) pressed.preventDefault();
    });
    button.addEventListener("blur", () => this.armed === name && this.disarm());
    return button;
  }

  press(name) {
    if (this.buttons.get(name).getAttribute("aria-busy") === "true") return;
    const cue = this.cues.get(name);
    const lack = this.lackOf(cue);
    if (lack) return this.say(lack);
    if (this.armed !== name) return this.arm(name);
    this.disarm();
    this.say("");
    this.fire(cue);
  }

  arm(name) {
    this.disarm();
    this.armed = name;
    this.timer = setTimeout(() => this.disarm(), ARMED_MS);
    this.buttons.get(name).focus(); // a press by mouse doesn't give it everywhere
    this.label(name);
    this.say(`${this.cues.get(name).label}: press again to do it, Escape to leave it.`);
  }

  disarm() {
    clearTimeout(this.timer);
    const name = this.armed;
    this.armed = "";
    if (!name) return;
    this.say("");
    if (this.buttons.has(name) && this.cues.has(name)) this.label(name);
  }

  label(name) {
    const { label } = this.cues.get(name);
    const button = this.buttons.get(name);
    const isArmed = this.armed === name;
    button.dataset.armed = String(isArmed);
    const text = isArmed ? `${label}? Press again` : button.getAttribute("aria-busy") === "true" ? `${label}: sending …` : label;
    if (button.textContent !== text) button.textContent = text;
  }
}
