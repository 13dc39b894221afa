// The fields of how an event looks on screens, with a sample of it; empty ones leave the page's own look.

const COLOUR = { pattern: "#[0-9a-fA-F]{6}", placeholder: "#rrggbb", maxLength: 7, autocomplete: "off", spellcheck: false };
const WRONG_COLOUR = "must be a colour as #rrggbb";
const PREFIX = "theme.";

export class LookFields {
  constructor(part) {
    this.part = part;
    this.inputs = [...part.querySelectorAll("input")];
    for (const input of this.inputs.filter(({ dataset }) => "colour" in dataset)) {
      Object.assign(input, COLOUR);
      input.dataset.wrong = WRONG_COLOUR;
    }
    part.addEventListener("input", () => this.showSample());
  }

  /** Shows a theme; null: none. */
  show(theme) {
    for (const input of this.inputs) input.value = theme?.[input.name.slice(PREFIX.length)] ?? "";
    this.showSample();
  }

  /** The theme as the calls take it; null: none. */
  value() {
    const entered = this.inputs.filter((input) => input.value.trim());
    return entered.length ? Object.fromEntries(entered.map(({ name, value }) => [name.slice(PREFIX.length), value.trim()])) : null;
  }

  /** What no field says by itself, as {message, field}; null: nothing. */
  lack() {
    const [background, text] = this.inputs;
    if (Boolean(background.value) === Boolean(text.value)) return null;
    const field = background.value ? text : background;
    return { field, message: "Background and text go together: give both colours, or neither" };
  }

  showSample() {
    const { background = "", foreground = "", accent = "", font = "", logo_url: logo = "" } = this.value() ?? {};
    const sample = this.part.querySelector("#look-sample");
    const isPair = background && foreground;
    sample.style.backgroundColor = isPair ? background : "";
    sample.style.color = isPair ? foreground : "";
    sample.style.borderColor = accent;
    sample.style.fontFamily = font && JSON.stringify(font);
    const picture = this.part.querySelector("#look-logo");
    picture.hidden = !/^https?:\/\/./.test(logo);
    if (!picture.hidden && picture.src !== logo) picture.src = logo;
  }
}
