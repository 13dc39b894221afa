// The line to the server, asked all the time: how long it has been lost, said as loudly as wanted.

import { askAs } from "/vote/assets/session.js";
import { clockText } from "./click_log.js";

const ANSWER_WITHIN_MS = 4_000;
const LOST_AFTER_MS = 1_500; // in which nobody answers: less may be a restart
const BEEP_EVERY_MS = 2_000;

export class Line {
  /** `note(said, isBad)` takes down when the line was lost and found. */
  constructor(userId, note) {
    this.userId = userId;
    this.note = note;
    this.failingSince = 0;
    this.lostAt = 0;
    this.audio = null;
    this.onOffline = () => this.lose();
    window.addEventListener("offline", this.onOffline);
    document.getElementById("sound").checked = false;
    document.getElementById("sound").onchange = ({ target }) => this.setSound(target.checked);
    this.beeps = setInterval(() => this.beep(), BEEP_EVERY_MS);
    this.show();
  }

  stop() {
    window.removeEventListener("offline", this.onOffline);
    clearInterval(this.beeps);
    this.lostAt = 0;
    this.show();
  }

  /** What a call answers now: {status, content}; it isn't asked again. `SignedOut` when nobody is logged in any more. */
  async poll(path, request = {}) {
    const sent = Date.now();
    const trying = () => {
      this.failingSince ||= sent;
      if (Date.now() - this.failingSince >= LOST_AFTER_MS) this.lose();
    };
    const answer = await askAs(this.userId, path, { ...request, triesMax: 1, withinMs: ANSWER_WITHIN_MS, trying });
    if (answer.status > 0 && answer.status < 500) this.find();
    return answer;
  }

  lose() {
    if (this.lostAt) return;
    this.lostAt = Date.now();
    this.note("The connection is lost", true);
    this.show();
    this.beep();
  }

  find() {
    this.failingSince = 0;
    if (!this.lostAt) return;
    this.lostAt = 0;
    this.note("The connection is back");
    this.show();
  }

  show() {
    const alarm = document.getElementById("alarm");
    const isLost = this.lostAt > 0;
    alarm.hidden = !isLost;
    alarm.textContent = isLost
      ? `No connection since ${clockText(this.lostAt)}. What you see may be old. Clicks are kept, and sent until they are answered.`
      : "";
    document.title = document.title.replace(/^⚠ NO CONNECTION · /, "");
    if (isLost) document.title = `⚠ NO CONNECTION · ${document.title}`;
  }

  setSound(isOn) {
    this.audio?.close();
    this.audio = isOn ? new AudioContext() : null;
    this.beep(true);
  }

  beep(isTrial = false) {
    if (!this.audio || !(this.lostAt || isTrial)) return;
    const tone = this.audio.createOscillator();
    tone.connect(this.audio.destination);
    tone.start();
    tone.stop(this.audio.currentTime + 0.2);
  }
}
