// What a contestant looks like.

import { make } from "./element.js";

/** A photo; while there is none, and where it can't be had, the first character of the name. */
export function photoOf({ contestant_name: name, contestant_image_url: url }) {
  const [initial] = name;
  const photo = make("span", { className: "photo" }, make("span", { ariaHidden: "true", textContent: initial.toUpperCase() }));
  if (url.startsWith("https:")) {
    const image = make("img", { alt: `Photo of ${name}`, loading: "lazy", decoding: "async" });
    image.onerror = () => image.remove();
    image.src = url;
    photo.append(image);
  }
  return photo;
}
